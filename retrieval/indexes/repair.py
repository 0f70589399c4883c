"""Take nodes out of an HNSW graph by mending the lists that led to them, instead of building the graph anew.

A list that named an erased node gets the best of that node's own neighbours in its place, chosen by the rule that
built the graph: a candidate joins when it is nearer to the list's owner than to everything already in the list
(Malkov and Yashunin 2016, arXiv:1603.09320, algorithm 4). A node to which nothing leads any more is linked from its
nearest neighbour. Nothing leads to an erased node, and its own lists are emptied.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.indexes import kernels
from retrieval.types import Vectors

Ints = npt.NDArray[np.int32]
_INNER_PRODUCT = 0


@dataclass(frozen=True)
class Mended:
    """Every neighbour slot, (slots,) int32, as it is to be; entry point, top level, and how many lists changed."""

    neighbours: Ints
    entry: int
    top: int
    lists: int


@dataclass(frozen=True)
class Links:
    """An HNSW graph as faiss stores it: levels (n,), offsets (n + 1,), slots cumulated by level, neighbours."""

    levels: Ints
    offsets: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]
    neighbours: Ints
    entry: int
    top: int


def mend(links: Links, vectors: Vectors, dead: npt.NDArray[np.int64], *, metric: int, gone: Any = None) -> Mended:
    """Return the links without the dead positions; ``gone`` (n,) bool are those that were erased before.

    ``vectors`` (n, dimension) are read only for living nodes. ``metric`` is faiss' number for it.
    """
    count = len(links.levels)
    lost = np.zeros(count, np.bool_)
    lost[dead] = True
    absent = lost if gone is None else lost | gone
    slots = links.neighbours.copy()
    changed = 0
    for level in range(links.top + 1):
        begin, end = int(links.slots[level]), int(links.slots[level + 1])
        here = np.asarray(links.levels > level) & ~absent
        places = (links.offsets, begin, end)
        changed += kernels.mend_level(vectors, slots, links.neighbours, *places, here, lost, metric == _INNER_PRODUCT)
        kernels.reach(vectors, slots, links.neighbours, *places, here, dead, metric == _INNER_PRODUCT)
    for node in dead.tolist():
        slots[links.offsets[node] : links.offsets[node + 1]] = -1
    entry, top = _entry(links, absent)
    return Mended(slots, entry, top, changed)


def _entry(links: Links, absent: npt.NDArray[np.bool_]) -> tuple[int, int]:
    if links.entry >= 0 and not absent[links.entry]:
        return links.entry, links.top
    living = np.where(absent, 0, links.levels)
    if not (living > 0).any():
        return -1, -1
    best = int(np.argmax(living))
    return best, int(living[best]) - 1
