"""Files as blocks for the index: some rows of a line format that can be read alone, or whatever else as a whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.formats import Block, Refused, opened
from retrieval.ingest.runs import WHOLE
from retrieval.letters import Bytes
from retrieval.lines import Lines
from retrieval.parts import Within
from retrieval.readers import blocks
from retrieval.rows import RecordsUnreadable

SIZE: Final = 16_384  # bytes of a block, at least: a find costs reading about so many
SHORTEST: Final = 40  # characters of a text that is compared: shorter ones are nobody's own
Span: TypeAlias = tuple[int, int, int, int]  # number of the first row, rows, first byte, byte behind the last


@dataclass(frozen=True, slots=True)
class Piece:
    """Blocks side by side: block ``n`` is ``content`` up to byte ``ends[n]`` and lies at ``spans[n]`` of its file.

    ``texts`` gives (block, text) of every text that near copies are looked for of; ``row`` is the number of the next
    row behind the piece, 0 where a file cannot be taken up again in the middle; ``read`` are bytes of the file so far.
    ``raws`` are the bytes of each span as they lie in the file, where ``content`` is not the same.
    """

    content: Bytes = field(repr=False)
    ends: npt.NDArray[np.int64] = field(repr=False)
    spans: tuple[Span, ...]
    texts: Callable[[], Iterable[tuple[int, str]]]
    json: bool = False
    rows: int = 0
    row: int = 0
    read: int = 0
    raws: tuple[bytes, ...] = field(default=(), repr=False)

    def check(self, block: int) -> int:
        """Return the hash by which a block is known again when it is read."""
        if self.raws:
            return check_of(self.raws[block])
        start = int(self.ends[block - 1]) if block else 0
        return check_of(self.content[start : int(self.ends[block])].tobytes())


Reader: TypeAlias = Callable[[Path, int], Iterator[Piece]]


def check_of(raw: bytes) -> int:
    """Return a block's hash, 64 bits."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little")


def pieces(path: Path, row: int = 0) -> Iterator[Piece]:
    """Yield a file's blocks, from a row on that an earlier ``Piece.row`` named.

    Raises ``RecordsUnreadable`` as ``retrieval.readers.blocks`` does.
    """
    start = _first_byte(path)
    for block in blocks(path):
        if isinstance(block, Refused):  # such a file is read as a whole at every look, which says so
            raise RecordsUnreadable(f"Reading records of {path}: in {block.record}: {block.why}")
        if not isinstance(block, Lines):
            yield _whole(block)
            continue
        if block.first >= row:
            yield _cut(block, start)
        start = start + len(block.raw) if start is not None else None


def _first_byte(path: Path) -> int | None:
    """Return where the first row begins; None for a file that is packed, whose rows have no place of their own."""
    with opened(path) as (handle, raw):
        return int(raw.tell()) if handle is raw else None


def _cut(block: Lines, start: int | None) -> Piece:
    starts = block.starts()
    if len(starts) > 1 and starts[-1] == len(block.raw):
        starts = starts[:-1]
    if start is None:
        firsts = np.zeros(1, np.int64)
    else:
        firsts = np.unique(np.searchsorted(starts, np.arange(0, len(block.raw), SIZE), side="left"))
        firsts = firsts[firsts < len(starts)]
    begins, rows = starts[firsts], np.diff(np.append(firsts, len(starts)))
    ends = np.append(begins[1:], len(block.raw))
    numbers = (firsts + block.first).tolist()
    places = zip(*((begins + start, ends + start) if start is not None else ([WHOLE], [0])), strict=True)
    spans = tuple((n, int(count), int(a), int(b)) for n, count, (a, b) in zip(numbers, rows, places, strict=True))

    def texts() -> Iterator[tuple[int, str]]:
        owners = np.searchsorted(firsts, np.arange(len(starts)), side="right") - 1
        for owner, row in zip(owners.tolist(), block.rows(range(len(starts))), strict=True):
            yield from ((owner, text) for text in row.fields.values() if len(text) >= SHORTEST)

    resumed = 0 if start is None else block.first + len(starts)
    return Piece(block.content, ends, spans, texts, block.json, len(starts), resumed, block.read)


def every_row(block: Block) -> Sequence[int]:
    """Return the numbers of all rows of a block."""
    if isinstance(block, Within):
        return every_row(block.block)
    if isinstance(block, Lines):
        starts = block.starts()
        return range(len(starts) - int(len(starts) > 1 and starts[-1] == len(block.raw)))
    return range(len(block.ends)) if hasattr(block, "ends") else range(int(not isinstance(block, Refused)))


def _whole(block: Block) -> Piece:
    content, numbers = block.content, every_row(block)

    def texts() -> Iterator[tuple[int, str]]:
        for row in block.rows(numbers):
            yield from ((0, text) for text in row.fields.values() if len(text) >= SHORTEST)

    ends, span = np.array([len(content)], np.int64), (0, len(numbers), WHOLE, 0)
    return Piece(content, ends, (span,), texts, block.json, len(numbers), 0, block.read)
