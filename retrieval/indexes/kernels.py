"""The inner loops of ``repair``, compiled on first use and kept in the package's cache."""

from typing import Any, Final

import numpy as np
from numba import njit

_MOST: Final = 512  # candidates looked at for one list
_HOPS: Final = 4  # erased nodes followed from one list, each for its living neighbours and the erased behind it


@njit(cache=True, fastmath=True)
def _far(vectors: Any, a: int, b: int, product: bool) -> Any:
    """Distance between two rows: squared L2, or the inner product's negative."""
    total = np.float32(0.0)
    if product:
        for place in range(vectors.shape[1]):
            total -= vectors[a, place] * vectors[b, place]
    else:
        for place in range(vectors.shape[1]):
            step = vectors[a, place] - vectors[b, place]
            total += step * step
    return total


@njit(cache=True)
def _gather(
    node: int, before: Any, offsets: Any, begin: int, end: int, here: Any, lost: Any, seen: Any, mark: int, found: Any
) -> int:
    """Collect living nodes behind the erased neighbours of a node; ``seen`` says who met whom."""
    queue = np.empty(64, np.int64)
    waiting = count = 0
    for slot in range(offsets[node] + begin, offsets[node] + end):
        other = before[slot]
        if other < 0:
            break
        seen[other] = mark
        if lost[other] and waiting < 64:
            queue[waiting] = other
            waiting += 1
    first, at = waiting, 0
    while at < waiting:
        erased = queue[at]
        for slot in range(offsets[erased] + begin, offsets[erased] + end):
            other = before[slot]
            if other < 0:
                break
            if other == node or seen[other] == mark:
                continue
            seen[other] = mark
            if lost[other]:
                if waiting < 64 and waiting < first + _HOPS * 4:
                    queue[waiting] = other
                    waiting += 1
            elif here[other] and count < _MOST:
                found[count] = other
                count += 1
        at += 1
    return count


@njit(cache=True)
def mend_level(
    vectors: Any, slots: Any, before: Any, offsets: Any, begin: int, end: int, here: Any, lost: Any, product: bool
) -> int:
    """Mend every living list of one level that named an erased node; return how many there were."""
    changed = 0
    seen = np.full(len(here), -1, np.int64)
    found, far = np.empty(_MOST, np.int64), np.empty(_MOST, np.float32)
    for node in range(len(here)):
        if not here[node]:
            continue
        start, stop = offsets[node] + begin, offsets[node] + end
        kept, hurt = start, False
        for slot in range(start, stop):
            other = before[slot]
            if other < 0:
                break
            if lost[other]:
                hurt = True
            else:
                slots[kept] = other
                kept += 1
        if not hurt:
            continue
        changed += 1
        wanted = kept
        for slot in range(start, stop):
            if before[slot] >= 0:
                wanted = slot + 1
        for slot in range(kept, stop):
            slots[slot] = -1
        count = _gather(node, before, offsets, begin, end, here, lost, seen, node, found)
        for at in range(count):
            far[at] = _far(vectors, node, found[at], product)
        order = np.argsort(far[:count])
        for at in order:
            if kept >= wanted:
                break
            candidate, near = found[at], True
            for slot in range(start, kept):
                if _far(vectors, candidate, slots[slot], product) < far[at]:
                    near = False
                    break
            if near:
                slots[kept] = candidate
                kept += 1
    return changed


@njit(cache=True)
def reach(
    vectors: Any, slots: Any, before: Any, offsets: Any, begin: int, end: int, here: Any, dead: Any, product: bool
) -> int:
    """Link every node to which nothing leads since its erased neighbours went; return how many there were."""
    arriving = np.zeros(len(here), np.int32)
    for node in range(len(here)):
        if here[node]:
            for slot in range(offsets[node] + begin, offsets[node] + end):
                if slots[slot] < 0:
                    break
                arriving[slots[slot]] += 1
    linked = 0
    for erased in dead:
        for slot in range(offsets[erased] + begin, min(offsets[erased] + end, offsets[erased + 1])):
            lonely = before[slot]
            if lonely < 0:
                break
            if here[lonely] and arriving[lonely] == 0:
                linked += _link(vectors, slots, offsets, begin, end, lonely, arriving, product)
    return linked


@njit(cache=True)
def _link(
    vectors: Any, slots: Any, offsets: Any, begin: int, end: int, lonely: int, arriving: Any, product: bool
) -> int:
    """Put a lonely node into the list of its nearest neighbour that has room, or gives up a node others lead to."""
    for own in range(offsets[lonely] + begin, offsets[lonely] + end):
        owner = slots[own]
        if owner < 0:
            break
        worst, place = np.float32(-np.inf), -1
        for slot in range(offsets[owner] + begin, offsets[owner] + end):
            if slots[slot] < 0:
                place = slot
                break
            if arriving[slots[slot]] > 1:
                far = _far(vectors, owner, slots[slot], product)
                if far > worst:
                    worst, place = far, slot
        if place >= 0:
            if slots[place] >= 0:
                arriving[slots[place]] -= 1
            slots[place] = lonely
            arriving[lonely] += 1
            return 1
    return 0
