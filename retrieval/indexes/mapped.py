"""An index file without copying it, with the map of what stands where in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes import filemap, numbered, scrub
from retrieval.indexes.layout import INDEX, Place
from retrieval.indexes.mapping import mapped as mapped
from retrieval.indexes.numbered import Numbered
from retrieval.indexes.scrub import Found
from retrieval.indexes.sections import FileMap, Offsets
from retrieval.types import Vectors


@dataclass(frozen=True)
class Files:
    """An index file and the file its lists may lie in, mapped, with the map of what stands where."""

    found: FileMap
    raw: memoryview
    lists: memoryview
    handle: int  # of the file that holds the lists
    listed: Numbered | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Read some of the bytes of the file that holds the lists, for which no page is to be mapped."""
        return os.pread(self.handle, size, offset)

    def find(self, wanted: Offsets) -> Found:
        """Return where ids are."""
        return scrub.find(self.raw, self.found, wanted, beside=self.lists, listed=self.listed, read=self.read)


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
            with path.open("rb") as handle:
                yield Files(found, raw, raw, handle.fileno(), listed)
            return
        with mapped(place.files / found.lists.data) as beside, (place.files / found.lists.data).open("rb") as handle:
            yield Files(found, raw, beside, handle.fileno(), listed)


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
