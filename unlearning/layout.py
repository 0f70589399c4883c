"""Rows of different length laid end to end: projections see no pad token, attention sees a few tight rectangles.

What several rows begin with is laid down once: attention is causal, so that a token's state depends on what stands
before it alone. Rows make a tree, and each of its nodes is computed once; rows that share nothing make as many trunks.

Packing after "Efficient Sequence Packing without Cross-contamination" (arXiv 2107.02027). A block-diagonal mask over
all tokens would cost their number squared; here rows of similar length are unfolded into rectangles for the attention
alone, so that it costs about each row's length squared. Text stands left and attention is causal: what fills a pad slot
reaches no real token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

FEW, MOST = 8, 4  # rows of a rectangle at least, rectangles at most


@dataclass(frozen=True)
class Rectangle:
    """Some rows of a layout, and the longest length among them."""

    rows: tuple[int, ...]
    width: int


@dataclass(frozen=True)
class Layout:
    """Where each token of rows with these `lengths` lies when they stand end to end.

    `order` is one in which rows that begin alike are neighbours, `common` how many tokens each row of it shares with
    the row before; without them nothing is shared.
    """

    lengths: tuple[int, ...]
    order: tuple[int, ...] = ()
    common: tuple[int, ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens are computed: nodes of the tree."""
        return sum(self.lengths) - sum(self.common)

    @property
    def width(self) -> int:
        return max(self.lengths)

    @cached_property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """Rows grouped by length."""
        order = sorted(range(len(self.lengths)), key=lambda row: self.lengths[row])
        size = max(FEW, -(-len(order) // MOST))
        groups = [tuple(order[start : start + size]) for start in range(0, len(order), size)]
        return tuple(Rectangle(rows, self.lengths[rows[-1]]) for rows in groups)

    @cached_property
    def _ordered(self) -> tuple[Any, Any, Any]:
        """Rows in order `(rows,)`; times that exist, and times that no row before shows: `(rows, width)` both."""
        order = torch.tensor(self.order or range(len(self.lengths)))
        common = torch.tensor(self.common or [0] * len(self.lengths))
        times = torch.arange(self.width)[None]
        real = times < torch.tensor(self.lengths)[order][:, None]
        return order, real, real & (times >= common[:, None])

    @cached_property
    def nodes(self) -> Any:
        """For each row and time the node, -1 behind its end: `(rows, width)`.

        A shared time has the node of the last row before that showed it anew, which is the largest so far.
        """
        order, real, fresh = self._ordered
        anew = torch.where(fresh, fresh.flatten().cumsum(0).view_as(fresh) - 1, -1)
        found = torch.empty_like(anew)
        found[order] = torch.where(real, anew.cummax(0).values, -1)
        return found

    @cached_property
    def firsts(self) -> tuple[Any, Any]:
        """For each node the row and the time that show it first: `(nodes,)` both."""
        order, _, fresh = self._ordered
        row, time = fresh.nonzero(as_tuple=True)
        return order[row], time

    @property
    def positions(self) -> Any:
        """Position of each token in its own row: `(1, tokens)`."""
        return self.firsts[1][None]

    def unfolding(self, *, heads: int, first: int, every: int) -> Any:
        """Flat indexes from packed `(tokens, every)` to rectangles `(rows, heads, width)` of heads `first` and on.

        A pad slot takes token 0: any will do.
        """
        chosen = first + torch.arange(heads)[None, :, None]
        slots = (self.nodes[list(shape.rows), : shape.width] for shape in self.rectangles)
        return torch.cat([(some.clamp_min(0)[:, None] * every + chosen).flatten() for some in slots])

    def folding(self, *, heads: int) -> Any:
        """Flat indexes from rectangles `(rows, heads, width)` back to packed: `(tokens, heads)`, where first shown."""
        return self._slots(*self.firsts, heads=heads)

    def repeated(self, *, heads: int) -> tuple[Any, Any]:
        """Slots that `folding` leaves out `(n, heads)`, and their tokens `(n,)`: gradients come back there too."""
        order, real, fresh = self._ordered
        row, time = (real & ~fresh).nonzero(as_tuple=True)
        return self._slots(order[row], time, heads=heads), self.nodes[order[row], time]

    def _slots(self, row: Any, time: Any, *, heads: int) -> Any:
        """Flat indexes in rectangles `(rows, heads, width)` of these rows and times: `(n, heads)`."""
        begin, width = (
            torch.empty(len(self.lengths), dtype=torch.long),
            torch.empty(len(self.lengths), dtype=torch.long),
        )
        start = 0
        for shape in self.rectangles:
            rows = list(shape.rows)
            begin[rows] = start + torch.arange(len(rows)) * heads * shape.width
            width[rows] = shape.width
            start += len(rows) * heads * shape.width
        return (begin[row] + time)[:, None] + torch.arange(heads) * width[row][:, None]


def sharing(ids: Any, lengths: Sequence[int]) -> Layout:
    """The layout of rows `ids` `(rows, width)` of these lengths, what they begin with in common laid down once."""
    numbers = torch.where(torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None], ids, -1)
    listed = numbers.tolist()
    order = sorted(range(len(listed)), key=listed.__getitem__)
    inner = numbers[order]
    same = (inner[1:] == inner[:-1]) & (inner[1:] >= 0)
    common = same.long().cumprod(1).sum(1).tolist()
    return Layout(tuple(lengths), tuple(order), (0, *common))
