"""Making and keeping an ingest index: changed files are read, gone ones leave it, a killed run is taken up again.

1. Files whose stamp is the book's are passed over; one that was only touched is known again by its digest.
2. A changed or new file is read block by block; entries are kept in memory up to a limit, then written as a run, and
   the book says how far each file is in it: what a killed process had written before is not read again.
3. Blocks of files that changed or went are taken out of the runs, whose old files are removed: nothing of who stood
   there is left in the index.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from retrieval.durable import sha256_of
from retrieval.errors import RetrievalError
from retrieval.ingest import runs
from retrieval.ingest.book import Book, File, Stamp, writing
from retrieval.ingest.pieces import Piece, Reader, pieces
from retrieval.ingest.windows import BLOCKS, Entries, Keys
from retrieval.near import Signer
from retrieval.types import Progress, silent
from retrieval.walking import files_below

_IN_MEMORY: Final = 1 << 23  # entries before they are written: 64 MB, and as much again while they are sorted
_MOST_RUNS: Final = 8
_SIGNED: Final = 4_096  # texts at a time


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What making an index did: files by what was done with them, records read, entries that there are now.

    ``unread`` are files that could not be read, with the reason: they are searched without the index.
    """

    files: int
    read: int
    unchanged: int
    removed: int
    records: int
    entries: int
    bytes: int
    seconds: float
    unread: tuple[tuple[str, str], ...] = ()


def listing(folder: Path, *, without: Path | None = None) -> dict[str, Path]:
    """Return the plain files below a folder by relative name; a file may be given as the folder.

    Raises ``ScanIncomplete`` for a folder that cannot be read.
    """
    if folder.is_file():
        return {folder.name: folder}
    hidden = without.resolve() if without else None
    kept = (path for path in files_below(folder) if hidden is None or not path.resolve().is_relative_to(hidden))
    return {str(path.relative_to(folder)): path for path in kept}


def ingest(
    folder: Path,
    index: Path,
    key: bytes,
    *,
    near: bool = True,
    read: Reader = pieces,
    files: dict[str, Path] | None = None,
    progress: Progress = silent,
) -> Ingestion:
    """Bring the index of a folder up to date; doing it again costs a look at each file.

    ``near`` keeps near-duplicate keys too (of a new index; an old one stays as it is); ``files`` are read instead of
    what lies in the folder. Raises ``IndexBusy`` and ``IngestUnreadable``; files that cannot be read are told of in the
    result.
    """
    began = time.perf_counter()
    wanted = listing(folder, without=index) if files is None else files
    with writing(index):
        builder = _Builder(index, key, near=near, read=read, progress=progress)
        removed = builder.leave(wanted)
        todo = builder.changed(wanted)
        builder.take(todo)
        builder.tidy()
        book = builder.book
        return Ingestion(
            files=len(book.files),
            read=len(todo) - len(builder.unread),
            unchanged=len(wanted) - len(todo),
            removed=removed,
            records=builder.records,
            entries=sum(len(run.words) + len(run.near) for run in book.opened(index)),
            bytes=sum(path.stat().st_size for path in index.iterdir()),
            seconds=time.perf_counter() - began,
            unread=tuple(builder.unread),
        )


@dataclass
class _Held:
    """Entries that are not written yet."""

    words: list[Entries] = field(default_factory=list)
    near: list[Entries] = field(default_factory=list)
    blocks: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0


class _Builder:
    def __init__(self, index: Path, key: bytes, *, near: bool, read: Reader, progress: Progress) -> None:
        self.index, self._read, self._progress = index, read, progress
        self.book = Book.read(index, key)
        self.book.sweep(index)
        if not self.book.runs:
            self.book.near = near
        self._keys, self._signer = Keys(key), Signer(key)
        self.unread: list[tuple[str, str]] = []
        self.records = 0
        self._held = _Held()

    def leave(self, wanted: dict[str, Path]) -> int:
        """Strike files that are gone."""
        gone = self.book.files.keys() - wanted.keys()
        for name in gone:
            del self.book.files[name]
        return len(gone)

    def changed(self, wanted: dict[str, Path]) -> dict[str, Path]:
        """Return the files that have to be read."""
        return {name: path for name, path in wanted.items() if not self._known(name, path)}

    def _known(self, name: str, path: Path) -> bool:
        entry = self.book.files.get(name)
        if entry is None or not entry.whole:
            return False
        try:
            stamp = Stamp.of(path)
            if stamp == entry.stamp:
                return True
            if stamp.size != entry.stamp.size or not stamp.settle() or sha256_of(path) != entry.digest:
                return False
        except OSError:
            return False
        entry.stamp = stamp
        return True

    def take(self, todo: dict[str, Path]) -> None:
        """Read files into runs."""
        whole, done = max(1, sum(path.stat().st_size for path in todo.values())), 0
        for name, path in todo.items():
            try:
                self._take(name, path, whole, done)
            except (RetrievalError, OSError) as error:
                self.book.files.pop(name, None)
                why = str(error) if isinstance(error, RetrievalError) else f"{type(error).__name__} while reading"
                self.unread.append((name, why))
            done += path.stat().st_size if path.exists() else 0
        self._flush()
        self._progress(1.0, f"{self.records} records read")

    def _take(self, name: str, path: Path, whole: int, done: int) -> None:
        stamp = Stamp.of(path)
        if not stamp.settle():
            raise RetrievalError(f"Reading {name}: it bears a time that has not come; it is searched as a whole.")
        entry = self.book.files.get(name)
        if entry is None or entry.stamp != stamp or not entry.row:
            entry = self.book.files[name] = File(self.book.next, stamp, sha256_of(path))
            self.book.next += 1
        for piece in self._read(path, entry.row):
            self._keep(piece, entry)
            entry.row, entry.records = piece.row, entry.records + piece.rows
            self.records += piece.rows
            if self._held.size >= _IN_MEMORY or len(self._held.blocks) + len(piece.spans) >= BLOCKS // 2:
                self._flush()
            self._progress(min(1.0, (done + piece.read) / whole), f"{self.records} records read")
        if Stamp.of(path) != stamp:
            raise RetrievalError(f"Reading {name}: it was changed meanwhile; read it again when nobody writes there.")
        entry.whole, entry.row = True, 0

    def _keep(self, piece: Piece, entry: File) -> None:
        held, first = self._held, len(self._held.blocks)
        for number, (row, rows, start, stop) in enumerate(piece.spans):
            check = 0 if start == runs.WHOLE else piece.check(number)
            held.blocks.append((entry.number, rows, row, start, stop, check))
        held.words.append(self._keys.entries(piece.content, piece.ends, first, json=piece.json))
        held.size += len(held.words[-1])
        if self.book.near:
            held.texts += [(first + block, text) for block, text in piece.texts()]
            if len(held.texts) >= _SIGNED:
                self._sign()

    def _sign(self) -> None:
        held = self._held
        if held.texts:
            blocks = np.array([block for block, _ in held.texts], np.uint64)
            signatures = self._signer.sign([text for _, text in held.texts])
            held.near.append(self._keys.near_entries(signatures, blocks))
            held.size += len(held.near[-1])
            held.texts = []

    def _flush(self) -> None:
        self._sign()
        held, self._held = self._held, _Held()
        if held.blocks:
            words, near = ([_ascending(part)] if part else [] for part in (held.words, held.near))
            blocks = np.array(held.blocks, runs.Blocks)
            self.book.runs.append(runs.write(self.index, words, near, blocks))
        self.book.write(self.index)

    def tidy(self) -> None:
        """Take out what is gone, and join runs when there are many; then remove their old files."""
        alive = np.array(sorted(entry.number for entry in self.book.files.values()), np.uint32)
        every = self.book.opened(self.index)
        dead = [not np.isin(run.blocks["file"], alive).all() for run in every]
        for group in list(_groups(every)) if any(dead) or len(every) > _MOST_RUNS else []:
            old = [run.name for run in group]
            new = runs.merged(self.index, group, lambda files: np.isin(files, alive))
            self.book.runs = [name for name in self.book.runs if name not in old] + [new]
            self.book.write(self.index)
            runs.remove(self.index, old)


def _ascending(part: list[Entries]) -> Entries:
    """Sort entries and drop doubles (sorting is quicker than what ``np.unique`` does to integers)."""
    every = np.concatenate(part)
    every.sort()
    return np.asarray(every[np.append(True, every[1:] != every[:-1])])


def _groups(every: list[runs.Run]) -> Iterator[list[runs.Run]]:
    """Part runs so that each group's blocks can be numbered."""
    group: list[Any] = []
    for run in every:
        if group and sum(len(each.blocks) for each in group) + len(run.blocks) > BLOCKS:
            yield group
            group = []
        group.append(run)
    if group:
        yield group
