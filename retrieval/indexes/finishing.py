"""Carry out a change in place, from its journal: once, or again from the beginning after a kill."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from retrieval.durable import write_whole
from retrieval.indexes import blocks, journal, patches
from retrieval.indexes.names import INDEX, MANIFEST
from retrieval.indexes.patches import Patch
from retrieval.types import Json


def finish(folder: Path) -> Json | None:
    """Carry out the change that is written down, if there is one; return its manifest. The caller holds the lock."""
    change = journal.pending(folder)
    if change is None:
        return None
    files = folder / change.target if change.target else folder
    patches.carry_out(files, change.patches)
    roots = {
        name: _root(files / name, change.patches, before) for name, before in change.manifest.get("roots", {}).items()
    }
    manifest = {**change.manifest, "roots": roots, "digest": digest(roots)}
    write_whole(files / MANIFEST, json.dumps(manifest, sort_keys=True).encode() + b"\n")
    journal.cross_off(folder)
    return manifest


def _root(path: Path, changes: Sequence[Patch], before: str | None) -> str:
    return blocks.refresh(path, patches.touched(changes, path.name), before=before)


def digest(roots: Json) -> str:
    """Return a generation's digest: sha256 over its files' roots, the index first, the others by name."""
    names = sorted(roots, key=lambda name: (name != INDEX, name))
    return sha256("".join(str(roots[name]) for name in names).encode()).hexdigest()
