"""Carry out a change in place, from its journal: once, or again from the beginning after a kill."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from retrieval.durable import sync_file, sync_folder
from retrieval.indexes import blocks, documents, journal, patches
from retrieval.indexes.names import INDEX, MANIFEST
from retrieval.types import Json

_NO_TREES: Final[Mapping[str, blocks.Tree]] = {}


def finish(folder: Path, *, trees: Mapping[str, blocks.Tree] = _NO_TREES) -> Json | None:
    """Carry out the change that is written down, if there is one; return its manifest. The caller holds the lock.

    ``trees`` are block digests that were read a moment ago. The bytes and the manifest are made durable side by side,
    because the disk is what is waited for; a manifest without its bytes, or the other way round, is one kill away from
    being done again, for the journal is crossed off last.
    """
    change = journal.pending(folder)
    return None if change is None else carry_out(folder, change, trees)


def carry_out(folder: Path, change: journal.Change, trees: Mapping[str, blocks.Tree]) -> Json:
    """Carry out a change that is written down; its files are hashed while the disk takes what was overwritten."""
    files = folder / change.target if change.target else folder
    beside = files / f".{MANIFEST}.tmp"
    with patches.overwriting(files, change.patches):
        documents.carry_out(files, change.store)
        roots = _roots(files, change, trees)
        manifest = {**change.manifest, "roots": roots, "digest": digest(roots)}
        beside.write_bytes(json.dumps(manifest, sort_keys=True).encode() + b"\n")
        sync_file(beside)
    beside.replace(files / MANIFEST)
    sync_folder(files)
    journal.cross_off(folder)
    return manifest


def _roots(files: Path, change: journal.Change, trees: Mapping[str, blocks.Tree]) -> Json:
    kept = str(change.store.get("file", ""))
    return {
        name: documents.root(documents.opened(files))
        if name == kept
        else blocks.refresh(files / name, patches.touched(change.patches, name), before=before, tree=trees.get(name))
        for name, before in change.manifest.get("roots", {}).items()
    }


def digest(roots: Json) -> str:
    """Return a generation's digest: sha256 over its files' roots, the index first, the others by name."""
    names = sorted(roots, key=lambda name: (name != INDEX, name))
    return sha256("".join(str(roots[name]) for name in names).encode()).hexdigest()
