"""Batches without pad tokens where the model's body is known, and the loss on answer tokens alone.

Padding stands right of the text and attention is causal, so that no mask is needed: what comes later cannot change what
came before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn.functional import pad

from unlearning import llama
from unlearning.layout import Layout, sharing
from unlearning.losses import Losses
from unlearning.tokens import Encoded

# Architectures whose logits are the output embedding applied to the last hidden state and nothing else (no scaling, no
# cap): there only the positions that count go through the vocabulary matrix.
BLOCK = 512  # tokens that go through the vocabulary at once where nothing is learned
PLAIN_HEAD = frozenset({"llama", "gpt2", "mistral", "qwen2", "qwen3", "gpt_neox", "phi"})
PLAIN_WAY = "asked_row_by_row"  # the attribute of a model that answers otherwise in a batch than alone


@dataclass(frozen=True)
class Batch:
    """Ids `(row, time)`; `where` `(row, time - 1)` marks positions whose next token is part of an answer.

    `owner` `(tokens,)` says to which row each answer token belongs. `lengths` are the rows' own, without pads; where
    they are not given, every row is as long as the rectangle.
    """

    ids: Any
    where: Any
    owner: Any
    lengths: tuple[int, ...] = ()

    @cached_property
    def targets(self) -> Any:
        """The answer tokens, row after row: `(tokens,)`."""
        return self.ids[:, 1:][self.where]

    @cached_property
    def layout(self) -> Layout:
        """Where the rows' tokens lie when they stand end to end, common beginnings once."""
        lengths = self.lengths or (self.ids.shape[1],) * self.ids.shape[0]
        return sharing(self.ids, lengths)

    @cached_property
    def packed(self) -> tuple[Any, Any, Any]:
        """Ids laid end to end `(nodes,)`, the nodes an answer token follows `(kept,)`, each answer token's one of them.

        The last is `(tokens,)`, or None where every answer token has a node of its own.
        """
        asked = self.layout.nodes[:, :-1][self.where]
        kept, place = asked.unique(return_inverse=True)
        alone = len(kept) == len(asked)
        return self.ids[self.layout.firsts], asked if alone else kept, None if alone else place

    def to(self, device: Any) -> Batch:
        """The same batch on another device."""
        return Batch(self.ids.to(device), self.where.to(device), self.owner.to(device), self.lengths)


def collate(rows: Sequence[Encoded]) -> Batch:
    """Rows as a rectangle, padded to the longest of them."""
    lengths = tuple(len(row.ids) for row in rows)
    longest = max(lengths)
    ids = torch.tensor([[*row.ids, *(0,) * (longest - length)] for row, length in zip(rows, lengths, strict=True)])
    first, end = torch.tensor([[row.start - 1, length - 1] for row, length in zip(rows, lengths, strict=True)]).t()
    times = torch.arange(longest - 1)
    where = (times >= first[:, None]) & (times < end[:, None])
    return Batch(ids, where, where.nonzero()[:, 0], lengths)


def joined(batches: Sequence[Batch]) -> Batch:
    """The rows of all these batches as one, padded to the longest."""
    longest = max(batch.ids.shape[1] for batch in batches)
    firsts = itertools.accumulate((len(batch.ids) for batch in batches), initial=0)
    return Batch(
        torch.cat([pad(batch.ids, (0, longest - batch.ids.shape[1])) for batch in batches]),
        torch.cat([pad(batch.where, (0, longest - batch.ids.shape[1])) for batch in batches]),
        torch.cat([batch.owner + first for batch, first in zip(batches, firsts, strict=False)]),
        tuple(length for batch in batches for length in batch.lengths or (batch.ids.shape[1],) * len(batch.ids)),
    )


def by_length(rows: Sequence[Encoded], *, size: int) -> Iterator[list[int]]:
    """Indexes of rows in groups of at most `size` and of similar length."""
    return _groups(rows, size, lambda row: len(row.ids))


def alike(model: Any, rows: Sequence[Encoded], *, size: int) -> Iterator[list[int]]:
    """Indexes of rows in groups of at most `size`: rows that begin alike where that saves work, else of like length."""
    return _groups(rows, size, lambda row: row.ids) if llama.plain(model) else by_length(rows, size=size)


def _groups(rows: Sequence[Encoded], size: int, key: Callable[[Encoded], Any]) -> Iterator[list[int]]:
    order = sorted(range(len(rows)), key=lambda index: key(rows[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


Forward = Callable[[Any, Batch], Any]
_WAY: ContextVar[Callable[[Any, Batch, Forward], Any] | None] = ContextVar("way", default=None)


@contextmanager
def forwarding(way: Callable[[Any, Batch, Forward], Any]) -> Iterator[None]:
    """Within the block, logits are asked of `way(model, batch, forward)`; it may pass part of the batch forward."""
    before = _WAY.set(way)
    try:
        yield
    finally:
        _WAY.reset(before)


def answer_logits(model: Any, batch: Batch) -> Any:
    """Logits that predict the answer tokens: `(tokens, vocabulary)`."""
    way = _WAY.get()
    return way(model, batch, _answer_logits) if way else _answer_logits(model, batch)


def _answer_logits(model: Any, batch: Batch) -> Any:
    model = inner(model)
    if getattr(model, PLAIN_WAY, False):
        return _row_by_row(model, batch)
    if llama.suits(model, batch.layout):
        ids, kept, place = batch.packed
        logits = model.get_output_embeddings()(llama.hidden_at(model, ids, layout=batch.layout, kept=kept))
        return logits if place is None else logits.index_select(0, place)
    if model.config.model_type in PLAIN_HEAD and not hasattr(model, "unshard"):  # shares are put together at the top
        body = getattr(model, model.base_model_prefix)
        hidden = body(input_ids=batch.ids, use_cache=False).last_hidden_state  # (row, time, width)
        return model.get_output_embeddings()(hidden[:, :-1][batch.where])
    return model(input_ids=batch.ids, use_cache=False).logits[:, :-1][batch.where]


def _row_by_row(model: Any, batch: Batch) -> Any:
    """The same from one pass a row, without pads and through the whole model."""
    lengths = batch.lengths or (batch.ids.shape[1],) * len(batch.ids)
    found = [
        model(input_ids=ids[None, :length], use_cache=False).logits[0, :-1][where[: length - 1]]
        for ids, where, length in zip(batch.ids, batch.where, lengths, strict=True)
    ]
    return torch.cat(found)


def logits_of_each(model: Any, *batches: Batch) -> tuple[Any, ...]:
    """What `answer_logits` gives of each batch, in one pass; what rows of several begin with is computed once."""
    return tuple(answer_logits(model, joined(batches)).split([len(batch.owner) for batch in batches]))


def token_losses(model: Any, batch: Batch) -> Any:
    """Cross-entropy of each answer token, in nats: `(tokens,)`."""
    body = inner(model)
    quick = _WAY.get() is None and not torch.is_grad_enabled() and not getattr(body, PLAIN_WAY, False)
    if quick and llama.suits(body, batch.layout):
        return _losses_alone(body, batch)
    return losses_in(answer_logits(model, batch), batch)


def _losses_alone(model: Any, batch: Batch) -> Any:
    """The same where nothing is learned: a block of tokens at a time goes through the vocabulary, and is let go."""
    ids, kept, place = batch.packed
    place = torch.arange(len(kept)) if place is None else place
    order = place.argsort(stable=True)
    hidden = llama.hidden_at(model, ids, layout=batch.layout, kept=kept)
    losses = torch.empty(len(place))
    bounds = torch.searchsorted(place[order], torch.arange(0, len(kept) + BLOCK, BLOCK)).tolist()
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):
        logits = model.get_output_embeddings()(hidden[number * BLOCK : (number + 1) * BLOCK])
        mine = order[first:last]
        chosen = torch.log_softmax(logits, dim=-1)[place[mine] - number * BLOCK, batch.targets[mine]]
        losses[mine] = chosen.neg()
    return losses


def inner(model: Any) -> Any:
    """The model inside its adapters, which stay where they are."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def losses_of_each(model: Any, *batches: Batch) -> tuple[Any, ...]:
    """What `token_losses` gives of each batch, in one pass."""
    return tuple(losses_in(*pair) for pair in zip(logits_of_each(model, *batches), batches, strict=True))


def losses_in(logits: Any, batch: Batch) -> Any:
    """Cross-entropy of each answer token under these logits, in nats: `(tokens,)`."""
    if logits.requires_grad and logits.dtype is torch.float32 and logits.device.type == "cpu":
        found: Any = Losses.apply(logits, batch.targets)
        return found
    return torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
