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
def hurt(before: Any, offsets: Any, begin: int, end: int, here: Any, lost: Any) -> Any:
    """Return the living nodes whose list of one level names an erased node, and the first erased node that each names.

    ``here``, ``lost`` (n,) bool: who lives on this level, who is being erased.
    """
    owners, by = np.empty(len(here), np.int64), np.empty(len(here), np.int32)
    count = 0
    for node in range(len(here)):
        if not here[node]:
            continue
        for slot in range(offsets[node] + begin, offsets[node] + end):
            if before[slot] < 0:
                break
            if lost[before[slot]]:
                owners[count], by[count] = node, before[slot]
                count += 1
                break
    return owners[:count], by[:count]


@njit(cache=True)
def mend_level(
    vectors: Any, slots: Any, before: Any, offsets: Any, begin: int, end: int, here: Any, lost: Any, product: bool
) -> int:
    """Mend every living list of one level that named an erased node; return how many there were.

    Lists are taken by the erased node that they named: they share its neighbours, whose vectors are then near at hand.
    """
    owners, by = hurt(before, offsets, begin, end, here, lost)
    seen = np.full(len(here), -1, np.int64)
    found, far = np.empty(_MOST, np.int64), np.empty(_MOST, np.float32)
    kept, holes = np.empty(end - begin, np.int64), np.empty(end - begin, np.int64)
    for at in np.argsort(by, kind="mergesort"):
        node = owners[at]
        many, empty, stop = _split(node, before, offsets, begin, end, lost, kept, holes)
        count = _gather(node, before, offsets, begin, end, here, lost, seen, node, found)
        for place in range(count):
            far[place] = _far(vectors, node, found[place], product)
        filled = 0
        for place in np.argsort(far[:count]):
            if filled == empty:
                break
            candidate = found[place]
            if _joins(vectors, candidate, far[place], kept, many, product):
                slots[holes[filled]] = kept[many] = candidate
                filled, many = filled + 1, many + 1
        _close(slots, holes, filled, empty, stop)
    return len(owners)


@njit(cache=True)
def _split(
    node: int, before: Any, offsets: Any, begin: int, end: int, lost: Any, kept: Any, holes: Any
) -> tuple[int, int, int]:
    """Collect whom a list keeps, and the slots of the erased; return how many of both, and where the list ends."""
    many = empty = 0
    stop = offsets[node] + begin
    while stop < offsets[node] + end and before[stop] >= 0:
        if lost[before[stop]]:
            holes[empty] = stop
            empty += 1
        else:
            kept[many] = before[stop]
            many += 1
        stop += 1
    return many, empty, stop


@njit(cache=True)
def _joins(vectors: Any, candidate: int, far: Any, kept: Any, many: int, product: bool) -> bool:
    """Say whether a candidate is nearer to the list's owner than to all whom the list keeps.

    Whoever turns one candidate away is asked first about the next: who is near to one is near to its neighbours.
    """
    for at in range(many):
        if _far(vectors, candidate, kept[at], product) < far:
            kept[at], kept[0] = kept[0], kept[at]
            return False
    return True


@njit(cache=True)
def _close(slots: Any, holes: Any, filled: int, empty: int, stop: int) -> None:
    """Move a list's last entries into the slots that nobody took: a list ends where its first empty slot is."""
    while filled < empty:
        stop -= 1
        if holes[empty - 1] == stop:
            empty -= 1
        else:
            slots[holes[filled]] = slots[stop]
            filled += 1
        slots[stop] = -1


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
