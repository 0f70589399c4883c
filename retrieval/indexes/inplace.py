"""Plan an erase that touches only the person's bytes: what is overwritten, in which files, and the manifest after it.

Nothing is loaded: the files are mapped, the wanted slots looked up, and the patches handed to the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.indexes import blocks, documents, numbered, patches, places, scrub, seen, weighing
from retrieval.indexes.chunks import StoredChunks
from retrieval.indexes.documents import Documents
from retrieval.indexes.journal import Change
from retrieval.indexes.layout import INDEX, Place
from retrieval.indexes.mapped import Files, opened
from retrieval.indexes.patches import Patch
from retrieval.indexes.scrub import Found
from retrieval.indexes.sections import FileMap, Offsets
from retrieval.indexes.weighing import Weight
from retrieval.types import Json

Level: TypeAlias = Literal["scrubbed", "repaired", "partial"]
EMPTY_BELOW = 0.2  # of all slots: with more of them empty, the index is written anew


class WriteAnew(Exception):  # noqa: N818 - no error: a decision, and the reason that the receipt gives
    """This erase is better done by writing the index anew."""


@dataclass(frozen=True)
class Scrub:
    """A planned change, and what the receipt says of it."""

    change: Change
    removed: int
    remaining: int
    level: Level
    said: str
    before: Mapping[str, blocks.Before] = field(repr=False)


def plan(place: Place, held: Documents, wanted: Offsets, *, relearn: bool = False) -> Scrub:
    """Return the change that erases ids, all of them in the chunks; raises ``WriteAnew`` with the reason.

    ``relearn`` says that the original vectors are at hand, from which a code book can be learned again.
    """
    with opened(place) as files:
        where = files.find(wanted)
        _check_in_step(place, files.found, where, wanted)
        remaining = len(held) - len(wanted)
        gone = frozenset(map(int, place.manifest.get("slots", ())))
        _check_worth(files.found, remaining, len(gone) + len(wanted))
        weight = weighing.weigh(files.read, files.found, where)
        much = _stays(files.found, weight)
        owed = weighing.owed(place.manifest, weight, much=much) if _is_learned(files.found) else {}
        if owed and relearn:
            raise WriteAnew(weight.shares())
        changes, said = _changes(files, where, weight, gone)
        changes += _blanks(held, wanted)
        before = _verified(place, held, changes)
        facts = {**_manifest(place, held, wanted, gone, files.found), **_numbers(place, files), **owed}
        level: Level = "partial" if much else "repaired" if files.found.kind == "hnsw" else "scrubbed"
    store = {} if documents.is_lines(held.path) else documents.step(held, wanted.tolist())
    said = f"{patches.size(changes):,} bytes overwritten in place; {said}"
    said += f"; their rows removed from {held.path.name}, and it written anew" if store else ""
    target = "" if place.plain else place.files.name
    change = Change(target, {**facts, "count": remaining}, tuple(changes), store)
    return Scrub(change, len(wanted), remaining, level, said, before)


def foreseen(place: Place, held: Documents, wanted: Offsets) -> tuple[str, str]:
    """Return the level that erasing ids would have, and why, while nothing is written.

    Raises ``UnsupportedIndex`` where the file's layout is not known to the byte, ``StoreOutOfStep`` as ``plan`` does.
    """
    with opened(place) as files:
        where = files.find(wanted)
        _check_in_step(place, files.found, where, wanted)
        remaining, gone = len(held) - len(wanted), len(place.manifest.get("slots", ()))
        weight = weighing.weigh(files.read, files.found, where)
        taught = files.found.coded != "flat" or files.found.transform == "learned"
        try:
            _check_worth(files.found, remaining, gone + len(wanted))
        except WriteAnew as reason:
            much = taught and weight.is_much and remaining > 0
            return ("partial", weight.owed()) if much else ("rewritten", str(reason))
        if _stays(files.found, weight):
            return "partial", weight.owed()
        if files.found.kind == "hnsw":
            return "repaired", "the lists that lead to them are mended in place"
        if weight.retrain and files.found.lists is not None and not taught:
            return "rewritten", weight.shares()
        return "scrubbed", "their bytes are overwritten in place"


def _check_in_step(place: Place, found: FileMap, where: Found, wanted: Offsets) -> None:
    seen = len(where.lists) if found.lists is not None else len(where.positions)
    if seen != len(wanted):
        raise StoreOutOfStep(
            f"Erasing from the index in {place.files}: {len(wanted)} chunks have {seen} vectors; nothing was changed. "
            "Rebuild the index from its documents."
        )


def _check_worth(found: FileMap, remaining: int, empty: int) -> None:
    if not scrub.in_place(found):
        raise WriteAnew("compressed vectors without lists have no empty value")
    if remaining <= 0:
        raise WriteAnew("nothing is left")
    if empty > EMPTY_BELOW * max(1, found.count):
        raise WriteAnew(f"more than {EMPTY_BELOW:.0%} of its slots would be empty")


def _changes(files: Files, where: Found, weight: Weight, gone: frozenset[int]) -> tuple[list[Patch], str]:
    found = files.found
    changes = scrub.clearing(INDEX, files.raw, found, where)
    if found.kind == "hnsw":
        from retrieval.indexes.graph import mended  # it compiles: whoever has no graph does not wait for that

        dead = np.fromiter(gone, np.int64, len(gone))
        before = dead if found.ids is None else scrub.among(scrub.numbers(files.raw, found), np.array([scrub.NOBODY]))
        links, lists = mended(INDEX, files.raw, found, where.positions, np.asarray(before, np.int64))
        return [*changes, *links], f"{lists} neighbour lists mended{_of_book(found, weight)}"
    if found.lists is None:  # flat, or half as wide: neither has anything that is learned
        return changes, f"nothing was learned from the stored vectors{_of_transform(found, weight)}"
    if _is_coded(found):
        return changes, weight.owed() if _stays(found, weight) else weight.said()
    if weight.retrain and found.transform != "learned":
        raise WriteAnew(weight.shares())
    centroids = weighing.refitted(INDEX, files.raw, files.lists, found, where, weight.heavy)
    return [*changes, *centroids], weight.said() + _of_transform(found, weight)


def _of_transform(found: FileMap, weight: Weight) -> str:
    if found.transform != "learned":
        return ""
    return f"; {weight.owed() if weight.retrain else f'transformation kept: {weight.shares()}'}"


def _of_book(found: FileMap, weight: Weight) -> str:
    """Say what becomes of what a graph's codes mean."""
    if not _is_coded(found):
        return _of_transform(found, weight)
    return f"; {weight.owed() if weight.is_much else f'code book kept: {weight.shares()}'}"


def _is_coded(found: FileMap) -> bool:
    """Say whether codes mean what was learned from all vectors, so that it cannot be learned again from them."""
    if found.kind == "hnsw":
        return found.coded != "flat" and found.quantizer is not None and found.quantizer.learned.count > 0
    return found.coded != "flat" and found.lists is not None


def _is_learned(found: FileMap) -> bool:
    return _is_coded(found) or found.transform == "learned"


def _stays(found: FileMap, weight: Weight) -> bool:
    """Say whether something stays that the removed weighed on above its limit: codes' meaning, or a transformation."""
    return (_is_coded(found) and weight.is_much) or (found.transform == "learned" and weight.retrain)


def _blanks(held: Documents, wanted: Offsets) -> list[Patch]:
    if not isinstance(held, StoredChunks):
        return []
    if not held.places.kept:
        places.write(held.path, held.places, held.path.stat().st_size)
    return places.blanked(held.path, held.places, held.check(wanted), beside=True)


def _verified(place: Place, held: Documents, changes: list[Patch]) -> dict[str, blocks.Before]:
    """What is overwritten must be what the manifest names: a damaged file is refused before it is changed.

    A file that nobody wrote to since our last change is compared while the change is made.
    """
    before, kept = {}, seen.read(place.folder)
    for name, root in place.manifest.get("roots", {}).items():
        if root is None or (name == held.path.name and not documents.is_lines(held.path)):
            continue  # never hashed, or read row by row, and compared below
        path, touched = place.files / name, patches.touched(changes, name)
        if blocks.is_few(touched) and seen.is_same(kept, path):
            before[name] = blocks.Before(path, root, touched)
            continue
        one = blocks.verified(path, touched, root) if path.is_file() else None
        if one is None:
            raise IndexUnreadable(
                f"Erasing from {path}: it is not the file that its manifest names (truncated or "
                "changed); nothing was changed. Restore it or rebuild the index."
            )
        before[name] = one
    documents.check(held, place.manifest.get("roots", {}).get(held.path.name))
    return before


def _numbers(place: Place, files: Files) -> Json:
    """Name the list of this file's numbers, which is written when there is none and the file is large."""
    if files.listed is not None:
        return {"numbers": place.manifest["numbers"]}
    has_numbers = files.found.ids is not None or files.found.lists is not None
    if not has_numbers or files.found.count < numbered.FROM:
        return {}
    numbers = scrub.numbers(files.raw, files.found, beside=files.lists)
    return {"numbers": numbered.keep(place.files / INDEX, numbers)}


def _manifest(place: Place, held: Documents, wanted: Offsets, gone: frozenset[int], found: FileMap) -> Json:
    ids = set(wanted.tolist())
    data = found.lists.data if found.lists else None
    names = [INDEX, held.path.name, *([data] if data else [])]
    before = place.manifest.items()
    return {
        **{name: value for name, value in before if not name.endswith("_sha256") and name != "numbers"},
        "generation": place.generation + 1,
        "base": place.base,
        "erased": sorted(ids.union(place.manifest.get("erased", ()))),
        "slots": sorted(gone | ids),
        "roots": {name: place.manifest.get("roots", {}).get(name) for name in names},
        **({"data": data} if data else {}),
    }
