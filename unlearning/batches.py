"""Batches without pad tokens where the model's body is known, and the loss on answer tokens alone.

Padding stands right of the text and attention is causal, so that no mask is needed: what comes later cannot change what
came before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from unlearning import llama
from unlearning.layout import Layout
from unlearning.tokens import Encoded

# Architectures whose logits are the output embedding applied to the last hidden state and nothing else (no scaling, no
# cap): there only the positions that count go through the vocabulary matrix.
PLAIN_HEAD = frozenset({"llama", "gpt2", "mistral", "qwen2", "qwen3", "gpt_neox", "phi"})


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
        """Where the rows' tokens lie when they stand end to end."""
        return Layout(self.lengths or (self.ids.shape[1],) * self.ids.shape[0])

    @cached_property
    def packed(self) -> tuple[Any, Any]:
        """All rows' tokens end to end `(all,)`, and which of them are followed by an answer token `(tokens,)`."""
        real = torch.arange(self.ids.shape[1])[None] < torch.tensor(self.layout.lengths)[:, None]
        before = torch.cat((self.where, torch.zeros_like(self.where[:, :1])), 1) if self.where.numel() else ~real
        return self.ids[real], before[real].nonzero()[:, 0]

    def to(self, device: Any) -> Batch:
        """The same batch on another device."""
        return Batch(self.ids.to(device), self.where.to(device), self.owner.to(device), self.lengths)


def collate(rows: Sequence[Encoded]) -> Batch:
    """Rows as a rectangle, padded to the longest of them."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    where = torch.zeros((len(rows), longest - 1), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        where[index, row.start - 1 : len(row.ids) - 1] = True
    return Batch(ids, where, where.nonzero()[:, 0], tuple(len(row.ids) for row in rows))


def by_length(rows: Sequence[Encoded], *, size: int) -> Iterator[list[int]]:
    """Indexes of rows in groups of at most `size` and of similar length."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def answer_logits(model: Any, batch: Batch) -> Any:
    """Logits that predict the answer tokens: `(tokens, vocabulary)`."""
    model = model.get_base_model() if hasattr(model, "get_base_model") else model  # adapters stay inside
    if llama.suits(model, batch.layout):
        ids, kept = batch.packed
        return model.get_output_embeddings()(llama.hidden_at(model, ids, layout=batch.layout, kept=kept))
    if model.config.model_type in PLAIN_HEAD:
        body = getattr(model, model.base_model_prefix)
        hidden = body(input_ids=batch.ids, use_cache=False).last_hidden_state  # (row, time, width)
        return model.get_output_embeddings()(hidden[:, :-1][batch.where])
    return model(input_ids=batch.ids, use_cache=False).logits[:, :-1][batch.where]


def token_losses(model: Any, batch: Batch) -> Any:
    """Cross-entropy of each answer token, in nats: `(tokens,)`."""
    return torch.nn.functional.cross_entropy(answer_logits(model, batch), batch.targets, reduction="none")
