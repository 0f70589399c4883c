"""How many tokens of a row a model sees: one limit for all verbs, the model's own unless somebody names less.

A new model is given the room that its longest row needs. What is longer is refused, or cut where a limit was named; how
many rows were cut stands in the result. Whether memory is there for the longest row is asked before the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlearning import llama
from unlearning.errors import InputError, RowsError
from unlearning.tokens import Encoded, all_answer_ids, prompt_ids
from unlearning.types import Row, TrainingPlan

LONGEST = 2048  # tokens of a text where the model names no limit of its own, and that a new model is given at most
SHORTEST = 256  # tokens that a new model has room for at least
TOGETHER = 16  # rows that are learned from at once
LARGE = 1 << 28  # numbers from which on it is asked whether memory is there
PIECE = 1 << 25  # numbers that a pass may keep for its way back where its rows can be learned from in pieces
LIMITS = ("max_position_embeddings", "max_seq_len", "n_positions", "context_length")  # what families call it
_NAMED: ContextVar[int | None] = ContextVar("named", default=None)


@contextmanager
def limited(tokens: int | None) -> Iterator[None]:
    """Within the block rows have at most this many tokens; raises InputError for fewer than two."""
    if tokens is not None and tokens < 2:
        raise InputError("starting: a row needs at least 2 tokens, name a larger --context or leave it out")
    before = _NAMED.set(tokens)
    try:
        yield
    finally:
        _NAMED.reset(before)


def named() -> int:
    """The limit that somebody named, 0 where nobody did."""
    return _NAMED.get() or 0


def room_of(model: Any) -> int:
    """How many tokens the model sees at once: its own limit, or the one that was named where that is less."""
    return min(own_room(model.config), named() or own_room(model.config))


def own_room(config: Any) -> int:
    """The limit that a model's configuration names."""
    found = (getattr(config, name, None) for name in LIMITS)
    return next((limit for limit in found if isinstance(limit, int) and limit > 0), LONGEST)


def fitted(head: Sequence[int], answer: Sequence[int], *, room: int) -> Encoded:
    """A question and its answer within `room` tokens: the question's beginning goes first, then the answer's end."""
    answer = list(answer[: room - 1])
    head = list(head[max(0, len(head) + len(answer) - room) :])
    return Encoded((*head, *answer), start=max(1, len(head)))


def lengths_of(tokenizer: Any, rows: Sequence[Row]) -> list[int]:
    """Tokens of each row, whole: question and answer."""
    endings = all_answer_ids(tokenizer, [row.response for row in rows]) if rows else []
    return [len(prompt_ids(tokenizer, row.prompt)) + len(end) for row, end in zip(rows, endings, strict=True)]


def cut(tokenizer: Any, rows: Sequence[Row], *, room: int) -> int:
    """How many of the rows are longer than the room, so that a part of them is neither learned nor asked."""
    return sum(length > room for length in lengths_of(tokenizer, rows))


def said(tokenizer: Any, rows: Sequence[Row], *, model: Any) -> dict[str, int]:
    """How many rows are longer than the model's room, and that room; nothing where all fit."""
    count = cut(tokenizer, rows, room=room_of(model))
    return {"rows_cut": count, "cut_at": room_of(model)} if count else {}


def roomy(plan: TrainingPlan, lengths: Sequence[int], *, most: int) -> TrainingPlan:
    """The plan with room for its longest row, as a power of two; one that names its room stays.

    Raises RowsError where a row has more than `most` tokens, InputError where the plan names more.
    """
    if plan.longest > most:
        raise InputError(f"training: a model of this shape sees {most} tokens at most; name no more with --context")
    if plan.longest:
        return plan
    check_lengths(lengths, most=most, doing="training")
    return replace(plan, longest=min(most, max(SHORTEST, 1 << (max(lengths, default=1) - 1).bit_length())))


def check_lengths(lengths: Sequence[int], *, most: int, doing: str) -> None:
    """Raise RowsError where a row is longer than a model can see: it would not be learned whole."""
    beyond = sum(length > most for length in lengths)
    if beyond:
        raise RowsError(
            f"{doing}: {beyond} rows have more than {most} tokens (up to {max(lengths)}), which the model cannot see "
            f"at once; split them, or have them cut by --context {most}"
        )


def check_memory(model: Any, *, longest: int, rows: int, learning: bool) -> None:
    """Raise InputError where rows of so many tokens would not fit into the memory that is free.

    Counted are logits, and where something is learned what each layer keeps for its way back.
    """
    together = min(rows, TOGETHER) if learning else 1
    numbers = together * longest * (3 * int(model.config.vocab_size) + _kept(model.config, learning=learning))
    free = free_memory() if numbers > LARGE else None
    if free is not None and 4 * numbers > free:
        raise InputError(
            f"reading rows: {together} of {longest} tokens need about {4 * numbers / 1e9:.0f} GB and "
            f"{free / 1e9:.0f} GB are free; split the long rows, or have them cut by --context"
        )


def _kept(config: Any, *, learning: bool) -> int:
    """Numbers that a pass holds of each token: of one layer, or where something is learned of each."""
    width, layers = (int(getattr(config, name, 0) or 0) for name in ("hidden_size", "num_hidden_layers"))
    inner = int(getattr(config, "intermediate_size", 0) or 4 * width)
    return (12 * width + 4 * inner) * (layers if learning else 1)


def in_pieces(model: Any, rows: Sequence[Encoded]) -> list[list[Encoded]]:
    """Rows in groups that may be learned from one after the other, so that no pass of a large model keeps too much.

    A plain Llama's way back lets go of what it kept layer by layer and hands over all gradients at its end: there a
    second piece would hold them twice.
    """
    if llama.plain(model):
        return [list(rows)]
    most, found = PIECE // max(1, _kept(model.config, learning=True)), [list(rows[:1])]
    for row in rows[1:]:
        if sum(len(other.ids) for other in found[-1]) + len(row.ids) > most:
            found.append([])
        found[-1].append(row)
    return found


def free_memory() -> int | None:
    """Bytes that can be taken now, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None
