"""Whether the quick ways through a model say what a plain forward pass says; else the plain one is taken, or none.

Every model is tried when it is opened, on a few invented rows of ids: rows in a batch with pads behind them, what
begins alike computed once, what was begun continued from its cache, pads in front. A way that disagrees is not used for
that model; where a token's chances depend on what comes after it, or a pass changes the weights, the model is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning import answering, prefixes
from unlearning.batches import PLAIN_WAY, answer_logits, collate
from unlearning.errors import ModelError
from unlearning.prefixes import NO_CACHE
from unlearning.room import own_room
from unlearning.tokens import Encoded

APART = 0.01  # of the spread of log-probabilities by which one may differ: sums in another order
LATER = 0.001  # the same for what comes later: that is the same sum
LENGTHS = (7, 11, 4)
CUT = 3
FAILURES = (RuntimeError, TypeError, ValueError, LookupError, AttributeError)  # what architectures raise of their own
_log = logging.getLogger("unlearning")


@dataclass(frozen=True)
class Tried:
    """A model, invented rows of ids, and the plain pass's log-probabilities of each row: `(time, vocabulary)`."""

    model: Any
    rows: tuple[Encoded, ...]
    plain: tuple[Any, ...]


def check_ways(model: Any, *, doing: str) -> None:
    """Try each quick way and mark those that this model must not be asked by.

    Raises ModelError for a model that cannot be asked at all: not causal, or changed by being asked.
    """
    if own_room(model.config) < min(LENGTHS):
        return
    with torch.inference_mode():
        rows = tuple(_invented(model))
        before = [weight._version for weight in model.parameters()]
        try:
            tried = Tried(model, rows, tuple(_plain(model, row.ids) for row in rows))
        except FAILURES as error:
            raise ModelError(
                f"{doing}: a plain pass over ids fails ({type(error).__name__}); give a causal language model for text"
            ) from None
        if before != [weight._version for weight in model.parameters()]:
            raise ModelError(
                f"{doing}: asking this kind of model changes its weights, so that what is saved is not what was "
                "measured; export it to an architecture without a memory of its own kind"
            )
        if not _close(_plain(model, rows[0].ids[:-CUT]), tried.plain[0][:-CUT], apart=LATER):
            raise ModelError(f"{doing}: what comes later changes what came before; give a causal language model")
        if not _agrees(_batches, tried):
            setattr(model, PLAIN_WAY, True)
            _log.warning("this model is asked row by row: in a batch it answers otherwise than alone")
        if not (_agrees(_continues, tried) and _agrees(_writes, tried)):
            setattr(model, NO_CACHE, True)
            _log.warning("this model is asked without its cache: with it, it answers otherwise than without")


def _invented(model: Any) -> list[Encoded]:
    """Rows of different length, the first two beginning alike, of ids that the model has."""
    words = int(model.get_input_embeddings().weight.shape[0])
    draw = torch.Generator().manual_seed(0)
    lengths = [min(length, own_room(model.config)) for length in LENGTHS]
    rows = [torch.randint(0, words, (length,), generator=draw, device="cpu").tolist() for length in lengths]
    rows[1][:CUT] = rows[0][:CUT]
    return [Encoded(tuple(row), 1) for row in rows]


def _plain(model: Any, ids: Sequence[int]) -> Any:
    return torch.log_softmax(model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0].float(), dim=-1)


def _close(found: Any, wanted: Any, *, apart: float = APART) -> bool:
    """Whether two rows of log-probabilities say the same."""
    return bool((found - wanted).abs().max() < apart * wanted.std())


def _agrees(way: Callable[[Tried], bool], tried: Tried) -> bool:
    """Whether a quick way says what the plain pass says; one that fails does not."""
    try:
        return way(tried)
    except FAILURES:
        return False


def _batches(tried: Tried) -> bool:
    found = torch.log_softmax(answer_logits(tried.model, collate(tried.rows)).float(), dim=-1)
    return _close(found, torch.cat([plain[:-1] for plain in tried.plain]))


def _continues(tried: Tried) -> bool:
    """Whether what was begun goes on as a whole pass does."""
    row, plain = tried.rows[1], tried.plain[1]
    begun = prefixes.begin(tried.model, row.ids[:CUT])
    if begun.cache is None:
        return True
    tail = row.ids[CUT:]
    wanted = plain[CUT - 1 : -1].gather(1, torch.tensor(tail)[:, None]).sum()
    (found,) = begun.continued([tail])
    return abs(found - float(wanted)) < APART * float(plain.std()) * len(tail)


def _writes(tried: Tried) -> bool:
    """Whether the next tokens behind rows with pads in front are those of a plain pass."""
    seen: list[Any] = []

    def told(logits: Any) -> Any:
        seen.append(torch.log_softmax(logits.float(), dim=-1))
        if len(logits) != len(heads):  # written anew, length by length: that is the plain way
            return torch.zeros(len(logits), dtype=torch.long)
        return torch.tensor([row.ids[len(head) + len(seen) - 1] for row, head in zip(tried.rows, heads, strict=True)])

    heads = [row.ids[:-2] for row in tried.rows]
    answering.written(tried.model, heads, ends=set(), longest=2, choose=told)
    if any(len(logs) != len(heads) for logs in seen):
        return True
    return all(
        _close(logs[place], plain[len(head) - 1 + step])
        for step, logs in enumerate(seen)
        for place, (plain, head) in enumerate(zip(tried.plain, heads, strict=True))
    )
