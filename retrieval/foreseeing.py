"""What will happen when chunks are erased from an index: asked while a case is planned, while nothing is changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import anew
from retrieval.errors import UnsupportedIndex
from retrieval.indexes import beside, compressed, documents, hidden, inplace, layout, mapped, turned, vectors, weighing
from retrieval.indexes.layout import INDEX, Place
from retrieval.indexes.sections import Offsets
from retrieval.types import Folder


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The level that an erase would have (those of its receipt, or ``refused``), and why, in words.

    ``undo`` says whether what is erased can be kept with a way back.
    """

    level: str
    why: str
    undo: bool

    @property
    def possible(self) -> bool:
        """Whether the erase would take place at all."""
        return self.level != "refused"


def can_erase(folder: Folder, ids: Iterable[int] = ()) -> Foreseen:
    """Say what erasing ids would do; ids that are not there are left out, and without any it is said of one in many.

    Where a file's layout is not known to the byte the index is loaded, as the erase would. Raises ``IndexUnreadable``
    for what is no index, and ``StoreOutOfStep`` for chunks and vectors that do not belong together.
    """
    place = layout.current(Path(folder))
    held = documents.opened(place.files, plain=place.plain)
    wanted = np.array(sorted(filter(hidden.is_id, set(map(int, ids)))), np.int64)
    try:
        beside.refuse_links(place.files, INDEX, held.path.name, beside.data_of(place.files / INDEX) or INDEX)
        level, why = _known(place, held, wanted[held.has(wanted)])
        return Foreseen(level, why, undo=_has_undo(place))
    except UnsupportedIndex as error:
        return Foreseen("refused", str(error), undo=False)


def _known(place: Place, held: documents.Documents, wanted: Offsets) -> tuple[str, str]:
    try:
        return inplace.foreseen(place, held, wanted)
    except UnsupportedIndex:
        whole = vectors.read(place.files / INDEX)  # kept: it owns what stands below
        stored = turned.below(whole)
        beside.refuse_elsewhere(vectors.inner_of(stored), place.files / INDEX)
        if vectors.is_compressed(stored):
            compressed.refuse_others(stored)
            if len(wanted) >= len(held) > 0:
                compressed.refuse_what_stays(stored)
        weight = weighing.of_all(len(wanted), whole.ntotal)
        if len(wanted) < len(held) and anew.is_much(whole, stored, weight):
            return "partial", weight.owed()
        return "rewritten", "its layout is not known to the byte"


def _has_undo(place: Place) -> bool:
    """A way back needs the vectors as they stand in the file."""
    try:
        with mapped.opened(place) as files:
            return files.found.coded == "flat"
    except UnsupportedIndex:
        return False
