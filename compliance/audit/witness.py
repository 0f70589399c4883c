"""A copy of the last signed head outside the database, so that a restored older database is seen to go backwards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit import checkpoint
from compliance.audit.errors import BadCheckpoint
from compliance.audit.verifier import SignedHead

FILE = "log-head.txt"


def remember(folder: Path, *, note: str) -> None:
    """Replace the copy by ``note``, whole or not at all; an older head never replaces a newer one."""
    path = folder / FILE
    if path.exists() and _size(path.read_text("utf-8")) > _size(note):
        return
    draft = path.with_name(f"{FILE}.{os.getpid()}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _size(note: str) -> int:
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else -1


def problems(folder: Path, *, key: Ed25519PublicKey, heads: Iterable[SignedHead]) -> list[str]:
    """What speaks against the database's heads in view of the copy; nothing when there is no copy yet."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        kept = checkpoint.read(path.read_text("utf-8"), key=key)
    except (BadCheckpoint, UnicodeDecodeError):
        return [f"{FILE}: the copy of the last head is damaged or by another key"]
    by_size = {head.size: head.root for head in heads}
    if kept.size not in by_size:
        return [f"{FILE}: a head of {kept.size} lines was signed, the database does not know it (restored from older?)"]
    if by_size[kept.size] != kept.root.hex():
        return [f"{FILE}: the head of {kept.size} lines had another root"]
    return []
