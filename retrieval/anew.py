"""Write an index anew without some ids, as the folder's next generation, from what is stored of everybody else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval import undo
from retrieval.errors import UnsupportedIndex
from retrieval.indexes import compressed, documents, generation, layout, mapped, originals, vectors, weighing
from retrieval.indexes.layout import Place
from retrieval.indexes.originals import Originals
from retrieval.indexes.vectors import Ids
from retrieval.indexes.weighing import Weight
from retrieval.types import EraseReceipt, Json, Progress


@dataclass(frozen=True)
class Asked:
    """What an erase was asked beside the ids: where a way back is kept, original vectors, who is told."""

    keep_undo: Path | None
    originals: Originals | None
    progress: Progress


@dataclass(frozen=True)
class _Made:
    """An index without the removed, how it was made, what it owes whoever was removed, and whether these among them."""

    index: Any
    how: str
    owed: Json
    partial: bool = False


def written(place: Place, ids: Ids, why: str, asked: Asked) -> EraseReceipt:
    """Write the next generation without ids, and make it the current one."""
    held = generation.read(place.folder)
    gone = frozenset(ids.tolist())
    asked.progress(0.3, "writing the index without them")
    made = _without(held, ids, asked)
    number = place.generation + 1
    target = layout.fresh(place.folder, number)
    erased = sorted(gone.union(place.manifest.get("erased", ())))
    facts = {name: value for name, value in place.manifest.items() if name != weighing.OWED}
    manifest = _files(target, made.index, held, gone, {**facts, **made.owed, "generation": number, "erased": erased})
    asked.progress(0.8, "making it the current one")
    before = generation.digest_of(place)
    layout.publish(place.folder, target, plain=place.plain)
    layout.sweep(place.folder)
    return EraseReceipt(
        level="partial" if made.partial else "rewritten",
        generation_before=place.generation,
        generation_after=number,
        removed=len(ids),
        remaining=len(held.chunks) - len(gone),
        seconds=0.0,
        how=f"new generation written ({why}; {made.how}), old files unlinked",
        digest_before=before,
        digest_after=str(manifest["digest"]),
    )


def _files(target: Path, index: object, held: generation.Generation, gone: frozenset[int], manifest: Json) -> Json:
    if documents.is_lines(held.chunks.path):
        return generation.write(target, index, [one for one in held.chunks.values() if one.id not in gone], manifest)
    return generation.write_without(target, index, held.chunks, gone, manifest)


def _without(held: generation.Generation, ids: Ids, asked: Asked) -> _Made:
    weight = _weight(held, ids)
    if vectors.is_compressed(held.index):
        return _without_codes(held, ids, weight, asked)
    stored = vectors.contents(held.index, held.gone)
    keep = ~np.isin(stored.ids, ids)
    if asked.keep_undo is not None:
        chunks = [held.chunks[id] for id in stored.ids[~keep].tolist()]
        undo.keep(asked.keep_undo, held.place.generation, chunks, stored.vectors[~keep])
    everybody = len(ids) >= len(held.chunks)
    index, how = vectors.without(stored, keep, retrain=weight.is_much and not everybody)
    return _Made(index, how, {})


def _without_codes(held: generation.Generation, ids: Ids, weight: Weight, asked: Asked) -> _Made:
    if asked.keep_undo is not None:
        raise UnsupportedIndex(
            f"Erasing from the index in {held.place.folder}: its vectors are compressed, so there is no way back "
            "for them; erase without keeping one. Nothing was changed."
        )
    owed = weighing.owed(held.place.manifest, weight)
    everybody = len(ids) == len(held.chunks)
    if owed and asked.originals is not None and not everybody:
        return _learned_again(held, ids, asked.originals, asked)
    index, how = compressed.without(held.index, ids, held.gone)
    if everybody:
        return _Made(compressed.unlearned(index), f"{how}; nothing is left, and what was learned is zeroed", {})
    said = weight.owed() if weight.is_much else f"what was learned kept: {weight.shares()}"
    return _Made(index, f"{how}; {said}", owed, partial=weight.is_much)


def _learned_again(held: generation.Generation, ids: Ids, given: Originals, asked: Asked) -> _Made:
    def of(kept: Ids) -> Any:
        return originals.of(given, kept, held.chunks, held.place.manifest, progress=asked.progress)

    index, how = compressed.learned_again(held.index, ids, held.gone, of)
    erased = np.union1d(ids, np.array(held.place.manifest.get("erased", ()), np.int64))
    left = originals.still_held(given, erased)
    return _Made(index, f"{how}; the given file still holds {left} of the removed" if left else how, {})


def _weight(held: generation.Generation, ids: Ids) -> Weight:
    """Return what the ids weigh, on lists too where the file's bytes are known."""
    whole = len(ids) / max(1, held.index.ntotal)
    try:
        with mapped.opened(held.place) as files:
            return weighing.weigh(files.lists, files.found, files.find(ids))
    except UnsupportedIndex:
        return Weight(whole, 0.0, np.zeros(0, np.int64))
