"""Files through their ingest index: what changed since is read and hashed first, then only what may hold the person.

The index of a place lies in the folder that the place's option ``index_folder`` names, under the key in ``index_key``;
it is made at the first search and kept by the later ones. What the index does not know as it is now is read as a whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from compliance.provenance.connectors import Match, Place, Progress
from compliance.provenance.connectors.formats import jsonl, name_for
from compliance.provenance.connectors.formats.streams import compression_of
from compliance.provenance.connectors.matching import matches
from compliance.provenance.connectors.paths import base_of
from compliance.provenance.connectors.reading import Reading
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import OubliError
from retrieval.errors import IndexBusy, IngestUnreadable
from retrieval.exclusion import comparable
from retrieval.ingest import Ingested, ingest
from retrieval.ingest.keyfile import key_of
from retrieval.ingest.looking import Spans
from retrieval.ingest.pieces import SHORTEST, SIZE, Piece, check_of
from retrieval.ingest.runs import WHOLE
from retrieval.rows import RecordsUnreadable
from retrieval.types import Needle

FOLDER, KEY = "index_folder", "index_key"
_READ_BY: Final = ("format", "delimiter", "record", "max_record_bytes", "max_decoded_bytes")
_AT_ONCE: Final = 1 << 20


def has_index(place: Place) -> bool:
    """Whether a place is searched through an index."""
    return bool(place.options.get(FOLDER))


def find(place: Place, needles: Sequence[Needle], *, region: str, progress: Progress) -> Iterator[Match]:
    """Every occurrence of a needle, and near copies, as a search without the index would find them."""
    index = refreshed(place, progress)
    rows = Reading(place).rows() if index is None else _rows(place, index, needles, region)
    return matches(rows, place, needles, region=region, progress=progress)


def refreshed(place: Place, progress: Progress | None = None) -> Ingested | None:
    """Bring a place's index up to date and open it; None while another process writes it."""
    key, folder = key_of(Path(place.options[KEY]), make=True), _folder(place)
    told = progress or (lambda fraction, message: None)
    files = {_name(path, place): path for path in Reading(place).listing.paths}
    for again in (False, True):
        try:
            ingest(base_of(place), folder, key, files=files, read=_Reader(place), progress=told)
            return Ingested(folder, key)
        except IndexBusy:
            return None
        except IngestUnreadable:  # damaged, or of an older key: it is made anew, once
            if again:
                raise
            shutil.rmtree(folder)
    return None


def forgotten(place: Place) -> tuple[str, ...]:
    """Bring the index up to date, so that it keeps no key of who was erased; what to say where it could not."""
    if not has_index(place) or refreshed(place) is not None:
        return ()
    return ("the ingest index was being written: it drops the person's keys when it next reads the folder",)


def told(place: Place) -> str:
    """How much of a place the index speaks of, for the case; empty for a place without one."""
    if not has_index(place):
        return ""
    paths = Reading(place).listing.paths
    try:
        index = Ingested(_folder(place), key_of(Path(place.options[KEY])))
    except (IngestUnreadable, OSError):
        return f"Searched without its ingest index: {len(paths)} files read through."
    known = sum(index.knows(_name(path, place), path) for path in paths)
    return f"Searched by its ingest index: {known} of {len(paths)} files, the others read through."


def _folder(place: Place) -> Path:
    """The index for the way in which the place's files are read now; one for another way goes."""
    way = json.dumps([place.location, *(place.options.get(name) for name in _READ_BY)])
    own = Path(place.options[FOLDER]) / hashlib.sha256(way.encode()).hexdigest()[:16]
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in own.parent.iterdir():
        if other != own and len(other.name) == len(own.name):
            shutil.rmtree(other, ignore_errors=True)
    return own


def _name(path: Path, place: Place) -> str:
    return str(path.relative_to(base_of(place)))


def _rows(place: Place, index: Ingested, needles: Sequence[Needle], region: str) -> Iterator[Row]:
    spans = index.holding(needles, region=region or None)
    texts = [needle.value for needle in needles if needle.kind == "content" and comparable(needle.value)]
    for name, more in (index.resembling(index.signer.sign(texts)) if texts else {}).items():
        spans[name] = sorted({*spans.get(name, []), *more})
    reading, whole = Reading(place), 0
    for path in reading.listing.paths:
        name, before = _name(path, place), len(reading.errors)
        if not index.knows(name, path) or not _whole_blocks(path, spans.get(name, [])):
            yield from reading.rows_in(path)
        elif name in spans:
            yield from _in_spans(path, place, spans[name])
        whole += len(reading.errors) == before
    if not whole and reading.errors:
        raise reading.errors[0]


def _whole_blocks(path: Path, spans: Spans) -> bool:
    """Whether every named block can be read alone, and is what it was."""
    with path.open("rb") as handle:
        for _, start, stop, check in spans:
            if start == WHOLE:
                return False
            handle.seek(start)
            if check_of(handle.read(stop - start)) != check:
                return False
    return True


def _in_spans(path: Path, place: Place, spans: Spans) -> Iterator[Row]:
    for _, start, stop, _ in spans:
        yield from jsonl.rows(path, replace(place, options={**place.options, "window": [start, stop]}))


@dataclass
class _Block:
    """Rows side by side: their texts as bytes, and where they lie."""

    first: int
    start: int
    size: int = 0
    rows: int = 0
    texts: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows += 1
        for text in row.fields.values():
            self.texts.append(text)
            self.size += len(text)
            if len(text) >= SHORTEST:
                self.long.append(text)

    def span(self, *, alone: bool) -> tuple[int, int, int, int]:
        if not alone:
            return self.first, self.rows, WHOLE, 0
        return self.first, self.rows, self.start, self.start + sum(map(len, self.raw))


class _Reader:
    """Reads a file of the place as blocks for its index, with the very readers that a search uses."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __call__(self, path: Path, row: int) -> Iterator[Piece]:
        held: list[_Block] = []
        try:
            alone = name_for(path, self._place) == "jsonl" and not compression_of(path)
            for block in self._blocks(path, alone=alone):
                if block.first >= row:
                    held.append(block)
                if sum(each.size for each in held) >= _AT_ONCE:
                    yield _piece(held, path, alone=alone)
                    held = []
        except OubliError as error:  # such a file is read through at every search, which says what is wrong with it
            raise RecordsUnreadable(error.cause) from None
        if held:
            yield _piece(held, path, alone=alone)

    def _blocks(self, path: Path, *, alone: bool) -> Iterator[_Block]:
        at, block = 0, _Block(0, 0)
        for piece in jsonl.pieces(path, self._place) if alone else self._whole(path):
            raw = piece.raw if isinstance(piece, Row) else piece
            if isinstance(piece, Row):
                block.add(piece)
            if alone:
                block.raw.append(raw)
            at += len(raw)
            if block.size >= SIZE:
                yield block
                block = _Block(block.first + block.rows, at)
        if block.rows:
            yield block

    def _whole(self, path: Path) -> Iterator[Row]:
        reading = Reading(self._place)
        yield from reading.rows_in(path)
        if reading.unread:
            raise RecordsUnreadable(reading.unread[0].why)


def _piece(held: list[_Block], path: Path, *, alone: bool) -> Piece:
    raws = ["\n".join(block.texts).encode("utf-8", "surrogatepass") + b"\n" for block in held]
    content: Any = np.frombuffer(b"".join(raws), np.uint8)
    last = held[-1]
    return Piece(
        content,
        np.cumsum([len(raw) for raw in raws], dtype=np.int64),
        tuple(block.span(alone=alone) for block in held),
        lambda: ((number, text) for number, block in enumerate(held) for text in block.long),
        rows=sum(block.rows for block in held),
        row=last.first + last.rows if alone else 0,
        read=last.start if alone else path.stat().st_size,
        raws=tuple(b"".join(block.raw) for block in held) if alone else (),
    )
