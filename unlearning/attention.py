"""Attention over rectangles of rows that begin alike, forward and backward, in float32 on the CPU.

What a rectangle's rows share is multiplied with all their queries at once; each row's own keys with its own queries.
Scores of both stand side by side, so that one softmax weighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from unlearning.layout import Layout, Rectangle, Slots

NOTHING = torch.zeros(())
LARGE = 1e26  # sums of powers of e between this and its inverse lost nothing to what float32 can hold


@dataclass(frozen=True)
class Attention:
    """How the rows of a layout see each other: `heads` ask, `groups` of them are asked, `size` numbers each."""

    rectangles: tuple[Rectangle, ...]
    slots: Slots
    heads: int
    groups: int
    size: int

    @cached_property
    def masks(self) -> tuple[Any, ...]:
        """For each rectangle what is added to scores of its own keys, so that nobody sees what comes later."""
        return tuple(_mask(shape, self.heads // self.groups) for shape in self.rectangles)


def attention_for(layout: Layout, *, heads: int, groups: int, size: int, kept: Any = None) -> Attention:
    """The index maps that layers share; with `kept` those of a layer in which these nodes alone ask."""
    rectangles = layout.rectangles if kept is None else layout.asking(kept)
    slots = layout.slots(rectangles, heads=heads, groups=groups, kept=kept)
    return Attention(rectangles, slots, heads, groups, size)


def _mask(shape: Rectangle, repeated: int) -> Any:
    later = torch.full((shape.asking, shape.tail), float("-inf")).triu(1 + shape.tail - shape.asking)
    return later.repeat(repeated, 1)


@dataclass(frozen=True)
class _Part:
    """Views of a rectangle's slots.

    Queries `asked` `(rows·groups, heads of a group · times, size)`, keys and values `(rows·groups, times, size)`, those
    of the shared beginning `(groups, times, size)`.
    """

    asked: Any
    keys: Any
    trunk_keys: Any
    values: Any
    trunk_values: Any

    def over_rows(self, held: Any) -> Any:
        """What the rows of a group hold, as one matrix: `(groups, rows · …, …)`."""
        return held.view(len(self.trunk_keys), -1, held.shape[-1])


def _parts(buffer: Any, *, how: Attention) -> list[_Part]:
    """Each rectangle's views of the buffer of slots."""
    counts = [(len(shape.rows) * shape.tail, shape.start) for shape in how.rectangles]
    asked = [len(shape.rows) * shape.asking * how.heads for shape in how.rectangles]
    kept = [count * how.groups for pair in counts for count in pair]
    pieces = iter(buffer.split([*asked, *kept, *kept]))
    queries = [next(pieces) for _ in asked]
    keys, values = ([next(pieces) for _ in kept] for _ in range(2))
    found = []
    for place, (shape, query) in enumerate(zip(how.rectangles, queries, strict=True)):
        count = len(shape.rows) * how.groups
        shown = [part[2 * place + 1].view(how.groups, shape.start, how.size) for part in (keys, values)]
        own = [part[2 * place].view(count, shape.tail, how.size) for part in (keys, values)]
        found.append(_Part(query.view(count, -1, how.size), own[0], shown[0], own[1], shown[1]))
    return found


def attend(parts: Any, *, how: Attention) -> tuple[list[Any], Any]:
    """Attention weights of each rectangle, and what was gathered `(queries, size)`, from filled slots `(slots, size)`.

    Queries come with the scale of their scores.
    """
    weights, gathered = [], []
    for mask, shape, part in zip(how.masks, how.rectangles, _parts(parts, how=how), strict=True):
        odds = _scores(part.asked, part, part.trunk_keys, part.keys, start=shape.start, mask=mask)
        weights.append(torch.softmax(odds, dim=-1))
        shared, own = _split(weights[-1], part, start=shape.start)
        found = torch.bmm(shared, part.trunk_values).view(part.asked.shape)
        gathered.append(found.baddbmm_(own, part.values).view(-1, how.size))
    return weights, torch.cat(gathered)


def attend_alone(parts: Any, *, how: Attention) -> Any:
    """What `attend` gathers, where nothing is learned: without a copy that holds all weights of a token side by side.

    Weights are left above their sum, by which what they gathered is divided. Where scores are so large that a sum of
    their powers of e is not to be trusted, all is done as where something is learned.
    """
    found = []
    for shape, part in zip(how.rectangles, _parts(parts, how=how), strict=True):
        gathered, total = _gathered(part, shape)
        low, high = total.aminmax()
        if not (float(low) > 1 / LARGE and float(high) < LARGE):
            return attend(parts, how=how)[1]
        found.append(gathered.div_(total).view(-1, how.size))
    return torch.cat(found)


def _gathered(part: _Part, shape: Rectangle) -> tuple[Any, Any]:
    """What a rectangle's queries gather `(rows·groups, …, size)`, and by what it is to be divided `(…, 1)`."""
    own = torch.bmm(part.asked, part.keys.transpose(1, 2))
    own.exp_().view(-1, shape.asking, shape.tail).tril_(shape.tail - shape.asking)
    total = (own.view(-1, shape.tail) @ own.new_ones(shape.tail)).view(*own.shape[:2], 1)
    if not shape.start:
        return torch.bmm(own, part.values), total
    shared = torch.bmm(part.over_rows(part.asked), part.trunk_keys.transpose(1, 2)).exp_()
    total += (shared.view(-1, shape.start) @ own.new_ones(shape.start)).view(total.shape)
    return torch.bmm(shared, part.trunk_values).view(part.asked.shape).baddbmm_(own, part.values), total


def _scores(left: Any, part: _Part, shared: Any, own: Any, *, start: int, mask: Any) -> Any:
    """Products of each row's vectors with those of the shared beginning and its own: `(rows·groups, …, width)`.

    `mask` is added to its own.
    """
    found = left.new_empty(*left.shape[:2], start + own.shape[1])
    if start:
        found[..., :start] = torch.bmm(part.over_rows(left), shared.transpose(1, 2)).view(*left.shape[:2], start)
    torch.add(torch.bmm(left, own.transpose(1, 2)), mask, out=found[..., start:])
    return found


def _split(odds: Any, part: _Part, *, start: int) -> tuple[Any, Any]:
    """Columns of the shared beginning, all rows of a group together, and each row's own: views."""
    return part.over_rows(odds)[..., :start], odds[..., start:]


def attend_back(grad: Any, parts: Any, odds: Sequence[Any], *, how: Attention) -> Any:
    """Gradient of the heads that filled the slots `(heads, size)`, from that of what was gathered for who asked."""
    found, slots = torch.empty_like(parts), how.slots
    spread = torch.zeros(sum(weight.shape[0] * weight.shape[1] for weight in odds), how.size)
    spread.index_copy_(0, slots.back, grad.view(-1, how.size))
    pieces = spread.split([weight.shape[0] * weight.shape[1] for weight in odds])
    given, wanted = _parts(parts, how=how), _parts(found, how=how)
    for shape, weight, piece, part, into in zip(how.rectangles, odds, pieces, given, wanted, strict=True):
        _rectangle_back(piece.view(part.asked.shape), weight, part, into, start=shape.start)
    folded = found.index_select(0, slots.fold)
    further, whose = slots.again
    if len(further):
        folded.index_add_(0, whose, found.index_select(0, further))
    return folded


def _rectangle_back(grad: Any, odds: Any, part: _Part, into: _Part, *, start: int) -> None:
    """Gradients of a rectangle's queries, keys and values, written to the views `into`."""
    shared, own = _split(odds, part, start=start)
    torch.bmm(shared.transpose(1, 2), part.over_rows(grad), out=into.trunk_values)
    torch.bmm(own.transpose(1, 2), grad, out=into.values)
    score = _scores(grad, part, part.trunk_values, part.values, start=start, mask=NOTHING)
    torch.ops.aten._softmax_backward_data.out(score, odds, -1, torch.float32, grad_input=score)
    shared, own = _split(score, part, start=start)
    torch.bmm(shared, part.trunk_keys, out=part.over_rows(into.asked))
    into.asked.baddbmm_(own, part.keys)
    torch.bmm(shared.transpose(1, 2), part.over_rows(part.asked), out=into.trunk_keys)
    torch.bmm(own.transpose(1, 2), part.asked, out=into.keys)
