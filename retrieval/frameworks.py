"""Erase from a folder of LangChain or LlamaIndex: by its own names, or by the documents its texts were cut from."""

import json
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from retrieval import foreign
from retrieval.errors import IndexUnreadable, UnknownId
from retrieval.foreign import Entry
from retrieval.indexes import beside, blocks, finishing, layout, vectors
from retrieval.types import EraseReceipt, Folder, Progress, silent

_FILES = ("index.faiss", "index.pkl", "default__vector_store.json", "docstore.json", "index_store.json")


@dataclass(frozen=True)
class _Erased:
    """What was erased before: hashes of names, salted, since a name may be an address that somebody could look up."""

    salt: str
    names: frozenset[str]

    def hashed(self, name: str) -> str:
        return sha256((self.salt + name).encode("utf-8", "surrogatepass")).hexdigest()


def entries(folder: Folder) -> Mapping[str, Entry]:
    """Return every text of such a folder by its name there, for whoever looks for a person in them."""
    return foreign.load(Path(folder)).read(Path(folder)).entries


def erase(
    folder: Folder, *, names: Collection[str] = (), documents: Collection[str] = (), progress: Progress = silent
) -> EraseReceipt:
    """Write the folder without some texts, so that its framework opens it as before; swapped through a journal.

    Names that never were there raise ``UnknownId`` before any change. A killed erase is finished by the next call;
    ``manifest.json`` remembers salted hashes of erased names, so that doing it twice is safe.
    """
    started, folder = time.perf_counter(), Path(folder)
    with layout.changing(folder):
        layout.sweep(folder)
        framework = foreign.load(folder)
        content = framework.read(folder)
        before, erased = _digest(folder), _read(folder)
        wanted = _wanted(folder, content.entries, frozenset(names), frozenset(documents), erased)
        if not wanted:
            return EraseReceipt("already gone", 1, 1, 0, len(content.entries), 0.0, "nothing changed", before, before)
        remaining = len(content.entries) - len(wanted)
        beside.refuse_links(folder, *_FILES)
        positions = np.array(sorted(content.entries[name].position for name in wanted), np.int64)
        progress(0.3, "writing the folder without them")
        target = layout.fresh(folder, 1)
        framework.without(content, wanted, vectors.moved_up(content.index, positions), target)
        gone = erased.names.union(map(erased.hashed, (*wanted, *documents)))
        book = {"salt": erased.salt, "erased_names_sha256": sorted(gone)}
        (target / layout.MANIFEST).write_text(json.dumps(book))
        framework.read(target)  # what was written must open before it may count
        progress(0.8, "swapping the files")
        layout.publish(folder, target, plain=True)
    progress(1.0, f"{len(wanted)} texts removed, {remaining} remain")
    return EraseReceipt(
        level="rewritten",
        generation_before=0,
        generation_after=1,
        removed=len(wanted),
        remaining=remaining,
        seconds=time.perf_counter() - started,
        how="files written anew in the framework's own format, old ones unlinked; positions moved up; a process that "
        "has the folder open keeps the old content until it is restarted",
        digest_before=before,
        digest_after=_digest(folder),
    )


def _wanted(
    folder: Path,
    there: Mapping[str, Entry],
    names: frozenset[str],
    documents: frozenset[str],
    erased: _Erased,
) -> frozenset[str]:
    by_document = frozenset(entry.name for entry in there.values() if entry.document in documents)
    known = {entry.document for entry in there.values()}
    unknown = [one for one in (*(names - there.keys()), *(documents - known)) if erased.hashed(one) not in erased.names]
    if unknown or not (names or documents):
        raise UnknownId(
            f"Erasing from {folder}: {len(unknown)} of {len(names) + len(documents)} names and documents never were in "
            "it; nothing was changed. Check that they belong to this folder, and that some were given."
        )
    return (names & there.keys()) | by_document


def _read(folder: Path) -> _Erased:
    path = folder / layout.MANIFEST
    if not path.exists():
        return _Erased(secrets.token_hex(16), frozenset())
    try:
        book = json.loads(path.read_bytes())
        return _Erased(str(book.get("salt", "")), frozenset(map(str, book["erased_names_sha256"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IndexUnreadable(f"Reading {path}: it is not a list of what was erased; restore or remove it.") from None


def _digest(folder: Path) -> str:
    return finishing.digest({name: blocks.root(folder / name) for name in _FILES if (folder / name).exists()})
