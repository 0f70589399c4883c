"""A folder with a vector index and its chunks: found by the chunks' text, erased as a new generation.

A record is a chunk, named by its id. Fields are ``text``, ``document``, ``source`` and ``owner``; the lineage field is
``document`` unless declared. Options: ``store`` (default ``faiss``), ``embedder`` (when the manifest names none; used
to redact a chunk, because the blanked text wants a new vector, and to learn a code book again that the removed weighed
on), ``on_mention: redact|erase``. An index of codes (SQ, PQ) can lose chunks and have none blanked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from compliance.provenance.connectors import Description, Match, Place, Progress, Receipt, Redaction, silent
from compliance.provenance.connectors.absence import Residue, measured, occurrences
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders
from compliance.provenance.connectors.index_folder import (
    chunks_of,
    folder_of,
    is_owing,
    opened,
    owes,
    rebuild,
    refuse_new_vectors,
    said,
    settle,
    stored,
)
from compliance.provenance.connectors.index_outlook import foresee as foresee
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.rows import Row, Total
from retrieval.indexes import Index, layout
from retrieval.types import Chunk, Needle

_TEXTS = ("text", "document", "source")
_NOTHING_LEFT = "nothing left to do: the chunks were already gone"


def describe(place: Place) -> Description:
    """Digest, size, chunks, and what the index says of itself (generation, dimension, kind, embedder)."""
    folder = folder_of(place)
    with said(place):
        index = opened(place).describe()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Description(index.digest, size, index.count, asdict(index))


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Every occurrence of a needle in the chunks' text and labels."""
    return matches(_rows(place), place, needles, region=region, progress=progress)


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """The records of those names, or all of them."""
    return (row for row in _rows(place) if keys is None or row.key in keys)


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Chunks cut from one of the documents."""
    options = {"lineage_field": "document", **{name: value for name, value in place.options.items() if value}}
    return derived(_rows(place), replace(place, options=options), keys)


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Write a generation without the chunks; a blanked chunk gets a new vector, all others keep theirs bit for bit."""
    from retrieval.erase import erase as erase_from_index

    started = time.monotonic()
    todo = orders(place, records, redactions, region)
    folder, books = folder_of(place), Books()
    with said(place):
        index = opened(place)
        before = index.describe()
        kept, fresh = _edited(place, index, todo, books)
        keep_undo(undo, books.undo)
        gone = [int(key) for key in _numbers(todo.records) if int(key) not in kept and int(key) in chunks_of(place)]
        if fresh:
            refuse_new_vectors(place, index, fresh)
        if gone:
            erase_from_index(folder, gone, progress=progress)
        if fresh:
            rebuild(place, kept, index, fresh, progress)
        total = _counted_again(place, books, frozenset(fresh))
        books.check(total, place.name)
        notes = settle(place, [int(key) for key in _numbers(todo.records)], before.dimension, progress)
        after, left = opened(place).describe(), chunks_of(place).keys() & {int(key) for key in _numbers(todo.records)}
    return Receipt(
        level=_level(place),
        removed=books.removed,
        redacted=books.redacted,
        remaining=len(left) + books.stale,
        digest_before=before.digest,
        digest_after=after.digest,
        records_before=books.before.count,
        records_after=total.count,
        others_before=books.others_before.hex(),
        others_after=books.others_after(total).hex(),
        seconds=time.monotonic() - started,
        notes=notes if books.removed or books.redacted or notes else (_NOTHING_LEFT,),
    )


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in every file of the folder, chunks and vectors alike (a pattern may be a vector's bytes)."""
    return occurrences(folder_of(place), patterns)


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Remove generations that do not count and half-written files."""
    started = time.monotonic()
    folder = folder_of(place)
    with said(place):
        with layout.changing(folder):
            removed = layout.sweep(folder)
        digest = opened(place).describe().digest
    note = f"{removed} superseded or half-written generations removed"
    seconds = time.monotonic() - started
    receipt = Receipt(_level(place), digest_before=digest, digest_after=digest, seconds=seconds, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    owing = is_owing(place)
    return Residue(absent(place, patterns), files=not owing, notes=(owes(place),) if owing else ())


def _level(place: Place) -> str:
    """What is kept although it was learned with the person is no rewrite without them, whatever their bytes became."""
    return "learned_kept" if is_owing(place) else "rewritten"


def _edited(place: Place, index: Index, todo: Orders, books: Books) -> tuple[dict[int, Chunk], list[int]]:
    kept: dict[int, Chunk] = {}
    fresh: list[int] = []
    for chunk, row in _with_vectors(place, index):
        new = todo.apply(row, books, _redacted)
        if new is None:
            continue
        kept[chunk.id] = chunk if new is row else _with_texts(chunk, new.fields)
        if new is not row:
            fresh.append(chunk.id)
    return kept, fresh


def _with_texts(chunk: Chunk, fields: Mapping[str, str]) -> Chunk:
    return replace(
        chunk,
        text=fields.get("text", ""),
        document=fields.get("document", ""),
        source=fields.get("source", ""),
    )


def _counted_again(place: Place, books: Books, fresh: frozenset[int]) -> Total:
    """The total of what lies there now; a blanked chunk is known by its id, for its new vector was not known before."""
    total, books.fresh = Total(), Total()
    for chunk, row in _with_vectors(place, opened(place)):
        total.add(row.raw)
        if chunk.id in fresh:
            books.fresh.add(row.raw)
    return total


def _redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    return replace(row, fields={**row.fields, **changes})


def _rows(place: Place) -> Iterator[Row]:
    with said(place):
        for chunk in chunks_of(place).values():
            yield _row(chunk, place)


def _with_vectors(place: Place, index: Index) -> Iterator[tuple[Chunk, Row]]:
    chunks = chunks_of(place)
    kept = stored(place, index, list(chunks))
    for chunk in chunks.values():
        row, content = _row(chunk, place), kept[chunk.id]
        yield chunk, replace(row, raw=row.raw + content, value={**row.value, "vector": content.hex()})


def _row(chunk: Chunk, place: Place) -> Row:
    value = asdict(chunk)
    fields = {name: str(value[name]) for name in (*_TEXTS, "owner") if value[name]}
    raw = json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
    return Row(str(chunk.id), fields, raw, value, f"{place.name}, chunk {chunk.id}")


def _numbers(keys: Collection[str]) -> list[str]:
    return [key for key in keys if key.isdecimal()]
