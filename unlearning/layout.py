"""Rows of different length laid end to end: projections see no pad token, attention sees a few tight rectangles.

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
    """Where each token of rows with these `lengths` lies when they stand end to end."""

    lengths: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

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
    def positions(self) -> Any:
        """Position of each token in its own row: `(1, tokens)`."""
        return torch.cat([torch.arange(length) for length in self.lengths])[None]

    @cached_property
    def _slots(self) -> Any:
        """For each slot of all rectangles its token, or -1 for a pad: one `(rows, width)` each."""
        ends = torch.tensor((0, *self.lengths)).cumsum(0)
        found = []
        for shape in self.rectangles:
            columns = torch.arange(shape.width)[None]
            rows = torch.tensor(shape.rows)
            real = columns < torch.tensor(self.lengths)[rows][:, None]
            found.append(torch.where(real, ends[rows][:, None] + columns, -1))
        return found

    def unfolding(self, *, heads: int, first: int, every: int) -> Any:
        """Flat indexes from packed `(tokens, every)` to rectangles `(rows, heads, width)` of heads `first` and on.

        A pad slot takes token 0: any will do.
        """
        chosen = first + torch.arange(heads)[None, :, None]
        return torch.cat([(slots.clamp_min(0)[:, None] * every + chosen).flatten() for slots in self._slots])

    def folding(self, *, heads: int) -> Any:
        """Flat indexes from rectangles `(rows, heads, width)` back to packed: `(tokens, heads)`."""
        places, start = torch.empty((self.tokens, heads), dtype=torch.long), 0
        for slots in self._slots:
            row, column = (slots >= 0).nonzero(as_tuple=True)
            where = (row[:, None] * heads + torch.arange(heads)[None]) * slots.shape[1] + column[:, None]
            places[slots[row, column]] = where + start
            start += slots.numel() * heads
        return places


def layout_of(lengths: Sequence[int]) -> Layout:
    return Layout(tuple(int(length) for length in lengths))
