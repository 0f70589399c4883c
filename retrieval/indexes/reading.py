"""Scattered bytes of a file: taken from memory, or asked for together, so that a disk reads them side by side."""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from retrieval.indexes.sections import Offsets


def spans(handle: int, offsets: Sequence[int], lengths: Sequence[int]) -> Iterator[memoryview]:
    """Give the bytes of spans in their order, each until the next is asked for, and none behind the file's end."""
    page = memoryview(bytearray(max(lengths, default=0)))
    return _read(handle, offsets, [page[:length] for length in lengths])


def into(handle: int, offsets: Sequence[int], targets: Sequence[memoryview]) -> None:
    """Read a span into each target; what lies behind the file's end stays as it was."""
    for _ in _read(handle, offsets, targets):
        pass


def numbers(handle: int, offsets: Sequence[int], count: int = 1) -> Offsets:
    """Return ``count`` numbers (int64) from each of the offsets, (offsets, count)."""
    raw = memoryview(bytearray(8 * count * len(offsets)))
    into(handle, offsets, [raw[at : at + 8 * count] for at in range(0, len(raw), 8 * count)])
    return np.frombuffer(raw, np.int64).reshape(len(offsets), count)


def _read(handle: int, offsets: Sequence[int], targets: Sequence[memoryview]) -> Iterator[memoryview]:
    flags = os.RWF_NOWAIT
    for number, (offset, part) in enumerate(zip(offsets, targets, strict=True)):
        size = _at_once(handle, part, offset) if flags else -1
        if size < len(part):
            if flags:
                flags = 0
                _ask(handle, offsets[number:], [len(rest) for rest in targets[number:]])
            size = os.preadv(handle, (part,), offset)
        yield part[:size]


def _at_once(handle: int, part: memoryview, offset: int) -> int:
    try:
        return os.preadv(handle, (part,), offset, os.RWF_NOWAIT)
    except OSError:  # not in memory, or a file system that cannot say so
        return -1


def _ask(handle: int, offsets: Sequence[int], lengths: Sequence[int]) -> None:
    for offset, length in zip(offsets, lengths, strict=True):
        os.posix_fadvise(handle, offset, length, os.POSIX_FADV_WILLNEED)
