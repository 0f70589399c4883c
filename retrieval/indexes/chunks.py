"""The chunks beside the vectors: one JSON object a line, text as it is, so that a byte scan can see it."""

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.indexes import places, reading
from retrieval.indexes.places import Places, Rows
from retrieval.indexes.sections import Offsets
from retrieval.types import Chunk, Json


def write(path: Path, chunks: Iterable[Chunk]) -> Places:
    """Write chunks in the order given, and where each stands; making them durable is the publisher's part."""
    ids, offsets, lengths, at = [], [], [], 0
    with path.open("wb") as handle:
        for chunk in chunks:
            line = (json.dumps(asdict(chunk), ensure_ascii=False) + "\n").encode()
            handle.write(line)
            ids.append(chunk.id)
            offsets.append(at)
            lengths.append(len(line))
            at += len(line)
    found = places.ordered(*(np.array(column, np.int64) for column in (ids, offsets, lengths)))
    places.write(path, found, at)
    return found


def read(path: Path) -> dict[int, Chunk]:
    """Read chunks by id; raises ``IndexUnreadable`` with the line, ``StoreOutOfStep`` for an id given twice."""
    return {chunk.id: chunk for chunk, _, _ in _rows(path)}


def survey(path: Path) -> Places:
    """Read every row once, and return where each stands."""
    rows = [(chunk.id, offset, length) for chunk, offset, length in _rows(path)]
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return places.ordered(columns[:, 0], columns[:, 1], columns[:, 2])


class StoredChunks(Mapping[int, Chunk]):
    """Chunks by id, each read when it is asked for: nobody's text stays in the process's memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _opened(path)  # kept open: a search that began before a swap still reads its own generation
        known = places.read(path)
        self.places = survey(path) if known is None else known
        self._count = len(self.places)

    def __getitem__(self, id: int) -> Chunk:
        (at,) = self.places.find([id]).tolist()
        return self._at(id, at)

    def check(self, ids: npt.NDArray[np.int64]) -> Rows:
        """Return where the rows of ids stand; raises when the row at an id's place is not that id's."""
        found = self.places.rows(self.places.find(ids))
        read = reading.spans(self._file.fileno(), found.offsets.tolist(), found.lengths.tolist())
        if (found.at < 0).any() or not _are_of(b",".join([bytes(row) for row in read]), ids.tolist()):
            for id, at in zip(
                ids.tolist(), found.at.tolist(), strict=True
            ):  # one by one: the first that is not says so
                self._at(id, at)
        return found

    def _at(self, id: int, at: int) -> Chunk:
        if at < 0:
            raise KeyError(id)
        row = self.places.rows(np.array([at]))
        return self._row(id, int(row.offsets[0]), int(row.lengths[0]))

    def _row(self, id: int, offset: int, length: int) -> Chunk:
        if not (offset >= 0 <= length <= os.fstat(self._file.fileno()).st_size - offset):
            raise StoreOutOfStep(
                f"Reading {self.path}: the row of id {id} is said to stand outside the file; remove "
                f"{self.path.name}.places."
            )
        line = os.pread(self._file.fileno(), length, offset)
        if not line.strip():
            raise KeyError(id)
        chunk = _chunk(self.path, f"row of id {id}", line)
        if chunk.id != id:
            raise StoreOutOfStep(
                f"Reading {self.path}: the row of id {id} is another's; remove {self.path.name}.places."
            )
        return chunk

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int) and bool(self.places.find([id])[0] >= 0)

    def __iter__(self) -> Iterator[int]:
        order = np.argsort(self.places.offsets, kind="stable")
        return iter(self.places.ids[order][self.places.there()[order]].tolist())

    def __len__(self) -> int:
        return self._count

    def several(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """Return chunks by id; raises ``KeyError`` when one is gone."""
        return {id: self[id] for id in ids}

    def values(self) -> Any:
        """Return every chunk, in the file's order, read in one pass."""
        return [chunk for chunk, _, _ in _rows(self.path)]

    def live(self) -> Offsets:
        """Return the ids whose rows are there, ascending."""
        return self.places.live()

    def has(self, ids: Offsets) -> npt.NDArray[np.bool_]:
        """Say of each id whether its row is there."""
        return np.asarray(self.places.find(ids) >= 0)


def _are_of(rows: bytes, ids: list[int]) -> bool:
    """Say whether rows, with a comma between two, plainly are the chunks of ids in their order."""
    try:
        found = json.loads(b"[%b]" % rows)
    except ValueError:
        return False
    return len(found) == len(ids) and all(
        isinstance(row, dict) and row.get("id") == id and "document" in row and "text" in row
        for row, id in zip(found, ids, strict=True)
    )


def opened(path: Path) -> StoredChunks:
    """Open a file of chunks; raises ``IndexUnreadable`` and ``StoreOutOfStep``."""
    return StoredChunks(path)


def _rows(path: Path) -> Iterator[tuple[Chunk, int, int]]:
    seen: set[int] = set()
    at = 0
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            chunk = _chunk(path, f"line {number}", line)
            if chunk.id in seen:
                raise StoreOutOfStep(f"Reading {path}, line {number}: id {chunk.id} stands there for the second time.")
            seen.add(chunk.id)
            spaces = len(line) - len(line.lstrip(b" "))
            yield chunk, at + spaces, len(line) - spaces
        at += len(line)


def _lines(path: Path) -> Iterator[bytes]:
    with _opened(path) as handle:
        if handle.seek(0, os.SEEK_END) == 0:
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            yield from iter(raw.readline, b"")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise IndexUnreadable(f"Reading {path}: there is no such file; restore it or rebuild the index.") from None


def _chunk(path: Path, where: str, line: bytes) -> Chunk:
    try:
        row: dict[str, Any] = json.loads(line)
        return Chunk(
            int(row["id"]), str(row["document"]), str(row["text"]), str(row.get("source", "")), row.get("owner")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # from None: the parser's message quotes the line, which is personal data
        raise IndexUnreadable(
            f"Reading {path}, {where}: not a chunk with id, document and text; restore it or rebuild the index."
        ) from None


def as_json(content: Json) -> bytes:
    """Return a manifest as readable JSON."""
    return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"
