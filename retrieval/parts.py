"""What lies in a file with others: members of ZIP and tar archives, parts of office files and of mail, each as a file.

A part is laid in a temporary file and read by whatever reads such files, three deep in each other. Its records are
named ``member:record``, and spans count in the part as it is decoded: it cannot be redacted where it lies. Nothing
decodes to more than 200 times the file's size (and 64 MB), as in ``retrieval.scan``.
"""

import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol, TypeAlias

from retrieval.formats import Block, Refused, Row, Texts, opened
from retrieval.letters import Bytes
from retrieval.rows import RecordsUnreadable
from retrieval.scan import Budget, DecodesToTooMuch

FILE_NAME: Final = "(file name)"
_PIECE: Final = 1 << 20
_DEEPEST: Final = 3
_ENCRYPTED: Final = 1
DAMAGED: Final = (  # what the standard library raises on archives and messages that were made to break it
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError,
    NotImplementedError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
Pieces: TypeAlias = Iterable[bytes]


class Inner(Protocol):
    """What reads a part: ``retrieval.readers.blocks``."""

    def __call__(self, path: Path, encoding: str = "", *, within: Budget | None = None) -> Iterator[Block]:
        """Yield the blocks of a file."""


@dataclass(frozen=True, slots=True)
class Within:
    """A block of a part: what the part's own reader gives, under the part's name."""

    block: Block = field(repr=False)
    name: str
    held: str
    read: int = 0

    @property
    def content(self) -> Bytes:
        """The bytes to filter."""
        return self.block.content

    @property
    def json(self) -> bool:
        """Whether backslashes escape."""
        return self.block.json

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the row, counted within the block, in which each byte stands."""
        return self.block.row_numbers(places)

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Parse some rows of the block."""
        try:
            for row in self.block.rows(numbers):
                yield Row(f"{self.name}:{row.record}", row.fields, row.source)
        except RecordsUnreadable as error:
            raise RecordsUnreadable(str(error).replace(self.held, self.name)) from None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file of parts that is being read: by what, within which limit, into which temporary folder."""

    inner: Inner
    budget: Budget
    folder: Path
    encoding: str

    def part(self, name: str, pieces: Pieces, read: int) -> Iterator[Block]:
        """Yield the blocks of one part; what cannot be read of it is refused alone.

        Raises ``DecodesToTooMuch``.
        """
        held = self.folder / f"part{_ending(name)}"
        try:
            with held.open("wb") as target:
                for piece in pieces:
                    target.write(self.budget.take(piece))
            for block in self.inner(held, self.encoding, within=self.budget):
                yield _named(block, name, str(held), read)
        except DecodesToTooMuch:
            raise
        except RecordsUnreadable as error:
            yield Refused(name, str(error).replace(str(held), name), read)
        except (*DAMAGED, RuntimeError) as error:
            yield Refused(name, f"{type(error).__name__} while unpacking it", read)

    def text(self, name: str, fields: dict[str, str], read: int) -> Block:
        """Return texts of a part that is decoded already."""
        self.budget.spend(sum(map(len, fields.values())))
        return Texts([Row(name, fields)], read)


def _named(block: Block, name: str, held: str, read: int) -> Block:
    if isinstance(block, Refused):
        return Refused(f"{name}:{block.record}", block.why.replace(held, name), read)
    return Within(block, name, held, read)


def _ending(name: str) -> str:
    """Return the endings by which a part's reader is chosen, and nothing else of its name."""
    endings = PurePosixPath(name).suffixes[-2:]
    return "".join(ending for ending in endings if ending[1:].isascii() and ending[1:].isalnum() and len(ending) < 12)


def names_row(record: str, name: str) -> Row:
    """Return a name as a row: as it is, and without its last ending, behind which an address would go on."""
    stem, dot, _ = name.rpartition(".")
    both = f"{name}\n{stem}" if dot and "/" not in _ else name

    def source(field: str, start: int, end: int) -> tuple[int, int]:
        back = len(name) + 1 if start > len(name) else 0
        return start - back, end - back

    return Row(record, {FILE_NAME: both}, source)


@contextmanager
def reading(path: Path, encoding: str, inner: Inner, within: Budget | None) -> Iterator[Reading]:
    """Begin to read a file of parts; raises ``RecordsUnreadable`` for one that holds too much or lies too deep."""
    budget = within or Budget(path)
    if budget.depth >= _DEEPEST:
        raise RecordsUnreadable(f"Reading records of {path}: it lies packed too deep in others; unpack it.")
    budget.depth += 1
    try:
        with tempfile.TemporaryDirectory(prefix="oubli-locate-") as folder:
            yield Reading(inner, budget, Path(folder), encoding)
    except DecodesToTooMuch:
        if within is not None:
            raise
        raise RecordsUnreadable(
            f"Reading records of {path}: it decodes to more than 200 times its size; look what it is, unpack it "
            "yourself, and locate in that."
        ) from None
    finally:
        budget.depth -= 1


def _pieces(handle: IO[bytes]) -> Iterator[bytes]:
    while piece := handle.read(_PIECE):
        yield piece


def zipped(path: Path, begun: Reading, *, without: tuple[str, ...] = ()) -> Iterator[Block]:
    """Yield the members of a ZIP archive, but for those whose names end so."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            read = min(size, member.header_offset)
            yield Texts([names_row(member.filename, member.filename)], read)
            if member.is_dir() or (without and member.filename.lower().endswith(without)):
                continue
            if member.flag_bits & _ENCRYPTED:
                yield Refused(member.filename, "it is encrypted", read)
                continue
            yield from begun.part(member.filename, _member(archive, member), read)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as handle:
        yield from _pieces(handle)


def tarred(path: Path, begun: Reading) -> Iterator[Block]:
    """Yield the members of a tar archive, packed or not."""
    with opened(path) as (handle, raw), tarfile.open(fileobj=handle, mode="r|") as archive:
        for member in archive:
            yield Texts([names_row(member.name, member.name)], raw.tell())
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield from begun.part(member.name, _pieces(content), raw.tell())


def unpacked(path: Path, begun: Reading) -> Iterator[Block]:
    """Yield what lies in a compressed file that must be read as a file of its own."""
    with opened(path) as (handle, raw):
        yield from begun.part(path.stem, _pieces(handle), raw.tell())


Members: TypeAlias = Callable[[Path, Reading], Iterator[Block]]


def blocks(members: Members, inner: Inner, within: Budget | None, path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield the blocks of all parts of a file; raises ``RecordsUnreadable`` for an archive that is damaged."""
    try:
        with reading(path, encoding, inner, within) as begun:
            yield from _together(members(path, begun))
    except DAMAGED as error:
        raise RecordsUnreadable(f"Reading records of {path}: {type(error).__name__}; it is no whole archive.") from None


def _together(every: Iterator[Block]) -> Iterator[Block]:
    """Lay small texts that follow each other in one block: each block costs a look of its own."""
    rows, size, read = list[Row](), 0, 0
    for block in every:
        if isinstance(block, Texts):
            rows += block.every
            size, read = size + sum(len(text) for row in block.every for text in row.fields.values()), block.read
        if rows and (size > _PIECE or not isinstance(block, Texts)):
            yield Texts(rows, read)
            rows, size = [], 0
        if not isinstance(block, Texts):
            yield block
    if rows:
        yield Texts(rows, read)
