"""Take chunks out of an index: hidden at once, then gone from the files, with a receipt; and look whether they are.

``hide`` answers in milliseconds and is kept by every open index; the bytes stay. ``erase`` overwrites the person's
bytes where they stand, when the format allows it, with a journal that survives a kill; else it writes a new generation
from what is stored of everybody else (nothing is embedded again) and makes it current in a single step. Killed at any
moment, the folder opens as before or as after; a change that was begun is finished by whoever opens it next.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from retrieval import anew, undo
from retrieval.absence import absent as absent
from retrieval.anew import Asked
from retrieval.errors import IndexUnreadable, RetrievalError, UnknownId, UnsupportedIndex
from retrieval.indexes import (
    beside,
    documents,
    finishing,
    generation,
    hidden,
    inplace,
    journal,
    layout,
    mapped,
    opened,
    patches,
    places,
    weighing,
)
from retrieval.indexes.documents import Documents
from retrieval.indexes.inplace import Scrub, WriteAnew
from retrieval.indexes.layout import Place
from retrieval.indexes.originals import Originals
from retrieval.indexes.vectors import Ids
from retrieval.types import EraseReceipt, Folder, HideReceipt, Progress, silent


def hide(folder: Folder, ids: Iterable[int]) -> HideReceipt:
    """Hide ids from every search from now on, in this process and others.

    Ids that the index does not hold are hidden as well, and counted (``unknown``): an emergency waits for no check.
    Raises ``UnknownId`` for a number that no index can hold, and then hides nobody.
    """
    started, folder, wanted = time.perf_counter(), Path(folder), frozenset(map(int, ids))
    _refuse_no_index(folder, "Hiding chunks")
    _refuse_no_documents(folder)
    after = hidden.change(folder, add=wanted)
    taken = time.perf_counter() - started
    return HideReceipt(len(after), taken, _unknown(folder, wanted))


def _refuse_no_documents(folder: Path) -> None:
    """Raise for an index.faiss alone, as LangChain has it: its program reads no list of hidden ids."""
    if not documents.found(layout.files_of(folder)).exists():
        raise IndexUnreadable(
            f"Hiding chunks of {folder}: no documents lie beside its index, so that nobody who reads our list searches "
            "it; from LangChain's or LlamaIndex's folders erase by name or document. Nothing is hidden."
        )


def _unknown(folder: Path, ids: frozenset[int]) -> int | None:
    """Count ids that are not in the index, or return nothing where all its documents would have to be read for that."""
    try:
        found = documents.found(layout.files_of(folder))
        known = places.read(found) if documents.is_lines(found) else None
    except (RetrievalError, OSError):  # an index that cannot be read hides them all the same
        return None
    return None if known is None else int((known.find(np.fromiter(ids, np.int64, len(ids))) < 0).sum())


def show(folder: Folder, ids: Iterable[int]) -> HideReceipt:
    """Take ids off the hidden list again: the way back, as long as nothing is erased."""
    started, folder = time.perf_counter(), Path(folder)
    _refuse_no_index(folder, "Showing chunks")
    return HideReceipt(len(hidden.change(folder, drop=ids)), time.perf_counter() - started)


def _refuse_no_index(folder: Path, doing: str) -> None:
    if not layout.exists(folder):
        raise IndexUnreadable(f"{doing} of {folder}: there is no index in it; check the location.")


def erase(
    folder: Folder,
    ids: Iterable[int],
    *,
    progress: Progress = silent,
    keep_undo: Path | None = None,
    originals: Originals | None = None,
) -> EraseReceipt:
    """Remove ids from the index's files; doing it twice is safe.

    ``keep_undo`` is a folder that receives the removed vectors and chunks before anything is removed (the caller
    encrypts it; ``retrieval.undo.restore`` is the way back). ``originals`` are the vectors that an index of codes was
    made from (``.npy`` or ``.fvecs`` by id, Parquet with id and vector) or its embedder: a code book that the removed
    weighed on above a stated share, now or in an erase before, is learned again from them; without them the level is
    ``partial``. Raises ``UnknownId`` before any change for ids that this index never held, and ``OSError`` without
    room for the new generation; the old one counts then.
    """
    started, folder, wanted = time.perf_counter(), Path(folder), frozenset(map(int, ids))
    asked = Asked(keep_undo, originals, progress)
    _refuse_no_index(folder, "Erasing chunks")
    with layout.changing(folder):
        layout.sweep(folder)
        place = layout.current(folder)
        held = documents.opened(place.files, plain=place.plain)
        receipt = _erased(place, held, _present(place, held, wanted), asked)
        hidden.change(folder, drop=wanted)
    changed = receipt.generation_after != receipt.generation_before
    followers = opened.followed_here(folder) if changed else 0
    progress(1.0, f"{receipt.removed} chunks removed, {receipt.remaining} remain")
    how = f"{receipt.how}; {_memory(followers)}" if changed else receipt.how
    return replace(receipt, seconds=time.perf_counter() - started, how=how)


def _memory(followers: int) -> str:
    here = f"{followers} open indexes of this process emptied or wiped" if followers else "none open in this process"
    return f"memory: {here}; other processes follow at their next search"


def _present(place: Place, held: Documents, wanted: frozenset[int]) -> Ids:
    ids = np.array(sorted(filter(hidden.is_id, wanted)), np.int64)
    there = held.has(ids)
    unknown = wanted.difference(ids[there].tolist()).difference(place.manifest.get("erased", ()))
    if unknown:
        raise UnknownId(
            f"Erasing from the index in {place.folder}: {len(unknown)} of {len(wanted)} ids never were in it, first "
            f"{min(unknown)}; nothing was changed. Check that the ids belong to this index."
        )
    return np.asarray(ids[there])


def _erased(place: Place, held: Documents, ids: Ids, asked: Asked) -> EraseReceipt:
    if not len(ids) and (asked.originals is None or weighing.OWED not in place.manifest):
        return _nothing_to_do(place, len(held))
    beside.refuse_links(place.files, layout.INDEX, held.path.name)
    asked.progress(0.1, f"{len(ids)} of {len(held)} chunks to be removed")
    if not len(ids):
        return anew.written(place, ids, "what was learned with somebody who is gone", asked)
    try:
        planned = inplace.plan(place, held, ids, relearn=asked.originals is not None)
    except WriteAnew as reason:
        return anew.written(place, ids, str(reason), asked)
    except UnsupportedIndex:
        return anew.written(place, ids, "its layout is not known to the byte", asked)
    if asked.keep_undo is not None:
        with mapped.opened(place) as files:
            where = files.find(ids)
            rows = mapped.rows_of(files, where)
            numbers = mapped.ids_at(files, where).tolist()
        whole = documents.whole_rows(held, numbers)
        undo.keep(asked.keep_undo, place.generation, [held[id] for id in numbers], rows, whole)
    return _in_place(place, planned, asked.progress)


def _in_place(place: Place, planned: Scrub, progress: Progress) -> EraseReceipt:
    before = generation.digest_of(place)
    progress(0.3, "overwriting their bytes")
    written = patches.meanwhile(journal.put, place.folder, journal.packed(place.folder, planned.change))
    try:
        foreseen = finishing.Foreseen(planned.change, planned.before)
        foreseen.read()
        foreseen.until(written.done)
    finally:
        written.result()  # from here on it counts
    manifest = finishing.carry_out(place.folder, planned.change, foreseen)
    return EraseReceipt(
        level=planned.level,
        generation_before=place.generation,
        generation_after=place.generation + 1,
        removed=planned.removed,
        remaining=planned.remaining,
        seconds=0.0,
        how=planned.said,
        digest_before=before,
        digest_after=str(manifest.get("digest", "")),
    )


def _nothing_to_do(place: Place, count: int) -> EraseReceipt:
    number, digest = place.generation, generation.digest_of(place)
    owed = "; a code book learned with somebody who is gone is still kept: give the original vectors to mend it"
    how = "nothing changed" + (owed if weighing.OWED in place.manifest else "")
    return EraseReceipt("already gone", number, number, 0, count, 0.0, how, digest, digest)
