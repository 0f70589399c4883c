"""LlamaIndex's persisted folder with a FAISS vector store: documents and index structure as JSON, vectors as faiss.

What a node's neighbours say of it (previous, next, parent: with its metadata and the hash of its text) goes with it.
"""

import json
from bisect import bisect_left
from pathlib import Path
from typing import Any

from retrieval.errors import IndexUnreadable, StoreOutOfStep, UnsupportedIndex
from retrieval.foreign import Content, Entry
from retrieval.indexes import vectors

_VECTORS, _DOCUMENTS, _STRUCTURE = "default__vector_store.json", "docstore.json", "index_store.json"
_DATA, _ABOUT, _SOURCES = "docstore/data", "docstore/metadata", "docstore/ref_doc_info"
_MAGIC = (b"Ix", b"Iw", b"IH")
_SOURCE = "1"


def is_one(folder: Path) -> bool:
    """Say whether a folder is LlamaIndex's, with its vectors in faiss."""
    if not all((folder / name).is_file() for name in (_VECTORS, _DOCUMENTS, _STRUCTURE)):
        return False
    with (folder / _VECTORS).open("rb") as handle:
        return handle.read(2) in _MAGIC


def read(folder: Path) -> Content:
    """Read documents, structure and index; raises ``IndexUnreadable`` and ``StoreOutOfStep``."""
    documents, structure = _json(folder / _DOCUMENTS), _json(folder / _STRUCTURE)
    index = vectors.read(folder / _VECTORS)
    if not vectors.has_positions(index):
        raise UnsupportedIndex(
            f"Reading {folder}: its vectors have numbers of their own; erase them through LlamaIndex."
        )
    try:
        names = _names(structure)
        nodes = {name: row["__data__"] for name, row in documents.get(_DATA, {}).items()}
        entries = {name: _entry(name, at, nodes[name]) for at, name in names.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StoreOutOfStep(
            f"Reading {folder}: its index names nodes that its documents do not hold, or holds them in another way; "
            "rebuild the folder from its documents."
        ) from None
    if not set(names) <= set(range(index.ntotal)):
        raise StoreOutOfStep(f"Reading {folder}: its index names {len(names)} vectors, and {index.ntotal} are there.")
    return Content(entries, index, (documents, structure))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # from None: the message quotes the content
        raise IndexUnreadable(f"Reading {path}: it is not JSON; restore it.") from None
    if not isinstance(content, dict):
        raise IndexUnreadable(f"Reading {path}: it is no LlamaIndex store; restore it.")
    return content


def _names(structure: dict[str, Any]) -> dict[int, str]:
    rows = structure["index_store/data"].values()
    parts = [json.loads(row["__data__"]).get("nodes_dict", {}) for row in rows]
    return {int(at): str(name) for part in parts for at, name in part.items()}


def _entry(name: str, position: int, node: dict[str, Any]) -> Entry:
    source = (node.get("relationships") or {}).get(_SOURCE) or {}
    return Entry(
        name, position, str(source.get("node_id", name)), str(node.get("text", "")), node.get("metadata") or {}
    )


def without(content: Content, names: frozenset[str], index: Any, target: Path) -> None:
    """Write the three files without some nodes; positions move up with the vectors."""
    documents, structure = content.rest
    gone = {entry.position for entry in content.entries.values() if entry.name in names}
    sources = dict(_sources(documents.get(_SOURCES, {}), names))
    silent = names | _emptied(content, names) | (documents.get(_SOURCES, {}).keys() - sources.keys())
    kept = {
        **documents,
        _DATA: {name: _unrelated(row, names) for name, row in documents.get(_DATA, {}).items() if name not in names},
        _ABOUT: {name: row for name, row in documents.get(_ABOUT, {}).items() if name not in silent},
        _SOURCES: sources,
    }
    (target / _DOCUMENTS).write_text(json.dumps({name: part for name, part in kept.items() if name in documents}))
    (target / _STRUCTURE).write_text(json.dumps(_renumbered(structure, gone)))
    vectors.write(index, target / _VECTORS)


def _unrelated(row: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    node = row["__data__"]
    relations = {kind: _others(related, names) for kind, related in (node.get("relationships") or {}).items()}
    living = {kind: related for kind, related in relations.items() if related}
    return {**row, "__data__": {**node, "relationships": living}}


def _others(related: Any, names: frozenset[str]) -> Any:
    if isinstance(related, list):
        return [one for one in related if one.get("node_id") not in names]
    return None if related.get("node_id") in names else related


def _sources(sources: dict[str, Any], names: frozenset[str]) -> list[tuple[str, Any]]:
    """A source keeps the nodes that stay; one without any goes, with what it says of the document."""
    rows = []
    for name, about in sources.items():
        nodes = [node for node in about.get("node_ids", ()) if node not in names]
        if nodes:
            rows.append((name, {**about, "node_ids": nodes}))
    return rows


def _emptied(content: Content, names: frozenset[str]) -> frozenset[str]:
    """Return the documents of which no text stays: a hash of their whole text is kept under their name."""
    gone, stay = (
        {entry.document for entry in content.entries.values() if (entry.name in names) == is_gone}
        for is_gone in (True, False)
    )
    return frozenset(gone - stay)


def _renumbered(structure: dict[str, Any], gone: set[int]) -> dict[str, Any]:
    rows, sorted_gone = {}, sorted(gone)
    for key, row in structure["index_store/data"].items():
        data = json.loads(row["__data__"])
        old = {int(at): name for at, name in data.get("nodes_dict", {}).items() if int(at) not in gone}
        moved = {str(at - bisect_left(sorted_gone, at)): name for at, name in sorted(old.items())}
        rows[key] = {**row, "__data__": json.dumps({**data, "nodes_dict": moved})}
    return {**structure, "index_store/data": rows}
