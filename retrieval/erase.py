"""Take chunks out of an index: hidden at once, then gone from the files, with a receipt; and look whether they are.

``hide`` answers in milliseconds and is kept by every open index; the bytes stay. ``erase`` writes a new generation from
the stored vectors of everybody else (nothing is embedded again), makes it current in a single step and unlinks the old.
Killed at any moment, the folder opens as before or as after, and calling ``erase`` again finishes the work.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from retrieval import undo
from retrieval.errors import IndexUnreadable, UnknownId
from retrieval.indexes import generation, hidden, layout, vectors
from retrieval.scan import scan_bytes
from retrieval.types import AbsenceReport, EraseReceipt, HideReceipt, Progress, Residue, silent

_MEMORY = "a process that had the index open follows at its next search; memory it freed is not wiped before it ends"


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
        held = generation.read(folder)
        present = _present(held, wanted, folder)
        if present:
            progress(0.1, f"{len(present)} of {len(held.chunks)} chunks to be removed")
            receipt = _next_generation(held, present, keep_undo, progress)
        else:
            receipt = _nothing_to_do(held)
        hidden.change(folder, drop=wanted)
    progress(1.0, f"{receipt.removed} chunks removed, {receipt.remaining} remain")
    return replace(receipt, seconds=time.perf_counter() - started)


def _present(held: generation.Generation, wanted: frozenset[int], folder: Path) -> frozenset[int]:
    present = wanted & held.chunks.keys()
    unknown = wanted - present - set(held.place.manifest.get("erased", ()))
    if unknown:
        raise UnknownId(
            f"Erasing from the index in {folder}: {len(unknown)} of {len(wanted)} ids never were in it, first "
            f"{min(unknown)}; nothing was changed. Check that the ids belong to this index."
        )
    return present


def _next_generation(
    held: generation.Generation, ids: frozenset[int], keep_undo: Path | None, progress: Progress
) -> EraseReceipt:
    place, stored = held.place, vectors.contents(held.index)
    keep = ~np.isin(stored.ids, np.fromiter(ids, np.int64, len(ids)))
    if keep_undo is not None:
        undo.keep(keep_undo, held, stored.ids[~keep], stored.vectors[~keep])
    progress(0.3, "writing the index without them")
    index, how = vectors.without(stored, keep)
    number = place.generation + 1
    target = layout.fresh(place.folder, number)
    kept = [chunk for chunk in held.chunks.values() if chunk.id not in ids]
    erased = sorted(ids.union(place.manifest.get("erased", ())))
    manifest = generation.write(target, index, kept, {**place.manifest, "generation": number, "erased": erased})
    progress(0.8, "making it the current one")
    before = generation.digest_of(place)
    layout.publish(place.folder, target, plain=place.plain)
    layout.sweep(place.folder)
    return EraseReceipt(
        level="rewritten",
        generation_before=place.generation,
        generation_after=number,
        removed=int((~keep).sum()),
        remaining=int(keep.sum()),
        seconds=0.0,
        how=f"new generation written ({how}), old files unlinked; {_MEMORY}",
        digest_before=before,
        digest_after=str(manifest["digest"]),
    )


def _nothing_to_do(held: generation.Generation) -> EraseReceipt:
    number, digest = held.place.generation, generation.digest_of(held.place)
    return EraseReceipt("already gone", number, number, 0, len(held.chunks), 0.0, "nothing changed", digest, digest)


def absent(folder: Path, *, vectors: Sequence[bytes] = (), texts: Sequence[str] = ()) -> AbsenceReport:
    """Scan every file of a folder for the exact bytes of vectors and texts (plain and as JSON writes them)."""
    spellings = [spelling for text in texts for spelling in _as_stored(text)]
    patterns = [*vectors, *spellings]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    residues = [residue for path in files for residue in _residues(path, patterns, len(vectors))]
    size = sum(path.stat().st_size for path in files)
    return AbsenceReport(len(files), size, len(vectors), len(texts), tuple(residues))


def _as_stored(text: str) -> tuple[bytes, ...]:
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return tuple(dict.fromkeys(form.encode() for form in forms))


def _residues(path: Path, patterns: Sequence[bytes], vectors: int) -> list[Residue]:
    found = [index < vectors for _, index in scan_bytes(path, patterns)]
    counts = {"vector": sum(found), "text": len(found) - sum(found)}
    return [Residue(str(path), "vector" if what == "vector" else "text", n) for what, n in counts.items() if n]
