"""Carry out a change in place, from its journal: once, or again from the beginning after a kill."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable
from retrieval.indexes import blocks, documents, journal, patches, seen
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
    """Digests that files will have, from the blocks that were read before: made while the disk is waited for.

    Those of files of which too much is touched are read from the files later. ``damaged`` are the files that turned out
    not to be those of their roots, where they were to be compared while the disk is waited for.
    """

    def __init__(self, change: journal.Change, before: Mapping[str, blocks.Before]) -> None:
        self._patches, self._before = change.patches, dict(before)
        self._after: dict[str, blocks.Refreshed] = {}
        self.damaged: list[str] = []

    def read(self) -> None:
        """Read what is not read yet: before anything is overwritten."""
        self._before = {name: one.taken() for name, one in self._before.items()}

    def until(self, done: Callable[[], bool]) -> None:
        """Make the digests of a file after the other, until what is waited for is done."""
        while self._before and not done():
            name = min(self._before, key=lambda name: name == INDEX)  # the largest last
            one = self._before.pop(name)
            if one.content is None:
                continue
            after = one.followed(partial(patches.tried, patches=self._patches, file=name))
            if after is None:
                self.damaged.append(name)
            else:
                self._after[name] = after

    def all(self) -> dict[str, blocks.Refreshed]:
        """Make those that are missing, and return them by file."""
        self.until(lambda: False)
        return self._after


def carry_out(folder: Path, change: journal.Change, foreseen: Foreseen | None = None) -> Json:
    """Carry out a change that is written down; all else is done while the disk takes what was overwritten.

    The new manifest is durable under its name before the
    change is crossed off, and so are the bytes: whichever of them a loss of power takes back, the journal is still
    there and does both again. Raises ``IndexUnreadable`` for a file that was damaged before: the change is carried out,
    and the manifest keeps naming the file as it should have been, so that whoever opens it is told.
    """
    files, foreseen = folder / change.target if change.target else folder, foreseen or Foreseen(change, {})
    with patches.overwriting(files, change.patches):
        documents.carry_out(files, change.store)
        after = foreseen.all()
        kept = {name: change.manifest["roots"][name] for name in foreseen.damaged}
        after |= _refreshed(files, change, {*after, *kept})
        roots = {name: tree.root for name, tree in after.items()} | _of_rows(files, change) | kept
        manifest = {**change.manifest, "roots": roots, "digest": digest(roots)}
        content = json.dumps(manifest, sort_keys=True).encode() + b"\n"
        written = patches.meanwhile(write_whole, files / MANIFEST, content)
        try:
            for tree in after.values():  # cheap copies of what the files say: whether they are durable is no matter
                tree.keep()
        finally:
            written.result()
    journal.cross_off(folder)
    if kept:
        raise IndexUnreadable(
            f"Erasing from {files}: their bytes are overwritten, but {' and '.join(sorted(kept))} was damaged before: "
            "what stands beside them is not what the manifest names. Restore it and erase again, or rebuild the index."
        )
    seen.note(folder, files, after)
    return manifest


def _refreshed(files: Path, change: journal.Change, known: Collection[str]) -> dict[str, blocks.Refreshed]:
    kept = str(change.store.get("file", ""))
    return {
        name: blocks.refreshed(files / name, patches.touched(change.patches, name), before=before)
        for name, before in change.manifest.get("roots", {}).items()
        if name != kept and name not in known
    }


def _of_rows(files: Path, change: journal.Change) -> Json:
    """Return the root of documents whose digest is over their rows, where the change is of such."""
    kept = str(change.store.get("file", ""))
    return {kept: documents.root(documents.opened(files))} if kept in change.manifest.get("roots", {}) else {}


def digest(roots: Json) -> str:
    """Return a generation's digest: sha256 over its files' roots, the index first, the others by name."""
    names = sorted(roots, key=lambda name: (name != INDEX, name))
    return sha256("".join(str(roots[name]) for name in names).encode()).hexdigest()
