"""The words of a faiss file: sections of bytes, and which of them hold vectors, ids, lists, links."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Coded: TypeAlias = Literal["flat", "sq", "pq"]
Offsets: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Section:
    """``count`` items of ``size`` bytes from ``offset`` on."""

    offset: int
    count: int
    size: int

    @property
    def end(self) -> int:
        """Where the next section begins."""
        return self.offset + self.count * self.size


@dataclass(frozen=True)
class Lists:
    """Inverted lists: offsets of codes and ids by list; ``data`` names another file, beside, that holds them.

    ``named`` is where the index file says so, with a path that may lead elsewhere.
    """

    sizes: Offsets
    codes: Offsets
    ids: Offsets
    code_size: int
    data: str | None = None
    named: Section | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """An HNSW graph: levels (n,) int32, offsets (n + 1,) uint64, neighbours int32; where entry point and top stand."""

    slots: tuple[int, ...]  # cumulated number of neighbour slots by level
    levels: Section
    offsets: Section
    neighbours: Section
    entry: int
    top: int


@dataclass(frozen=True, slots=True)
class Quantizer:
    """How the codes of lists are made: faiss' number of a scalar quantizer, or a product quantizer's parts and bits.

    ``learned`` are its floats: least values and widths, or the words (parts, words, width). ``residual`` says that a
    code is of what is left beside the list's centroid.
    """

    learned: Section
    residual: bool
    kind: int = -1
    parts: int = 0
    bits: int = 0


@dataclass(frozen=True)
class FileMap:
    """An index file. ``codes`` is None where ``lists`` holds the vectors; ``ids`` is None where position is the id."""

    kind: Literal["flat", "ivf", "hnsw"]
    coded: Coded
    dimension: int
    metric: int
    count: int
    size: int
    codes: Section | None = None
    ids: Section | None = None
    lists: Lists | None = None
    centroids: Section | None = None
    graph: Graph | None = None
    quantizer: Quantizer | None = None
    transform: Literal["", "fixed", "learned"] = ""  # what vectors pass through before they are stored
    direct: tuple[Section, Section] | None = None  # array of places by id, and pairs (id, place)
