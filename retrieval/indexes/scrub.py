"""Which bytes of an index file hold given ids: their vectors, their numbers, their places in a direct map.

An erased slot stays where it is, so that nothing else moves. Vectors become bytes of ones, which is a float that is no
number: no faiss search returns one. Numbers become -1, which faiss reads as nobody. Compressed vectors have no such
value; their slots become a code that is far from whoever asks there, under the number -1, which open indexes leave out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.errors import UnsupportedIndex
from retrieval.indexes import faraway, patches
from retrieval.indexes.blocks import distinct
from retrieval.indexes.numbered import Numbered
from retrieval.indexes.patches import Patch
from retrieval.indexes.sections import FileMap, Lists, Offsets

NOBODY: Final = -1
NO_NUMBER: Final = 0xFF
_FAR_FROM_NO_NUMBER: Final = frozenset({0, 1, 2, 4, 20, 21, 22, 24, 25})  # metrics by faiss' numbers, as tried
_ZERO: Final = 0x00
_BITS: Final = 16
_FEW: Final = 1 << 10  # numbers: more are not read one by one where they are mapped
_SMALL: Final = 1 << 25  # ids below it are marked one by one
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
Read: TypeAlias = Callable[[int, int], bytes]  # (offset, size): for what lies scattered, where a mapped page costs more


@dataclass(frozen=True)
class Found:
    """Where ids are: ``positions`` in the order of the file's vectors, for lists ``lists`` and ``slots`` in them."""

    positions: Offsets
    lists: Offsets
    slots: Offsets


def among(ids: Offsets, wanted: Offsets) -> npt.NDArray[np.intp]:
    """Return the positions of ``ids`` that are among ``wanted``: a table of them or their hashes, then exactly."""
    if len(wanted) == 1:
        return np.flatnonzero(ids == wanted[0])
    if len(wanted) and wanted.min() >= 0 and wanted.max() < _SMALL:
        marked = np.zeros(int(wanted.max()) + 2, np.bool_)
        marked[wanted] = True
        maybe = np.flatnonzero(marked.take(ids, mode="clip"))
        return maybe[np.isin(ids[maybe], wanted)]
    table = np.zeros(1 << _BITS, np.bool_)
    table[_hashed(wanted)] = True
    maybe = np.flatnonzero(table[_hashed(ids)])
    return maybe[np.isin(ids[maybe], wanted)]


def _hashed(ids: Offsets) -> npt.NDArray[np.uint64]:
    return np.asarray((np.ascontiguousarray(ids).view(np.uint64) * _SPREAD) >> np.uint64(64 - _BITS))


def in_place(found: FileMap) -> bool:
    """Say whether erased slots of this kind can stay: a compressed vector without lists cannot be told from others.

    And where a metric meets what is no number, it must not call that near (Chebyshev's and Jaccard's do).
    """
    if found.kind != "hnsw" and found.metric not in _FAR_FROM_NO_NUMBER:
        return False
    return found.kind != "flat" or found.coded == "flat" or (found.codes is not None and _is_half(found))


def _is_half(found: FileMap) -> bool:
    return found.coded == "sq" and found.codes is not None and found.codes.size == 2 * found.dimension


def _filler(found: FileMap) -> int:
    return _ZERO if found.kind == "hnsw" else NO_NUMBER  # nothing leads there any more, and a graph must meet numbers


def _emptied(holder: str, raw: memoryview, found: FileMap, lists: Lists, where: Found) -> Patch:
    """Return the patch of slots in lists: no number, or where codes have no such value, what is far from all there."""
    at = lists.codes[where.lists] + where.slots * lists.code_size
    if found.coded == "flat" or (found.coded == "sq" and lists.code_size == 2 * found.dimension):
        return patches.fill(holder, at, np.full(len(at), lists.code_size, np.int64), NO_NUMBER)
    numbers, each = np.unique(where.lists, return_inverse=True)
    return patches.Write(holder, at, faraway.codes(raw, found, lists, numbers)[each])


def numbers(raw: memoryview, found: FileMap, *, beside: memoryview | None = None) -> Offsets:
    """Return the ids as the file has them, slots of nobody included, in the order of its vectors.

    ``beside`` holds the lists, where they lie in another file.
    """
    if found.ids is not None:
        return np.frombuffer(raw, "<i8", found.ids.count, found.ids.offset)
    if found.lists is None:
        return np.arange(found.count, dtype=np.int64)
    return _list_numbers(raw if beside is None else beside, found.lists)


def _list_numbers(raw: memoryview, lists: Lists) -> Offsets:
    spans = zip(lists.sizes.tolist(), lists.ids.tolist(), strict=True)
    parts = [np.frombuffer(raw, "<i8", size, at) for size, at in spans if size]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def find(
    raw: memoryview,
    found: FileMap,
    wanted: Offsets,
    *,
    beside: memoryview | None = None,
    listed: Numbered | None = None,
    read: Read | None = None,
) -> Found:
    """Return where the wanted ids are; ``beside`` is the other file's bytes where the lists lie in one.

    ``listed`` is the list of places of this file's numbers, where there is one; ``read`` reads what holds the lists.
    """
    positions, none = wanted, np.zeros(0, np.int64)
    if found.ids is not None:
        positions = _places(raw, found, wanted, listed, read if found.lists is None else None)
    elif found.lists is None:
        positions = wanted[(wanted >= 0) & (wanted < found.count)]
    if found.lists is None:
        return Found(np.asarray(positions, np.int64), none, none)
    held = raw if beside is None else beside
    if found.ids is not None:
        return _in_lists(held, found.lists, np.asarray(positions, np.int64), None, read)
    return _in_lists(held, found.lists, wanted, listed, read)


def _places(raw: memoryview, found: FileMap, wanted: Offsets, listed: Numbered | None, read: Read | None) -> Offsets:
    """Return the positions of wanted ids: from the list when it holds true for all of them, else from all ids."""
    ids = numbers(raw, found)
    if listed is not None and found.ids is not None:
        at = listed.find(wanted)
        if _is_inside(at, len(ids)):
            there = ids[at] if read is None or len(at) > _FEW else _read_at(read, found.ids.offset + 8 * at)
            if _are_all(there, at, wanted):
                return at
    return among(ids, wanted).astype(np.int64)


def _in_lists(
    raw: memoryview, lists: Lists, wanted: Offsets, listed: Numbered | None, read: Read | None = None
) -> Found:
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(lists.sizes)])
    if listed is not None:
        at = listed.find(wanted)
        if _is_inside(at, int(begins[-1])):
            where = _slots(begins, at)
            ids = _ids_at(read or partial(_mapped, raw), lists, where)
            if _are_all(ids, at, wanted):
                return Found(ids, *where)
    every = _list_numbers(raw, lists)
    at = among(every, wanted).astype(np.int64)
    return Found(every[at], *_slots(begins, at))


def _are_all(ids: Offsets, at: Offsets, wanted: Offsets) -> bool:
    """Say whether these places, each named once, hold the wanted ids, all of them and no other."""
    return len(distinct(at)) == len(at) and np.array_equal(distinct(ids), distinct(wanted))


def _is_inside(at: Offsets, count: int) -> bool:
    return not len(at) or bool(at[0] >= 0 and at[-1] < count)


def _slots(begins: Offsets, at: Offsets) -> tuple[Offsets, Offsets]:
    """Turn places in the order of all lists into lists and slots."""
    number = (np.searchsorted(begins, at, side="right") - 1).astype(np.int64)
    return number, at - begins[number]


def _ids_at(read: Read, lists: Lists, where: tuple[Offsets, Offsets]) -> Offsets:
    return _read_at(read, lists.ids[where[0]] + 8 * where[1])


def _read_at(read: Read, offsets: Offsets) -> Offsets:
    return np.frombuffer(b"".join([read(at, 8) for at in offsets.tolist()]), "<i8").astype(np.int64)


def _mapped(raw: memoryview, offset: int, size: int) -> bytes:
    return bytes(raw[offset : offset + size])


def clearing(file: str, raw: memoryview, found: FileMap, where: Found) -> list[Patch]:
    """Return the patches that overwrite vectors, numbers and direct map of what was found."""
    lists = found.lists
    if lists is None:
        if found.codes is None:
            raise UnsupportedIndex(f"Changing {file}: it holds no vectors.")
        codes = found.codes.offset + where.positions * found.codes.size
        changes: list[Patch] = [
            patches.fill(file, codes, np.full(len(codes), found.codes.size, np.int64), _filler(found))
        ]
    else:
        holder = lists.data or file
        ids = lists.ids[where.lists] + where.slots * 8
        changes = [
            _emptied(holder, raw, found, lists, where),
            patches.fill(holder, ids, np.full(len(ids), 8, np.int64), NO_NUMBER),
        ]
    if found.ids is not None:
        at = found.ids.offset + 8 * where.positions
        changes.append(patches.fill(file, at, np.full(len(at), 8, np.int64), NO_NUMBER))
    return changes + _direct(file, raw, found, where)


def _direct(file: str, raw: memoryview, found: FileMap, where: Found) -> list[Patch]:
    if found.direct is None:
        return []
    array, pairs = found.direct
    changes: list[Patch] = []
    if array.count:
        at = array.offset + 8 * where.positions[where.positions < array.count]
        changes.append(patches.fill(file, at, np.full(len(at), 8, np.int64), NO_NUMBER))
    if pairs.count:
        keys = np.frombuffer(raw, "<i8", 2 * pairs.count, pairs.offset).reshape(-1, 2)[:, 0]
        at = pairs.offset + 16 * among(np.ascontiguousarray(keys), where.positions).astype(np.int64)
        changes.append(patches.fill(file, at, np.full(len(at), 16, np.int64), NO_NUMBER))
    return changes
