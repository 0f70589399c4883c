"""How much somebody weighs on what an index learned from its vectors: centroids, codebooks, ranges.

Whoever had a small part in many lists leaves no trace in a centroid that could be told from the others'. Whoever is a
large part of one list is that list's centroid. So the share decides, of the whole and of each list; both limits are
in the receipt.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.indexes import patches
from retrieval.indexes.patches import Patch
from retrieval.indexes.scrub import NOBODY, Found, Read
from retrieval.indexes.sections import FileMap, Lists, Offsets, Section
from retrieval.types import Json

OWED: Final = "learned_with"  # in a manifest: shares of somebody gone, with which something that is kept was learned
RETRAIN_ABOVE: Final = 0.01  # of all vectors: above it, everything that was learned is learned again
REFIT_ABOVE: Final = 0.10  # of one list: above it, that list's centroid is computed again from the others in it
_INNER_PRODUCT = 0


@dataclass(frozen=True)
class Weight:
    """The share of all vectors, the largest share of a list, and the lists above the limit."""

    whole: float
    largest: float
    heavy: Offsets

    @property
    def retrain(self) -> bool:
        """Whether everything is to be learned again."""
        return self.whole > RETRAIN_ABOVE

    @property
    def is_much(self) -> bool:
        """Whether the share of the whole, or of a list, is above its limit."""
        return self.retrain or bool(len(self.heavy))

    def owed(self) -> str:
        """Say what stays although the share is above a limit, and what would mend it."""
        return (
            f"what was learned with them (code book, centroids, ranges, transformation) is kept: {self.shares()}; what "
            "is stored cannot teach it again without loss. Give the original vectors of those who stay to have it "
            "learned again"
        )

    def shares(self) -> str:
        """Say the shares, and the limits beside them."""
        shares = f"the removed were {self.whole:.2%} of all vectors and at most {self.largest:.1%} of a list"
        return f"{shares} (limits {RETRAIN_ABOVE:.0%} and {REFIT_ABOVE:.0%})"

    def said(self) -> str:
        """Say what an erase in place does about it."""
        count = len(self.heavy)
        what = f"{count} centroids computed again without the removed" if count else "centroids kept"
        return f"{what}: {self.shares()}"


def owed(manifest: Json, weight: Weight, *, much: bool) -> Json:
    """Return what a manifest is to say of shares with which a kept code book was learned; empty when of none.

    The largest stay: of whoever was erased before, and of this erase when it weighed ``much``.
    """
    before = manifest.get(OWED)
    whole, largest = before if isinstance(before, list) and len(before) == 2 else (0.0, 0.0)
    if much:
        whole, largest = max(whole, weight.whole), max(largest, weight.largest)
    return {OWED: [whole, largest]} if whole or largest else {}


def of_all(removed: int, count: int) -> Weight:
    """Return what some weigh among all, where it is not known which lists they are in."""
    return Weight(removed / max(1, count), 0.0, np.zeros(0, np.int64))


def weigh(read: Read, found: FileMap, where: Found) -> Weight:
    """Return what the found slots weigh, of all slots that the index was written with; ``read`` reads the lists."""
    removed = len(where.lists) if found.lists is not None else len(where.positions)
    whole = removed / max(1, found.count)
    if found.lists is None or not removed:
        return Weight(whole, 0.0, np.zeros(0, np.int64))
    numbers, counts = np.unique(where.lists, return_counts=True)
    spans = zip(found.lists.ids[numbers].tolist(), found.lists.sizes[numbers].tolist(), strict=True)
    living = [np.count_nonzero(np.frombuffer(read(at, 8 * size), "<i8") != NOBODY) for at, size in spans]
    shares = counts / np.array(living)
    return Weight(whole, float(shares.max()), numbers[shares > REFIT_ABOVE])


def _ids(raw: memoryview, lists: Lists, number: int) -> Offsets:
    return np.frombuffer(raw, "<i8", int(lists.sizes[number]), int(lists.ids[number]))


def _living(raw: memoryview, lists: Lists, number: int) -> npt.NDArray[np.intp]:
    return np.flatnonzero(_ids(raw, lists, number) != NOBODY)


def refitted(
    file: str, raw: memoryview, beside: memoryview, found: FileMap, where: Found, heavy: Offsets
) -> list[Patch]:
    """Return the patches of the heavy lists' centroids: the mean of the others in the list (IVF-Flat only).

    A list of which nobody is left gets another list's centroid: its own would be the person's.
    """
    if found.centroids is None or found.lists is None or not len(heavy):
        return []
    centroids = np.frombuffer(raw, "<f4", found.centroids.count * found.dimension, found.centroids.offset)
    centroids = centroids.reshape(-1, found.dimension)
    rows = [
        _mean(beside, found, number, where.slots[where.lists == number], centroids, heavy) for number in heavy.tolist()
    ]
    at = found.centroids.offset + heavy * found.centroids.size
    return [patches.Write(file, at, np.stack(rows).astype("<f4").view(np.uint8))]


def _mean(
    raw: memoryview, found: FileMap, number: int, slots: Offsets, centroids: npt.NDArray[np.float32], heavy: Offsets
) -> npt.NDArray[np.float32]:
    lists = found.lists
    assert lists is not None  # noqa: S101 - the caller looked
    rest = np.setdiff1d(_living(raw, lists, number), slots)
    if not len(rest):
        light = np.setdiff1d(np.arange(len(centroids)), heavy)
        return np.asarray(centroids[light[0] if len(light) else number] * np.float32(1.0))
    section = Section(int(lists.codes[number]), int(lists.sizes[number]), lists.code_size)
    vectors = np.frombuffer(raw, "<f4", section.count * found.dimension, section.offset).reshape(-1, found.dimension)
    mean = vectors[rest].mean(axis=0, dtype=np.float64)
    if found.metric == _INNER_PRODUCT:
        mean = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return np.asarray(mean, np.float32)
