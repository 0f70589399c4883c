"""Write an index anew without some ids, as the folder's next generation, from what is stored of everybody else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval import undo
from retrieval.errors import UnsupportedIndex
from retrieval.indexes import (
    beside,
    compressed,
    documents,
    generation,
    layout,
    mapped,
    originals,
    turned,
    vectors,
    weighing,
)
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
    """An index without the removed, how it was made, what it owes whoever was removed, and whether these among them.

    ``below`` is what the index may stand on without owning it, so that it lives as long.
    """

    index: Any
    how: str
    owed: Json
    partial: bool = False
    below: Any = None


def written(place: Place, ids: Ids, why: str, asked: Asked) -> EraseReceipt:
    """Write the next generation without ids, and make it the current one."""
    held = generation.read(place.folder)
    beside.refuse_links(place.files, beside.data_of(place.files / layout.INDEX) or layout.INDEX)
    beside.refuse_elsewhere(vectors.inner_of(held.index), place.files / layout.INDEX)
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
    """Take ids out of what is stored; what was learned is learned again, kept where they weighed little, or owed."""
    weight, stored = _weight(held, ids), turned.below(held.index)
    is_coded, is_turned = vectors.is_compressed(stored), turned.is_learned(held.index)
    much = is_much(held.index, stored, weight)
    owed = weighing.owed(held.place.manifest, weight, much=much) if is_coded or is_turned else {}
    everybody = len(ids) >= len(held.chunks)
    if is_turned and everybody:
        _refuse_undo(held, asked)  # what they are turned by is zeroed, and they could not be found again
    if owed and asked.originals is not None and not everybody:
        _refuse_undo(held, asked)
        return _learned_again(held, ids, asked.originals, asked)
    without = _without_codes if is_coded else _without_vectors
    index, how = without(held, stored, ids, weight, asked)
    if everybody:
        zeroed = "; nothing is left, and what was learned is zeroed" if is_coded or is_turned else ""
        return _Made(turned.above(turned.unlearned(held.index), index), f"{how}{zeroed}", {}, below=stored)
    said = weight.owed() if much else f"what was learned kept: {weight.shares()}"
    said = f"; {said}" if is_coded or is_turned else ""
    return _Made(turned.above(held.index, index), f"{how}{said}", owed, partial=much, below=stored)


def is_much(index: Any, stored: Any, weight: Weight) -> bool:
    """Say whether what is stored, or what turns it, was learned with the removed to more than a limit."""
    by_codes = vectors.is_compressed(stored) and weight.is_much
    return by_codes or (turned.is_learned(index) and weight.retrain)


def _without_vectors(
    held: generation.Generation, stored: Any, ids: Ids, weight: Weight, asked: Asked
) -> tuple[Any, str]:
    contents = vectors.contents(stored, held.gone)
    keep = ~np.isin(contents.ids, ids)
    if asked.keep_undo is not None:
        chunks = [held.chunks[id] for id in contents.ids[~keep].tolist()]
        whole = documents.whole_rows(held.chunks, [chunk.id for chunk in chunks])
        undo.keep(asked.keep_undo, held.place.generation, chunks, contents.vectors[~keep], whole)
    return vectors.without(contents, keep, retrain=weight.is_much and len(ids) < len(held.chunks))


def _without_codes(held: generation.Generation, stored: Any, ids: Ids, _: Weight, asked: Asked) -> tuple[Any, str]:
    _refuse_undo(held, asked)
    index, how = compressed.without(stored, ids, held.gone)
    return (compressed.unlearned(index), how) if len(ids) >= len(held.chunks) else (index, how)


def _refuse_undo(held: generation.Generation, asked: Asked) -> None:
    if asked.keep_undo is not None:
        raise UnsupportedIndex(
            f"Erasing from the index in {held.place.folder}: its vectors are compressed, or turned by what does "
            "not stay, so there is no way back for them; erase without keeping one. Nothing was changed."
        )


def _learned_again(held: generation.Generation, ids: Ids, given: Originals, asked: Asked) -> _Made:
    def of(kept: Ids) -> Any:
        return originals.of(given, kept, held.chunks, held.place.manifest, progress=asked.progress)

    index, how = turned.learned_again(held.index, ids, held.gone, of)
    erased = np.union1d(ids, np.array(held.place.manifest.get("erased", ()), np.int64))
    left = originals.still_held(given, erased)
    return _Made(index, f"{how}; the given file still holds {left} of the removed" if left else how, {})


def _weight(held: generation.Generation, ids: Ids) -> Weight:
    """Return what the ids weigh, on lists too where the file's bytes are known."""
    try:
        with mapped.opened(held.place) as files:
            return weighing.weigh(files.read, files.found, files.find(ids))
    except UnsupportedIndex:
        return weighing.of_all(len(ids), held.index.ntotal)
