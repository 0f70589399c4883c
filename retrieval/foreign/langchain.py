"""LangChain's FAISS folder: ``index.faiss``, and ``index.pkl`` with the documents and their names by position."""

from pathlib import Path
from typing import Any

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.foreign import Content, Entry, pickled
from retrieval.indexes import vectors

_INDEX, _STORE = "index.faiss", "index.pkl"


def is_one(folder: Path) -> bool:
    """Say whether a folder is LangChain's."""
    return (folder / _INDEX).is_file() and (folder / _STORE).is_file()


def read(folder: Path) -> Content:
    """Read documents and index; raises ``IndexUnreadable`` and ``StoreOutOfStep``."""
    path = folder / _STORE
    try:
        store, names = pickled.read(path.read_bytes())
    except IndexUnreadable as error:
        raise type(error)(f"Reading {path}: {error}.") from None
    index, documents = vectors.read(folder / _INDEX), store.state["_dict"]
    if sorted(names) != list(range(index.ntotal)) or set(names.values()) != set(documents):
        raise StoreOutOfStep(
            f"Reading {folder}: {index.ntotal} vectors, {len(names)} names and {len(documents)} documents do not "
            "belong to one another; rebuild the folder from its documents."
        )
    entries = {name: _entry(name, at, pickled.fields(documents[name])) for at, name in names.items()}
    return Content(entries, index, (store, names))


def _entry(name: str, position: int, fields: dict[str, Any]) -> Entry:
    metadata = fields.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return Entry(name, position, str(metadata.get("source", name)), fields["page_content"], metadata)


def without(content: Content, names: frozenset[str], index: Any, target: Path) -> None:
    """Write both files without some documents; positions move up, as LangChain's own ``delete`` moves them."""
    store, positions = content.rest
    documents = store.state["_dict"]
    store.state = {**store.state, "_dict": {name: one for name, one in documents.items() if name not in names}}
    kept = [positions[at] for at in sorted(positions) if positions[at] not in names]
    (target / _STORE).write_bytes(pickled.write(store, dict(enumerate(kept))))
    vectors.write(index, target / _INDEX)
