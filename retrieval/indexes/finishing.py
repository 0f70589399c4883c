"""Carry out a change in place, from its journal: once, or again from the beginning after a kill."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from retrieval.durable import write_whole
from retrieval.indexes import blocks, documents, journal, patches
from retrieval.indexes.names import INDEX, MANIFEST
from retrieval.types import Json


def finish(folder: Path) -> Json | None:
    """Carry out the change that is written down, if there is one; return its manifest. The caller holds the lock.

    The bytes and the manifest are made durable side by side, because the disk is what is waited for; a manifest without
    its bytes, or the other way round, is one kill away from being done again, for the journal is crossed off last.
    """
    change = journal.pending(folder)
    return None if change is None else carry_out(folder, change)


class Foreseen:
    """Digests that files will have, from the blocks that were read to verify them: made while the disk is waited for.

    Those of files of which too much is touched, or whose sidecar cannot be built on, are read from the files later.
    """

    def __init__(self, files: Path, change: journal.Change, trees: Mapping[str, blocks.Tree]) -> None:
        self._files, self._patches, self._trees = files, change.patches, dict(trees)
        self._after: dict[str, blocks.Refreshed] = {}

    def until(self, done: Callable[[], bool]) -> None:
        """Make the digests of a file after the other, until what is waited for is done."""
        while self._trees and not done():
            name = min(self._trees, key=lambda name: name == INDEX)  # the largest last
            tree = self._trees.pop(name)
            if tree.content is not None:
                patches.tried(tree.content, self._patches, name)
                after = blocks.foreseen(self._files / name, tree)
                self._after.update({} if after is None else {name: after})

    def all(self) -> Mapping[str, blocks.Refreshed]:
        """Make those that are missing, and return them by file."""
        self.until(lambda: False)
        return self._after


def carry_out(folder: Path, change: journal.Change, foreseen: Foreseen | None = None) -> Json:
    """Carry out a change that is written down; all else is done while the disk takes what was overwritten.

    The new manifest is durable under its name before the
    change is crossed off, and so are the bytes: whichever of them a loss of power takes back, the journal is still
    there and does both again.
    """
    files = folder / change.target if change.target else folder
    with patches.overwriting(files, change.patches) as written_there:
        after = dict(foreseen.all()) if foreseen else {}
        if change.store or set(after) != set(change.manifest.get("roots", {})):
            written_there()
            documents.carry_out(files, change.store)
            after |= _refreshed(files, change, after)
        roots = {name: tree.root for name, tree in after.items()} | _of_rows(files, change)
        manifest = {**change.manifest, "roots": roots, "digest": digest(roots)}
        content = json.dumps(manifest, sort_keys=True).encode() + b"\n"
        written = patches.meanwhile(write_whole, files / MANIFEST, content)
        try:
            for tree in after.values():  # cheap copies of what the files say: whether they are durable is no matter
                tree.keep()
        finally:
            written.result()
    journal.cross_off(folder)
    return manifest


def _refreshed(
    files: Path, change: journal.Change, after: Mapping[str, blocks.Refreshed]
) -> dict[str, blocks.Refreshed]:
    kept = str(change.store.get("file", ""))
    return {
        name: blocks.refreshed(files / name, patches.touched(change.patches, name), before=before)
        for name, before in change.manifest.get("roots", {}).items()
        if name != kept and name not in after
    }


def _of_rows(files: Path, change: journal.Change) -> Json:
    """Return the root of documents whose digest is over their rows, where the change is of such."""
    kept = str(change.store.get("file", ""))
    return {kept: documents.root(documents.opened(files))} if kept in change.manifest.get("roots", {}) else {}


def digest(roots: Json) -> str:
    """Return a generation's digest: sha256 over its files' roots, the index first, the others by name."""
    names = sorted(roots, key=lambda name: (name != INDEX, name))
    return sha256("".join(str(roots[name]) for name in names).encode()).hexdigest()
