"""The documents beside the vectors: JSON lines, SQLite or Parquet, behind one contract.

JSON lines are blanked in place with the index's own bytes. The other two are changed by a step that stands in the
folder's journal: made ready before the journal counts, carried out after, and harmless to do twice. They lie in a plain
folder, and stay the file that their application knows. Their digest is over their rows (id, document, text, source,
owner), because their bytes change without a row's changing (a checkpoint, a VACUUM, another writer of Parquet).

To add a kind: a module with ``opened(path)``, which returns ``Documents``, and one with ``rows``, ``prepare`` and
``alter``, which change them; its suffix in both tables here.
"""

import json
import pkgutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable, StoreOutOfStep, UnsupportedIndex
from retrieval.indexes.altering import Alteration
from retrieval.indexes.names import CHUNKS, MANIFEST
from retrieval.types import Chunk, Json

STEP: Final = ".forget"
_PICKLED: Final = "index.pkl"
_STEM: Final = CHUNKS.removesuffix(".jsonl")
KINDS: Final = {
    ".jsonl": "retrieval.indexes.chunks",
    ".sqlite": "retrieval.indexes.documents_sqlite",
    ".sqlite3": "retrieval.indexes.documents_sqlite",
    ".db": "retrieval.indexes.documents_sqlite",
    ".parquet": "retrieval.indexes.documents_parquet",
}
ALTERING: Final = {
    ".sqlite": "retrieval.indexes.altered_sqlite",
    ".sqlite3": "retrieval.indexes.altered_sqlite",
    ".db": "retrieval.indexes.altered_sqlite",
    ".parquet": "retrieval.indexes.altered_parquet",
}


class Documents(Protocol):
    """Chunks by id as a file has them; no text stays in memory longer than whoever asked for it keeps it."""

    path: Path

    def __getitem__(self, id: int) -> Chunk:
        """Return a chunk; raises ``KeyError`` when it is gone."""

    def __contains__(self, id: object) -> bool: ...

    def __iter__(self) -> Iterator[int]: ...

    def __len__(self) -> int: ...

    def get(self, id: int) -> Chunk | None:
        """Return a chunk, or nothing."""

    def several(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """Return chunks by id, read together; raises ``KeyError`` when one is gone."""

    def values(self) -> Iterable[Chunk]:
        """Return every chunk, read in one pass."""

    def live(self) -> npt.NDArray[np.int64]:
        """Return the ids that are there, ascending."""

    def has(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say of each id whether it is there."""


class _Kind(Protocol):
    def opened(self, path: Path) -> Documents: ...


class _Altering(Protocol):
    def rows(self, path: Path, ids: Sequence[int]) -> dict[int, str]:
        """Return rows whole, as text from which they can be put back."""

    def prepare(self, path: Path, change: Alteration) -> None:
        """Make a change ready, and change nothing; raises what would stop it later."""

    def alter(self, path: Path, change: Alteration) -> None:
        """Carry a change out, once or again."""


def found(files: Path) -> Path:
    """Return the file that holds a folder's documents; raises ``StoreOutOfStep`` when there are two."""
    there = [files / f"{_STEM}{suffix}" for suffix in KINDS if (files / f"{_STEM}{suffix}").exists()]
    if len(there) > 1:
        raise StoreOutOfStep(
            f"Opening the index in {files}: {' and '.join(path.name for path in there)} both hold documents, and what "
            "leaves one would stay in the other; keep the one that counts."
        )
    return there[0] if there else files / CHUNKS


def refuse_frameworks(files: Path) -> None:
    """Raise ``UnsupportedIndex`` for a folder of LangChain: its texts lie in a file of its own, by names of its own."""
    if (files / _PICKLED).exists() and not found(files).exists():
        raise UnsupportedIndex(
            f"Opening the index in {files}: it is LangChain's, with its texts in {_PICKLED}; erase from it by names or "
            "documents (retrieval.frameworks, in the shell --names and --documents)."
        )


def is_lines(path: Path) -> bool:
    """Say whether documents are JSON lines: blanked in place, hashed by their bytes."""
    return path.suffix == ".jsonl"


def is_by_rows(path: Path) -> bool:
    """Say whether a file of the folder is one of documents whose digest is over its rows."""
    return path.name.startswith(f"{_STEM}.") and path.suffix in KINDS and not is_lines(path)


def opened(files: Path, *, plain: bool = True) -> Documents:
    """Open a folder's documents; raises ``IndexUnreadable``, ``StoreOutOfStep`` and ``UnsupportedIndex``."""
    path = found(files)
    if not plain and not is_lines(path):
        raise UnsupportedIndex(
            f"Opening {path}: documents in this format are read beside an index.faiss without generations; "
            "move both files into a folder of their own."
        )
    return _kind(path).opened(path)


def read(files: Path) -> dict[int, Chunk]:
    """Read a folder's documents by id."""
    return {chunk.id: chunk for chunk in opened(files).values()}


def root(held: Documents, *, without: Collection[int] = (), plus: Iterable[Chunk] = ()) -> str:
    """Hash rows in the order of their ids: sha256 over each field's length and bytes, in hex."""
    whole = sha256()
    rows = {chunk.id: _row(chunk) for chunk in held.values() if chunk.id not in without}
    rows |= {chunk.id: _row(chunk) for chunk in plus}
    for id in sorted(rows):
        whole.update(rows[id])
    return whole.hexdigest()


def _row(chunk: Chunk) -> bytes:
    """A row's digest, so that no text is kept while the rows are put in order."""
    fields = (str(chunk.id), chunk.document, chunk.text, chunk.source, chunk.owner)
    parts = [b"-" if field is None else str(field).encode() for field in fields]
    return sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).digest()


def check(held: Documents, expected: str | None) -> None:
    """Raise ``IndexUnreadable`` when documents that are no lines are not those that a manifest names."""
    if expected is not None and not is_lines(held.path) and root(held) != expected:
        raise IndexUnreadable(
            f"Reading {held.path}: its rows are not those that the manifest beside it names; restore it or rebuild the "
            f"index, or remove {MANIFEST} beside it when the change was yours. Nothing was changed."
        )


def leave(target: Path, step: Json) -> None:
    """Lay a step in the folder of a generation that does not count yet."""
    (target / STEP).write_text(json.dumps(step))


def carry_out_left(generation: Path, files: Path) -> None:
    """Do the step that was laid in a generation's folder, once or again."""
    if (generation / STEP).exists():
        carry_out(files, json.loads((generation / STEP).read_bytes()))


def step(held: Documents, ids: Iterable[int]) -> Json:
    """Make ready that ids go, and return what the journal keeps of it."""
    return made_ready(held, Alteration.without(ids))


def made_ready(held: Documents, change: Alteration) -> Json:
    """Make a change ready, and return what the journal keeps of it."""
    _altering(held.path).prepare(held.path, change)
    return change.as_step(held.path.name)


def whole_rows(held: Documents, ids: Sequence[int]) -> dict[int, str]:
    """Return what a way back needs beside the chunks: all columns of their rows, where there are others."""
    return {} if is_lines(held.path) else _altering(held.path).rows(held.path, ids)


def refuse_other_than_lines(files: Path, doing: str) -> None:
    """Raise ``UnsupportedIndex`` where rows would be made up: what else an application keeps of them is not known."""
    path = found(files)
    if not is_lines(path):
        raise UnsupportedIndex(
            f"{doing} the index in {files}: its documents lie in {path.name}, to which rows are not added here (its "
            "other columns and tables are its application's); nothing was changed. Use another folder."
        )


def carry_out(files: Path, step: Json) -> None:
    """Do a journal's step, once or again; without one there is nothing to do."""
    if not step:
        return
    path = files / Path(str(step["file"])).name  # a journal names files of its own folder only, whoever wrote it
    if not is_by_rows(path) or path.is_symlink():
        raise IndexUnreadable(
            f"Finishing a change of {files}: its journal names a file that holds no documents, or a link; nothing was "
            "done. Restore the folder from a copy."
        )
    _altering(path).alter(path, _change(path, step))


def _change(path: Path, step: Json) -> Alteration:
    try:
        return Alteration.from_step(step)
    except (KeyError, TypeError, ValueError, AttributeError):  # from None: the message would quote a row
        raise IndexUnreadable(
            f"Finishing a change of {path}: its journal does not say what is to be done; nothing was done. Restore the "
            "folder from a copy."
        ) from None


def _altering(path: Path) -> _Altering:
    return cast(_Altering, pkgutil.resolve_name(ALTERING[path.suffix]))


def _kind(path: Path) -> _Kind:
    return cast(_Kind, pkgutil.resolve_name(KINDS[path.suffix]))
