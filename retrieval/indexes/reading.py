"""Scattered bytes of a file: taken from memory, or asked for together, so that a disk reads them side by side."""

import os
from collections.abc import Iterator, Sequence


def spans(handle: int, offsets: Sequence[int], lengths: Sequence[int]) -> Iterator[memoryview]:
    """Give the bytes of spans in their order, each until the next is asked for, and none behind the file's end."""
    page, flags = memoryview(bytearray(max(lengths, default=0))), os.RWF_NOWAIT
    for number, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        part = page[:length]
        size = _at_once(handle, part, offset) if flags else -1
        if size < length:
            if flags:
                flags = 0
                _ask(handle, offsets[number:], lengths[number:])
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
