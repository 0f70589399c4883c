"""A copy of the last signed head outside the database, so that a restored older database is seen to go backwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit import checkpoint
from compliance.audit.errors import BadCheckpoint
from compliance.audit.verifier import SignedHead

FILE = "log-head.txt"


def remember(folder: Path, *, note: str, keys: Sequence[Ed25519PublicKey], known: Callable[[int, str], bool]) -> None:
    """Replace the copy by ``note``, whole or not at all, when the log knows the head that it replaces.

    ``known`` says whether the log signed a head of this size and root. A restored older log does not know it and must
    not cover its tracks by growing past it: the copy stays until somebody answers for the gap (``gaps.acknowledge``).
    """
    path = folder / FILE
    if path.exists():
        try:
            kept, _ = checkpoint.read_by(path.read_text("utf-8"), keys=keys)
        except (BadCheckpoint, UnicodeDecodeError):
            return
        if kept.size > _size(note) or not known(kept.size, kept.root.hex()):
            return
    replace(folder, note=note)


def kept(folder: Path) -> str:
    """The copy as it lies there; empty without one."""
    path = folder / FILE
    return path.read_text("utf-8", "replace") if path.exists() else ""


def replace(folder: Path, *, note: str) -> None:
    """Put ``note`` in the copy's place, whatever stood there: only for a new head, or a gap that is in the log."""
    path = folder / FILE
    draft = path.with_name(f"{FILE}.{os.getpid()}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _size(note: str) -> int:
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else -1


def problems(folder: Path, *, keys: Sequence[Ed25519PublicKey], heads: Iterable[SignedHead]) -> list[str]:
    """What speaks against the database's heads in view of the copy; nothing when there is no copy yet."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        kept, _ = checkpoint.read_by(path.read_text("utf-8"), keys=keys)
    except (BadCheckpoint, UnicodeDecodeError):
        return [f"{FILE}: the copy of the last head is damaged or by another key"]
    by_size = {head.size: head.root for head in heads}
    if kept.size not in by_size:
        return [f"{FILE}: a head of {kept.size} lines was signed, the database does not know it (restored from older?)"]
    if by_size[kept.size] != kept.root.hex():
        return [f"{FILE}: the head of {kept.size} lines had another root"]
    return []
