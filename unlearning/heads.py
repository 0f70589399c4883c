"""Queries, keys and values of a Llama-type layer on packed tokens, with rotary positions, forward and backward.

Three kinds of layer make them in three ways: in the first they come from each word that occurs once, whatever its
place, before they are turned; in the last only the tokens asked for have queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlearning.attention import Attention


@dataclass(frozen=True)
class Frame:
    """What all layers share: the tokens, those kept, who sees whom, rotation angles."""

    ids: Any
    kept: Any
    how: Attention
    end: Attention  # of the last layer, where only the tokens kept ask
    words: Any  # ids that occur, and for each token which of them it is: no token's place matters to the first heads
    word: Any
    turns: Any
    eps: float
    learning: bool  # whether gradients will be asked for: autograd does not tell inside a node of its own


def joined_matrix(query: Any, key: Any, value: Any, frame: Frame) -> Any:
    """The three projections as one matrix, each query and key head's halves interleaved: `(all heads·size, width)`.

    So a pair of numbers is turned as one complex number, in one pass; scores do not see an order that both share. The
    queries' part holds the scale of the scores.
    """
    pairs = [
        part.view(-1, 2, frame.how.size // 2, part.shape[1]).transpose(1, 2).reshape(part.shape)
        for part in (query, key)
    ]
    pairs[0] *= frame.how.size**-0.5
    return torch.cat((*pairs, value))


def parted_matrix(joined: Any, frame: Frame) -> list[Any]:
    """The three gradients, with halves back in their places."""
    ends = [frame.how.heads * frame.how.size, frame.how.groups * frame.how.size, frame.how.groups * frame.how.size]
    query, key, value = joined.split(ends)
    pairs = [
        part.view(-1, frame.how.size // 2, 2, part.shape[1]).transpose(1, 2).reshape(part.shape)
        for part in (query, key)
    ]
    pairs[0] *= frame.how.size**-0.5
    return [*pairs, value]


def _turn(heads: Any, turns: Any, *, size: int, count: int) -> None:
    """Rotary positions on the first `count` heads of each token `(tokens, heads · size)`, in place."""
    pairs = heads[:, : count * size].view(len(heads), count, size // 2, 2)
    torch.view_as_complex(pairs).mul_(turns)


def inner_heads(unit: Any, matrix: Any, frame: Frame) -> Any:
    """Queries, keys and values of all tokens, turned: `(heads, size)`."""
    how = frame.how
    found = unit @ matrix.t()
    _turn(found, frame.turns, size=how.size, count=how.heads + how.groups)
    return found.view(-1, how.size)


def inner_heads_back(grad: Any, unit: Any, joined: Any, norm: Any, frame: Frame) -> tuple[Any, Any]:
    """Gradients of `unit` and of what it was multiplied with, from that of `inner_heads`."""
    how = frame.how
    grad = grad.view(len(unit), -1)
    _turn(grad, frame.turns.conj(), size=how.size, count=how.heads + how.groups)
    return grad @ (joined * norm), grad.t() @ unit


def first_heads(unit: Any, matrix: Any, frame: Frame) -> Any:
    """The same from each word once: `unit` is `(words, width)`."""
    how = frame.how
    found = (unit @ matrix.t()).index_select(0, frame.word)
    _turn(found, frame.turns, size=how.size, count=how.heads + how.groups)
    return found.view(-1, how.size)


def first_heads_back(grad: Any, unit: Any, joined: Any, norm: Any, frame: Frame) -> tuple[Any, Any]:
    """Gradients of `unit` and of what it was multiplied with, from that of `first_heads`."""
    how = frame.how
    grad = grad.view(len(frame.ids), -1)
    _turn(grad, frame.turns.conj(), size=how.size, count=how.heads + how.groups)
    grad = grad.new_zeros(len(unit), grad.shape[1]).index_add_(0, frame.word, grad)
    return grad @ (joined * norm), grad.t() @ unit


def last_heads(unit: Any, matrix: Any, frame: Frame) -> Any:
    """The same where only the tokens kept ask: their queries, then keys and values of all: `(heads, size)`."""
    found = unit.new_empty(frame.end.slots.every, frame.how.size)
    asked, shown = _halves(found, frame)
    ends = asked.shape[1]
    torch.mm(unit.index_select(0, frame.kept), matrix[:ends].t(), out=asked)
    torch.mm(unit, matrix[ends:].t(), out=shown)
    _turn_halves(asked, shown, frame.turns, frame)
    return found


def last_heads_back(grad: Any, unit: Any, joined: Any, norm: Any, frame: Frame) -> tuple[Any, Any]:
    """Gradients of `unit` and of what it was multiplied with, from that of `last_heads`."""
    asked, shown = _halves(grad, frame)
    _turn_halves(asked, shown, frame.turns.conj(), frame)
    ends, matrix, found = asked.shape[1], joined * norm, torch.empty_like(joined)
    torch.mm(asked.t(), unit.index_select(0, frame.kept), out=found[:ends])
    torch.mm(shown.t(), unit, out=found[ends:])
    return (shown @ matrix[ends:]).index_add_(0, frame.kept, asked @ matrix[:ends]), found


def _halves(heads: Any, frame: Frame) -> tuple[Any, Any]:
    """Views of the last layer's heads: queries `(kept, …)`, keys and values `(tokens, …)`."""
    asked = len(frame.kept) * frame.how.heads
    return heads[:asked].view(len(frame.kept), -1), heads[asked:].view(len(frame.ids), -1)


def _turn_halves(asked: Any, shown: Any, turns: Any, frame: Frame) -> None:
    _turn(asked, turns[frame.kept], size=frame.how.size, count=frame.how.heads)
    _turn(shown, turns, size=frame.how.size, count=frame.how.groups)


BACK = {inner_heads: inner_heads_back, first_heads: first_heads_back, last_heads: last_heads_back}


def kind_of(place: int, layers: int) -> Any:
    """How the heads of the layer at this place are made."""
    if place == layers - 1:
        return last_heads
    return inner_heads if place else first_heads
