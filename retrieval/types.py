"""The words of this library: what is looked for, what was found, and what a verb hands back."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Folder: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[float, str], None]
Vectors: TypeAlias = npt.NDArray[np.float32]
Support: TypeAlias = Literal["exact", "normalised", "name", "content"]


def silent(fraction: float, message: str) -> None:
    """Take progress and say nothing."""


@dataclass(frozen=True, slots=True)
class Needle:
    """One identifier to look for; results carry ``key``, never ``value``."""

    kind: str
    value: str = field(repr=False)
    key: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a source: where it is, which row, and its text by field name."""

    path: str
    record: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """One occurrence: characters ``start`` to ``end`` of a field; ``needle`` is the needle's key."""

    path: str
    record: str
    field: str
    start: int
    end: int
    needle: str
    support: Support


@dataclass(frozen=True, slots=True)
class Note:
    """What must be known of a file beside what was found in it; ``record`` is empty for the file as a whole.

    ``refused``: not read. ``stored``: searched as it is stored, because it could not be unpacked or parsed.
    ``assumed``: read in an encoding that nothing tells, or as bytes because it is no text.
    """

    path: str
    record: str
    what: Literal["refused", "stored", "assumed"]
    why: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document as an index holds it; ``owner`` is an opaque label, where the company keeps one."""

    id: int
    document: str
    text: str = field(repr=False)
    source: str = ""
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search: score as the index's metric has it (inner product: larger is nearer)."""

    id: int
    score: float
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class IndexDescription:
    """What an index folder is, without any of its content."""

    generation: int
    digest: str
    count: int
    hidden: int
    dimension: int
    metric: str
    kind: str
    embedder: str
    embedder_digest: str
    built_at: str


@dataclass(frozen=True, slots=True)
class HideReceipt:
    """Ids that no search returns from now on; their bytes are still stored.

    ``unknown`` of those given are not in the index (written wrong, or erased before); nothing where that was not seen
    at once.
    """

    hidden: int
    seconds: float
    unknown: int | None = None


@dataclass(frozen=True, slots=True)
class EraseReceipt:
    """What an erase did; digests cover index and chunks.

    ``level``: ``scrubbed`` (their bytes overwritten in place), ``repaired`` (also the links of a graph mended),
    ``rewritten`` (a new generation), ``partial`` (their own bytes are gone, a code book that they weighed on above the
    stated share is kept: ``how`` says what would mend it), or ``already gone``.
    """

    level: Literal["scrubbed", "repaired", "rewritten", "partial", "already gone"]
    generation_before: int
    generation_after: int
    removed: int
    remaining: int
    seconds: float
    how: str
    digest_before: str = ""
    digest_after: str = ""


@dataclass(frozen=True, slots=True)
class Residue:
    """Bytes that should be gone: in which file, what (``vector`` or ``text``), how often."""

    path: str
    what: Literal["vector", "text"]
    count: int


@dataclass(frozen=True, slots=True)
class AbsenceReport:
    """Outcome of a byte scan of every file of a folder."""

    files: int
    bytes: int
    vectors: int
    texts: int
    residues: tuple[Residue, ...]

    @property
    def absent(self) -> bool:
        """Whether at least one pattern was looked for in at least one file, and none was found."""
        return self.files > 0 and self.vectors + self.texts > 0 and not self.residues


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One way of asking: how many questions, how many of them returned an erased chunk or its very text."""

    how: str
    asked: int
    returned_erased: int
    returned_same_text: int


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Every way of asking, and the index generation that answered."""

    generation: int
    digest: str
    k: int
    erased: int
    lines: tuple[ProbeLine, ...]

    @property
    def returned(self) -> int:
        """Questions, over all ways, that brought an erased chunk or its text back."""
        return sum(line.returned_erased + line.returned_same_text for line in self.lines)


Json: TypeAlias = dict[str, Any]
