"""Looking people up in an ingest index: it names the blocks that may hold them, the rules of ``sweep`` decide there.

A file that is not in the index, has another stamp than when it was read, or of which a block is not what it was, is
searched as a whole, and the answer says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from retrieval.errors import IngestUnreadable
from retrieval.formats import Block, Row
from retrieval.ingest import runs
from retrieval.ingest.book import MANIFEST, Book, Stamp
from retrieval.ingest.building import listing
from retrieval.ingest.pieces import SHORTEST, check_of, every_row
from retrieval.ingest.windows import Keys
from retrieval.lines import Lines
from retrieval.near import NearIndex, Signatures, Signer
from retrieval.readers import blocks
from retrieval.sweep import Sweeper
from retrieval.types import Found, Needle, Progress, silent
from retrieval.unspaced import is_unspaced

Spans = list[tuple[int, int, int, int]]  # number of the first row, first byte, byte behind the last, check


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, how many files the index answered for, and which were searched as a whole instead."""

    found: tuple[Found, ...] = field(repr=False)
    indexed: int
    scanned: tuple[str, ...]
    blocks: int


@dataclass(frozen=True, slots=True)
class Alike:
    """A text of a record that nearly says what query ``query`` says, with the estimated Jaccard similarity."""

    path: str
    record: str
    field: str
    query: int
    similarity: float


class Ingested:
    """An opened index. It shows what was there when it was opened; ``IngestUnreadable`` when nothing was."""

    def __init__(self, index: Path, key: bytes) -> None:
        if not (index / MANIFEST).exists():
            raise IngestUnreadable(f"Opening the ingest index {index}: there is none; make it with `ingest` first.")
        self.path, self._book = index, Book.read(index, key)
        self._runs = self._book.opened(index)
        self._keys, self.signer = Keys(key), Signer(key)
        self._names = {entry.number: name for name, entry in self._book.files.items()}

    @property
    def near(self) -> bool:
        """Whether near-duplicates can be looked up."""
        return self._book.near

    def knows(self, name: str, path: Path) -> bool:
        """Whether the index speaks of a file as it is now."""
        entry = self._book.files.get(name)
        try:
            return entry is not None and entry.whole and entry.stamp == Stamp.of(path)
        except OSError:
            return False

    def holding(self, needles: Sequence[Needle], *, region: str | None = None) -> dict[str, Spans]:
        """Return the blocks that may hold one of the needles, by file; a file without any holds none.

        Raises ``UnusableNeedle`` and ``UnknownKind``.
        """
        if any(is_unspaced(needle.kind, needle.value) for needle in needles):  # the index knows where words begin
            return {name: [(0, runs.WHOLE, 0, 0)] for name in self._names.values()}
        ranges = sorted({each for needle in needles for each in self._keys.ranges(needle, region)})
        return self._blocks(ranges, near=False)

    def resembling(self, signatures: Signatures) -> dict[str, Spans]:
        """Return the blocks that may hold a near-duplicate of one of the texts, by file."""
        return self._blocks(self._keys.near_ranges(signatures), near=True)

    def _blocks(self, ranges: Sequence[tuple[int, int]], *, near: bool) -> dict[str, Spans]:
        found: dict[str, Spans] = {}
        for run in self._runs:
            for entry in run.blocks[run.holding(ranges, near=near)]:
                name = self._names.get(int(entry["file"]))
                if name is not None:
                    span = (int(entry["first"]), int(entry["start"]), int(entry["stop"]), int(entry["check"]))
                    found.setdefault(name, []).append(span)
        return {name: sorted(spans) for name, spans in found.items()}


def look_up(
    index: Ingested, folder: Path, needles: Sequence[Needle], *, region: str | None = None, progress: Progress = silent
) -> Looked:
    """Return every occurrence of every needle in the files of a folder, as ``sweep`` would.

    Costs a look at each file's stamp, and the blocks that may hold somebody; see ``sweep`` for what is raised.
    """
    sweeper, walk = Sweeper(needles, region=region), _Walk(index, folder, progress)
    found: list[Found] = []
    for path, block in walk.blocks(index.holding(needles, region=region)):
        wanted = sweeper.rows(block)
        for row, (_, numbers) in zip(block.rows([number for number, _ in wanted]), wanted, strict=True):
            for name, start, end, rule in sweeper.fields(row.fields, sorted(numbers)):
                support = rule.support_of(row.fields[name][start:end])
                place = row.place(name, start, end)
                found.append(Found(str(path), row.record, name, *place, rule.needle.key, support))
    return Looked(tuple(found), walk.indexed, tuple(walk.scanned), walk.read)


def look_alike(
    index: Ingested, folder: Path, texts: Sequence[str], *, similarity: float = 0.8, progress: Progress = silent
) -> tuple[list[Alike], tuple[str, ...]]:
    """Return texts that nearly say what one of ``texts`` says, and the files that were searched as a whole.

    Texts of fewer than 40 characters are not compared, neither given nor found ones.
    """
    signatures = index.signer.sign([text if len(text) >= SHORTEST else "" for text in texts])
    kept = [number for number, text in enumerate(texts) if len(text) >= SHORTEST]
    held, walk = NearIndex(signatures[kept]), _Walk(index, folder, progress)
    found: list[Alike] = []
    blocks_of = index.resembling(signatures[kept]) if index.near else None
    for path, block in walk.blocks(blocks_of) if kept else ():
        named = [(row.record, name, text) for row in block.rows(every_row(block)) for name, text in _long(row)]
        for pair in held.near(index.signer.sign([text for *_, text in named]), similarity=similarity) if named else ():
            record, name, _ = named[pair.query]
            found.append(Alike(str(path), record, name, kept[pair.document], pair.similarity))
    return found, tuple(walk.scanned)


def _long(row: Row) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in row.fields.items() if len(text) >= SHORTEST)


class _Walk:
    """The files of a folder, each by the blocks that the index names or as a whole."""

    def __init__(self, index: Ingested, folder: Path, progress: Progress) -> None:
        self._index, self._folder, self._progress = index, folder, progress
        self.indexed, self.read = 0, 0
        self.scanned: list[str] = []

    def blocks(self, named: dict[str, Spans] | None) -> Iterator[tuple[Path, Block]]:
        """Yield (path, block); without ``named`` every block of every file."""
        files = listing(self._folder, without=self._index.path)
        for number, (name, path) in enumerate(files.items()):
            self._progress(number / len(files), f"{number} of {len(files)} files searched")
            if named is None or not self._index.knows(name, path):
                self.scanned.append(name)
                yield from ((path, block) for block in blocks(path))
                continue
            some = self._some(path, named[name]) if name in named else []
            if some is None:
                self.scanned.append(name)
                yield from ((path, block) for block in blocks(path))
            else:
                self.indexed += 1
                self.read += len(some)
                yield from ((path, block) for block in some)
        self._progress(1.0, f"{len(files)} files searched")

    def _some(self, path: Path, spans: Spans) -> list[Block] | None:
        """Return the named blocks of a file; None where one cannot be read alone, or is not what it was."""
        if any(start == runs.WHOLE for _, start, _, _ in spans):
            return list(blocks(path))
        first = next(blocks(path), None)
        if not isinstance(first, Lines):
            return None
        found: list[Block] = []
        with path.open("rb") as handle:
            for row, start, stop, check in spans:
                handle.seek(start)
                raw = handle.read(stop - start)
                if check_of(raw) != check:
                    return None
                found.append(replace(first, raw=raw, first=row, read=stop))
        return found
