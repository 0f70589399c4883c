"""Plan an erase that touches only the person's bytes: what is overwritten, in which files, and the manifest after it.

Nothing is loaded: the files are mapped, the wanted slots looked up, and the patches handed to the journal.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from retrieval.errors import IndexUnreadable, StoreOutOfStep, UnsupportedIndex
from retrieval.indexes import blocks, documents, filemap, numbered, patches, places, scrub, weighing
from retrieval.indexes.chunks import StoredChunks
from retrieval.indexes.documents import Documents
from retrieval.indexes.journal import Change
from retrieval.indexes.layout import INDEX, Place
from retrieval.indexes.mapped import mapped
from retrieval.indexes.numbered import Numbered
from retrieval.indexes.patches import Patch
from retrieval.indexes.scrub import Found
from retrieval.indexes.sections import FileMap, Offsets
from retrieval.indexes.weighing import Weight
from retrieval.types import Json, Vectors

EMPTY_BELOW = 0.2  # of all slots: with more of them empty, the index is written anew


class WriteAnew(Exception):  # noqa: N818 - no error: a decision, and the reason that the receipt gives
    """This erase is better done by writing the index anew."""


@dataclass(frozen=True)
class Scrub:
    """A planned change, and what the receipt says of it."""

    change: Change
    removed: int
    remaining: int
    level: str
    said: str
    trees: Mapping[str, blocks.Tree] = field(repr=False)


@dataclass(frozen=True)
class Files:
    """An index file and the file its lists may lie in, mapped, with the map of what stands where."""

    found: FileMap
    raw: memoryview
    lists: memoryview
    listed: Numbered | None = None

    def find(self, wanted: Offsets) -> Found:
        """Return where ids are."""
        return scrub.find(self.raw, self.found, wanted, beside=self.lists, listed=self.listed)


@contextmanager
def opened(place: Place) -> Iterator[Files]:
    """Map a generation's files; raises ``UnsupportedIndex`` for kinds whose bytes are not known."""
    path = place.files / INDEX
    with mapped(path) as raw:
        try:
            found = filemap.parse(raw)
        except UnsupportedIndex as error:
            raise UnsupportedIndex(f"Reading {path}: {error}.") from None
        except IndexUnreadable as error:
            raise IndexUnreadable(f"Reading {path}: {error}.") from None
        listed = numbered.read(path, str(place.manifest.get("numbers", "")))
        if found.lists is None or found.lists.data is None:
            yield Files(found, raw, raw, listed)
            return
        with mapped(place.files / found.lists.data) as beside:
            yield Files(found, raw, beside, listed)


def rows_of(files: Files, where: Found) -> Vectors:
    """Return stored vectors, (found, dimension) float32; raises ``UnsupportedIndex`` where they are compressed."""
    found = files.found
    if found.coded != "flat":
        raise UnsupportedIndex("its vectors are compressed: there is no way back for them; erase without keeping one")
    if found.lists is not None:
        at = found.lists.codes[where.lists] + where.slots * found.lists.code_size
    else:
        at = (found.codes.offset if found.codes else 0) + where.positions * 4 * found.dimension
    rows = [np.frombuffer(files.lists, "<f4", found.dimension, offset) for offset in at.tolist()]
    return np.stack(rows) if rows else np.zeros((0, found.dimension), np.float32)


def ids_at(files: Files, where: Found) -> Offsets:
    """Return the ids of what was found, in the same order."""
    found = files.found
    if found.ids is not None:
        return np.asarray(scrub.numbers(files.raw, found)[where.positions])
    return where.positions


def plan(place: Place, held: Documents, wanted: Offsets) -> Scrub:
    """Return the change that erases ids, all of them in the chunks; raises ``WriteAnew`` with the reason."""
    with opened(place) as files:
        where = files.find(wanted)
        _check_in_step(place, files.found, where, wanted)
        remaining = len(held) - len(wanted)
        gone = frozenset(map(int, place.manifest.get("slots", ())))
        _check_worth(files.found, remaining, len(gone) + len(wanted))
        weight = weighing.weigh(files.lists, files.found, where)
        changes, said = _changes(place, files, where, weight, gone)
        changes += _blanks(held, wanted)
        level = "repaired" if files.found.kind == "hnsw" else "scrubbed"
        data = files.found.lists.data if files.found.lists else None
        trees = _verified(place, held, changes)
        numbers = _numbers(place, files)
    store = {} if documents.is_lines(held.path) else documents.step(held, wanted.tolist())
    said = f"{patches.size(changes):,} bytes overwritten in place; {said}"
    said += f"; their rows removed from {held.path.name}, and it written anew" if store else ""
    kept = {name: value for name, value in (("data", data), ("numbers", numbers)) if value}
    manifest = {**_manifest(place, held, wanted, gone, data), "count": remaining, **kept}
    change = Change("" if place.plain else place.files.name, manifest, tuple(changes), store)
    return Scrub(change, len(wanted), remaining, level, said, trees)


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


def _changes(place: Place, files: Files, where: Found, weight: Weight, gone: frozenset[int]) -> tuple[list[Patch], str]:
    found = files.found
    changes = scrub.clearing(INDEX, files.raw, found, where)
    if found.kind == "hnsw":
        from retrieval.indexes.graph import mended  # it compiles: whoever has no graph does not wait for that

        dead = np.fromiter(gone, np.int64, len(gone))
        before = dead if found.ids is None else scrub.among(scrub.numbers(files.raw, found), np.array([scrub.NOBODY]))
        links, lists = mended(INDEX, files.raw, found, where.positions, np.asarray(before, np.int64))
        return [*changes, *links], f"{lists} neighbour lists mended"
    if found.lists is None and found.coded == "flat":
        return changes, "nothing was learned from the vectors"
    if weight.retrain or (len(weight.heavy) and found.coded != "flat"):
        raise WriteAnew(weight.shares())
    return [*changes, *weighing.refitted(INDEX, files.raw, files.lists, found, where, weight.heavy)], weight.said()


def _blanks(held: Documents, wanted: Offsets) -> list[Patch]:
    if not isinstance(held, StoredChunks):
        return []
    if not held.places.kept:
        places.write(held.path, held.places, held.path.stat().st_size)
    held.check(wanted)
    return places.blanked(held.path, held.places, held.places.find(wanted), beside=True)


def _verified(place: Place, held: Documents, changes: list[Patch]) -> dict[str, blocks.Tree]:
    """What is overwritten must be what the manifest names: a damaged file is refused before it is changed."""
    trees = {}
    for name, root in place.manifest.get("roots", {}).items():
        if name == held.path.name and not documents.is_lines(held.path):
            continue  # read row by row, and compared below
        tree = None if root is None else blocks.verified(place.files / name, patches.touched(changes, name), root)
        if tree is not None:
            trees[name] = tree
        elif root is not None:
            raise IndexUnreadable(
                f"Erasing from {place.files / name}: it is not the file that its manifest names (truncated or "
                "changed); nothing was changed. Restore it or rebuild the index."
            )
    documents.check(held, place.manifest.get("roots", {}).get(held.path.name))
    return trees


def _numbers(place: Place, files: Files) -> str:
    """Return the token of the list of this file's numbers, which is written when there is none and it is large."""
    if files.listed is not None:
        return str(place.manifest["numbers"])
    has_numbers = files.found.ids is not None or files.found.lists is not None
    if not has_numbers or files.found.count < numbered.FROM:
        return ""
    return numbered.keep(place.files / INDEX, scrub.numbers(files.raw, files.found, beside=files.lists))


def _manifest(place: Place, held: Documents, wanted: Offsets, gone: frozenset[int], data: str | None) -> Json:
    ids = set(wanted.tolist())
    names = [INDEX, held.path.name, *([data] if data else [])]
    return {
        **{name: value for name, value in place.manifest.items() if not name.endswith("_sha256") and name != "numbers"},
        "generation": place.generation + 1,
        "base": place.base,
        "erased": sorted(ids.union(place.manifest.get("erased", ()))),
        "slots": sorted(gone | ids),
        "roots": {name: place.manifest.get("roots", {}).get(name) for name in names},
    }
