"""Rows of different length laid end to end: projections see no pad token, attention sees a few tight rectangles.

What several rows begin with is laid down once: attention is causal, so that a token's state depends on what stands
before it alone. Rows make a tree, and each of its nodes is computed once; rows that share nothing make as many trunks.

Packing after "Efficient Sequence Packing without Cross-contamination" (arXiv 2107.02027). A block-diagonal mask over
all tokens would cost their number squared; here rows of similar length are unfolded into rectangles for the attention
alone, so that it costs about each row's length squared; what their rows all begin with is asked once and shown once, in
a rectangle of its own. Text stands left and attention is causal: what fills a pad slot reaches no real token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

FEW, MOST = 8, 4  # rows of a rectangle that is cut by length, at least; pieces it is cut into, at most
NOWHERE = -(1 << 40)  # in place of a head's index, where a slot is a pad: still negative with a head's number on it
BUSY = 6000  # pairs of tokens that cost about as much as the kernels of one more rectangle


@dataclass(frozen=True)
class Rectangle:
    """Some rows of a layout, shown from the time `start` to `width`: before it all of them have the same tokens.

    They ask from the time `first` on: in a last layer, from where something is wanted of one of them.
    """

    rows: tuple[int, ...]
    start: int
    width: int
    first: int

    @property
    def tail(self) -> int:
        return self.width - self.start

    @property
    def asking(self) -> int:
        return self.width - self.first


@dataclass(frozen=True)
class Slots:
    """Where heads lie in what attention works on: a buffer of queries, one of keys and one of values, end to end.

    `held` says which of `every` heads fills each slot, negative for a pad, `asked` how many of the slots are queries;
    `asking` `(tokens, heads)` are the heads that ask.
    """

    held: Any
    asked: int
    every: int
    asking: Any

    @cached_property
    def unfold(self) -> Any:
        """Which head fills each slot; a pad holds the first: any will do."""
        return self.held.clamp_min(0)

    @cached_property
    def fold(self) -> Any:
        """Which slot first holds each head: `(every,)`."""
        return self._first(self.held)

    @cached_property
    def back(self) -> Any:
        """The same for queries alone, as they lie in what was gathered: `(tokens · heads,)`."""
        return self._first(self.held[: self.asked])[self.asking].flatten()

    @cached_property
    def again(self) -> tuple[Any, Any]:
        """Further slots that show keys and values, which get gradients there too, and whose heads these are."""
        slot = (self.held >= 0).nonzero()[:, 0]
        slot = slot[(self.fold[self.held[slot]] != slot) & (slot >= self.asked)]
        return slot, self.held[slot]

    def _first(self, held: Any) -> Any:
        slot = (held >= 0).nonzero()[:, 0]
        found = torch.full((self.every,), len(held))
        return found.scatter_reduce_(0, held[slot], slot, "amin")


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
        """Rows that begin alike, cut by length, asked behind what they share; first what each group shares."""
        order = self.order or tuple(range(len(self.lengths)))
        _, spans = _parted([self.lengths[row] for row in order], self.common or (0,) * len(order), 0, len(order))
        groups = [(order[first:end], start) for first, end, start in spans]
        trunks = [(rows[0], start) for rows, start in groups if start]
        found = [Rectangle(tuple(row for row, _ in trunks), 0, max(start for _, start in trunks), 0)] if trunks else []
        loose = [row for rows, start in groups if not start for row in rows]
        for rows, start in [*((rows, start) for rows, start in groups if start), (loose, 0)]:
            found += self._cut(sorted(rows, key=self.lengths.__getitem__), start)
        return tuple(found)

    def _cut(self, rows: Sequence[int], start: int) -> list[Rectangle]:
        """Rows of rising length as rectangles from `start` on; as many as pay."""
        if not rows:
            return []
        cuts = []
        for pieces in range(1, max(1, min(MOST, len(rows) // FEW)) + 1):
            size = -(-len(rows) // pieces)
            groups = [tuple(rows[first : first + size]) for first in range(0, len(rows), size)]
            cost = sum(
                BUSY + len(group) * (self.lengths[group[-1]] - start) * self.lengths[group[-1]] for group in groups
            )
            cuts.append((cost, groups))
        return [Rectangle(group, start, max(start + 1, self.lengths[group[-1]]), start) for group in min(cuts)[1]]

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

    def asking(self, kept: Any) -> tuple[Rectangle, ...]:
        """The rectangles where only the nodes `kept` ask: each from the first time on that one of its rows has them."""
        wanted = torch.zeros(self.tokens + 1, dtype=torch.bool).index_fill_(0, kept, True)[self.nodes]  # -1: the last
        found = []
        for shape in self.rectangles:
            seen = wanted[list(shape.rows), shape.start : shape.width].any(0).nonzero()
            first = shape.start + int(seen[0]) if len(seen) else shape.width - 1
            found.append(replace(shape, first=first))
        return tuple(found)

    def slots(self, rectangles: Sequence[Rectangle], *, heads: int, groups: int, kept: Any = None) -> Slots:
        """Slots of `heads` that ask and `groups` that are asked; each token has the heads that ask, keys, values.

        Queries of a rectangle lie as `(groups, rows, heads of a group, times)`, keys as `(groups, rows, times)` with
        those of the shared beginning `(groups, times)` behind them, values like keys. With `kept`, only these nodes
        have heads that ask, which lie before all keys and values.
        """
        every, places = heads + 2 * groups, torch.arange(self.tokens)
        asking, shown, count = places * every, places * every + heads, self.tokens * every
        if kept is not None:
            first = len(kept) * heads
            asking = torch.full_like(places, NOWHERE).index_copy_(0, kept, torch.arange(0, first, heads))
            shown, count = first + places * 2 * groups, first + self.tokens * 2 * groups
        queries, keys = (torch.cat((table, table.new_tensor([NOWHERE])))[self.nodes] for table in (asking, shown))
        ask, show = torch.arange(heads).view(groups, 1, -1, 1), torch.arange(groups)[:, None, None]
        held, trunks = [], []
        for shape in rectangles:
            rows = list(shape.rows)
            held.append((queries[rows, shape.first : shape.width][:, None] + ask).flatten())
            tail, trunk = keys[rows, shape.start : shape.width], keys[rows[:1], : shape.start]
            trunks += [(tail + show).flatten(), (trunk + show).flatten()]
        beside = [held + groups for held in trunks]
        mine = asking if kept is None else asking[kept]
        asked = sum(map(len, held))
        return Slots(torch.cat([*held, *trunks, *beside]), asked, count, mine[:, None] + torch.arange(heads))


def _parted(
    lengths: Sequence[int], common: Sequence[int], first: int, end: int
) -> tuple[int, list[tuple[int, int, int]]]:
    """Rows `first` to `end` as groups (first, end, what all begin with), as long as it pays; and what it costs."""
    longest = max(lengths[first:end])
    shared = min(common[first + 1 : end], default=0)
    start = min(shared, longest - 1)
    whole = BUSY + start * start + (end - first) * (longest - start) * longest
    if end - first == 1:
        return whole, [(first, end, start)]
    middle = common.index(shared, first + 1, end)
    left, right = _parted(lengths, common, first, middle), _parted(lengths, common, middle, end)
    apart = left[0] + right[0]
    return (apart, left[1] + right[1]) if apart < whole else (whole, [(first, end, start)])


def sharing(ids: Any, lengths: Sequence[int]) -> Layout:
    """The layout of rows `ids` `(rows, width)` of these lengths, what they begin with in common laid down once."""
    numbers = torch.where(torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None], ids, -1)
    listed = numbers.tolist()
    order = sorted(range(len(listed)), key=listed.__getitem__)
    inner = numbers[order]
    same = (inner[1:] == inner[:-1]) & (inner[1:] >= 0)
    common = same.long().cumprod(1).sum(1).tolist()
    return Layout(tuple(lengths), tuple(order), (0, *common))
