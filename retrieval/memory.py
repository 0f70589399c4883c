"""Look into a process's memory for bytes that should be gone (Linux; the process's owner or root may look).

The searcher must not find its own copy of what it looks for: patterns are kept complemented, every byte turned over,
and so is each piece of memory before it is compared.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from retrieval.errors import ScanIncomplete

_PIECE: Final = 8 << 20
_LINE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s*(.*)")
_TURN: Final = bytes(255 - value for value in range(256))


@dataclass(frozen=True)
class MemoryReport:
    """Bytes that were read, and how often each pattern was found in them, in the order given."""

    bytes: int
    found: tuple[int, ...]

    @property
    def absent(self) -> bool:
        """Whether there was something to look for and to look at, and nothing was found."""
        return self.bytes > 0 and bool(self.found) and not any(self.found)


def turned(pattern: bytes) -> bytes:
    """Return a pattern complemented: what ``scan`` takes, so that no plain copy of it need be kept anywhere."""
    return pattern.translate(_TURN)


def scan(patterns: Sequence[bytes], *, pid: int | None = None) -> MemoryReport:
    """Count patterns, each given as ``turned`` returns them, in a process's writable and mapped memory.

    ``pid`` is another process; without it, this one. Memory that went away meanwhile is skipped. Raises
    ``ScanIncomplete`` where the system does not allow it.
    """
    process = "self" if pid is None else str(pid)
    longest = max((len(pattern) for pattern in patterns), default=1)
    counts, read = [0] * len(patterns), 0
    try:
        with open(f"/proc/{process}/maps", encoding="utf-8") as lines:
            regions = list(_regions(lines.read()))
        handle = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    except OSError as error:
        raise ScanIncomplete(
            f"Looking into the memory of process {process}: {error.strerror}; run it as the process's owner or as root."
        ) from error
    held = np.empty(_PIECE, np.uint8)
    mine = (held.ctypes.data, held.ctypes.data + _PIECE)
    try:
        for begin, end in regions:
            for start in range(begin, end, _PIECE - longest + 1):
                if pid is None and start < mine[1] and mine[0] < min(end, start + _PIECE):
                    continue  # the searcher's own window onto memory
                size = _filled(handle, held, start, min(end, start + _PIECE))
                read += size
                piece = held[:size].tobytes()
                for number, pattern in enumerate(patterns):
                    counts[number] += piece.count(pattern)
    finally:
        os.close(handle)
    return MemoryReport(read, tuple(counts))


def _filled(handle: int, held: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", start: int, end: int) -> int:
    """Read memory and turn it over where it lies, so that no plain copy is left behind."""
    try:
        size = os.preadv(handle, [held[: end - start].data], start)
    except OSError:
        return 0
    np.bitwise_not(held[:size], out=held[:size])
    return size


def _regions(maps: str) -> Iterator[tuple[int, int]]:
    for line in maps.splitlines():
        match = _LINE.match(line)
        if match and match[3].startswith("r") and not match[4].startswith(("[v", "/usr", "/lib")):
            yield int(match[1], 16), int(match[2], 16)
