"""Carry out a change in place, from its journal: once, or again from the beginning after a kill."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from retrieval.durable import write_whole
from retrieval.indexes import blocks, documents, journal, patches
from retrieval.indexes.names import INDEX, MANIFEST
from retrieval.types import Json

_NO_TREES: Final[Mapping[str, blocks.Tree]] = {}
_NOTHING_FORESEEN: Final[Mapping[str, blocks.Next]] = {}
_AT_ONCE: Final = 1 << 12  # blocks, 16 MiB: more are hashed where they stand, when they were overwritten


def finish(folder: Path) -> Json | None:
    """Carry out the change that is written down, if there is one; return its manifest. The caller holds the lock.

    The bytes and the manifest are made durable side by side, because the disk is what is waited for; a manifest without
    its bytes, or the other way round, is one kill away from being done again, for the journal is crossed off last.
    """
    change = journal.pending(folder)
    return None if change is None else carry_out(folder, change)


def foreseen(folder: Path, change: journal.Change, trees: Mapping[str, blocks.Tree]) -> dict[str, blocks.Next]:
    """Return the digests of files after a change that is not carried out yet, for what is worked out in little memory.

    The trees of these files are used up: they are as after the change.
    """
    files = folder / change.target
    found: dict[str, blocks.Next] = {}
    for name, tree in trees.items():
        touched = patches.touched(change.patches, name)
        if len(touched) <= _AT_ONCE:
            fresh = patches.foreseen(files / name, touched, change.patches)
            after = blocks.following(tree, touched, fresh)
            if after is not None:
                found[name] = after
    return found


def carry_out(
    folder: Path,
    change: journal.Change,
    trees: Mapping[str, blocks.Tree] = _NO_TREES,
    after: Mapping[str, blocks.Next] = _NOTHING_FORESEEN,
) -> Json:
    """Carry out a change that is written down; all else is done while the disk takes what was overwritten.

    The new manifest is durable under its name before the change is crossed off, and so are the bytes: whichever of them
    a loss of power takes back, the journal is still there and does both again.
    """
    files = folder / change.target if change.target else folder
    with patches.overwriting(files, change.patches) as threads:
        documents.carry_out(files, change.store)
        kept = [threads.submit(blocks.keep, files / name, one) for name, one in after.items()]
        roots = _roots(files, change, trees, after)
        manifest = {**change.manifest, "roots": roots, "digest": digest(roots)}
        write_whole(files / MANIFEST, json.dumps(manifest, sort_keys=True).encode() + b"\n")
        for one in kept:
            one.result()
    journal.cross_off(folder)
    return manifest


def _roots(
    files: Path, change: journal.Change, trees: Mapping[str, blocks.Tree], after: Mapping[str, blocks.Next]
) -> Json:
    kept = str(change.store.get("file", ""))

    def root(name: str, before: str | None) -> str:
        if name == kept:
            return documents.root(documents.opened(files))
        if name in after:
            return after[name].root
        touched = patches.touched(change.patches, name)
        return blocks.refresh(files / name, touched, before=before, tree=trees.get(name))

    return {name: root(name, before) for name, before in change.manifest.get("roots", {}).items()}


def digest(roots: Json) -> str:
    """Return a generation's digest: sha256 over its files' roots, the index first, the others by name."""
    names = sorted(roots, key=lambda name: (name != INDEX, name))
    return sha256("".join(str(roots[name]) for name in names).encode()).hexdigest()
