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

from retrieval import undo
from retrieval.absence import absent as absent
from retrieval.errors import IndexUnreadable, UnknownId, UnsupportedIndex
from retrieval.indexes import (
    compressed,
    documents,
    finishing,
    generation,
    hidden,
    inplace,
    journal,
    layout,
    opened,
    vectors,
    weighing,
)
from retrieval.indexes.documents import Documents
from retrieval.indexes.inplace import Scrub, WriteAnew
from retrieval.indexes.layout import Place
from retrieval.indexes.vectors import Ids
from retrieval.types import EraseReceipt, HideReceipt, Json, Progress, silent


def hide(folder: Path, ids: Iterable[int]) -> HideReceipt:
    """Hide ids from every search from now on, in this process and others; unknown ids are only refused by ``erase``."""
    started = time.perf_counter()
    _refuse_no_index(folder)
    after = hidden.change(folder, add=ids)
    return HideReceipt(len(after), time.perf_counter() - started)


def show(folder: Path, ids: Iterable[int]) -> HideReceipt:
    """Take ids off the hidden list again: the way back, as long as nothing is erased."""
    started = time.perf_counter()
    _refuse_no_index(folder)
    return HideReceipt(len(hidden.change(folder, drop=ids)), time.perf_counter() - started)


def _refuse_no_index(folder: Path) -> None:
    if not layout.exists(folder):
        raise IndexUnreadable(f"Hiding chunks of {folder}: there is no index in it; check the location.")


def erase(
    folder: Path, ids: Iterable[int], *, progress: Progress = silent, keep_undo: Path | None = None
) -> EraseReceipt:
    """Remove ids from the index's files; doing it twice is safe.

    ``keep_undo`` is a folder that receives the removed vectors and chunks before anything is removed (the caller
    encrypts it; ``retrieval.undo.restore`` is the way back). Raises ``UnknownId`` before any change for ids that this
    index never held, and ``OSError`` without room for the new generation; the old one counts then.
    """
    started, wanted = time.perf_counter(), frozenset(map(int, ids))
    _refuse_no_index(folder)
    with layout.changing(folder):
        layout.sweep(folder)
        place = layout.current(folder)
        held = documents.opened(place.files, plain=place.plain)
        if keep_undo is not None:
            documents.refuse_other_than_lines(place.files, "Keeping what is erased, with a way back, from")
        present = _present(place, held, wanted)
        if len(present):
            progress(0.1, f"{len(present)} of {len(held)} chunks to be removed")
            receipt = _erased(place, held, present, keep_undo, progress)
        else:
            receipt = _nothing_to_do(place, len(held))
        hidden.change(folder, drop=wanted)
    followers = opened.followed_here(folder) if receipt.removed else 0
    progress(1.0, f"{receipt.removed} chunks removed, {receipt.remaining} remain")
    how = f"{receipt.how}; {_memory(followers)}" if receipt.removed else receipt.how
    return replace(receipt, seconds=time.perf_counter() - started, how=how)


def _memory(followers: int) -> str:
    here = f"{followers} open indexes of this process emptied or wiped" if followers else "none open in this process"
    return f"memory: {here}; other processes follow at their next search"


def _present(place: Place, held: Documents, wanted: frozenset[int]) -> Ids:
    ids = np.array(sorted(wanted), np.int64)
    there = held.has(ids)
    unknown = set(ids[~there].tolist()).difference(place.manifest.get("erased", ()))
    if unknown:
        raise UnknownId(
            f"Erasing from the index in {place.folder}: {len(unknown)} of {len(wanted)} ids never were in it, first "
            f"{min(unknown)}; nothing was changed. Check that the ids belong to this index."
        )
    return np.asarray(ids[there])


def _erased(place: Place, held: Documents, ids: Ids, keep_undo: Path | None, progress: Progress) -> EraseReceipt:
    try:
        planned = inplace.plan(place, held, ids)
    except WriteAnew as reason:
        return _next_generation(place, ids, str(reason), keep_undo, progress)
    except UnsupportedIndex:
        return _next_generation(place, ids, "its layout is not known to the byte", keep_undo, progress)
    if keep_undo is not None:
        with inplace.opened(place) as files:
            where = files.find(ids)
            rows = inplace.rows_of(files, where)
            numbers = inplace.ids_at(files, where)
        undo.keep(keep_undo, place.generation, [held[id] for id in numbers.tolist()], rows)
    return _in_place(place, planned, progress)


def _in_place(place: Place, planned: Scrub, progress: Progress) -> EraseReceipt:
    before = generation.digest_of(place)
    progress(0.3, "overwriting their bytes")
    journal.write(place.folder, planned.change)
    manifest = finishing.carry_out(place.folder, planned.change, planned.trees)
    return EraseReceipt(
        level="repaired" if planned.level == "repaired" else "scrubbed",
        generation_before=place.generation,
        generation_after=place.generation + 1,
        removed=planned.removed,
        remaining=planned.remaining,
        seconds=0.0,
        how=planned.said,
        digest_before=before,
        digest_after=str(manifest.get("digest", "")),
    )


def _next_generation(place: Place, ids: Ids, why: str, keep_undo: Path | None, progress: Progress) -> EraseReceipt:
    held = generation.read(place.folder)
    gone = frozenset(ids.tolist())
    progress(0.3, "writing the index without them")
    index, how = _without(held, ids, keep_undo)
    number = place.generation + 1
    target = layout.fresh(place.folder, number)
    erased = sorted(gone.union(place.manifest.get("erased", ())))
    manifest = _written(target, index, held, gone, {**place.manifest, "generation": number, "erased": erased})
    progress(0.8, "making it the current one")
    before = generation.digest_of(place)
    layout.publish(place.folder, target, plain=place.plain)
    layout.sweep(place.folder)
    return EraseReceipt(
        level="rewritten",
        generation_before=place.generation,
        generation_after=number,
        removed=len(ids),
        remaining=len(held.chunks) - len(gone),
        seconds=0.0,
        how=f"new generation written ({why}; {how}), old files unlinked",
        digest_before=before,
        digest_after=str(manifest["digest"]),
    )


def _written(target: Path, index: object, held: generation.Generation, gone: frozenset[int], manifest: Json) -> Json:
    if documents.is_lines(held.chunks.path):
        return generation.write(target, index, [one for one in held.chunks.values() if one.id not in gone], manifest)
    return generation.write_without(target, index, held.chunks, gone, manifest)


def _without(held: generation.Generation, ids: Ids, keep_undo: Path | None) -> tuple[object, str]:
    share = len(ids) / max(1, held.index.ntotal)
    retrain = share > weighing.RETRAIN_ABOVE and len(ids) < len(held.chunks)
    if vectors.is_compressed(held.index):
        if keep_undo is not None:
            raise UnsupportedIndex(
                f"Erasing from the index in {held.place.folder}: its vectors are compressed, so there is no way back "
                "for them; erase without keeping one. Nothing was changed."
            )
        return compressed.without(held.index, ids, held.gone, retrain=retrain or _heavy(held, ids))
    stored = vectors.contents(held.index, held.gone)
    keep = ~np.isin(stored.ids, ids)
    if keep_undo is not None:
        chunks = [held.chunks[id] for id in stored.ids[~keep].tolist()]
        undo.keep(keep_undo, held.place.generation, chunks, stored.vectors[~keep])
    return vectors.without(stored, keep, retrain=retrain or _heavy(held, ids))


def _heavy(held: generation.Generation, ids: Ids) -> bool:
    """Say whether the ids weigh too much on a list, where there are lists."""
    try:
        with inplace.opened(held.place) as files:
            where = files.find(ids)
            return bool(len(weighing.weigh(files.lists, files.found, where).heavy))
    except UnsupportedIndex:
        return False


def _nothing_to_do(place: Place, count: int) -> EraseReceipt:
    number, digest = place.generation, generation.digest_of(place)
    return EraseReceipt("already gone", number, number, 0, count, 0.0, "nothing changed", digest, digest)
