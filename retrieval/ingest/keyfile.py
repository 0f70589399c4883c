"""The key of an index in a file of its own, readable by its owner alone."""

import os
import secrets
from pathlib import Path

from retrieval.durable import sync_folder


def key_of(path: Path, *, make: bool = False) -> bytes:
    """Return the key in a file; with ``make`` a missing one is made, of 32 random bytes, readable by its owner.

    Raises ``ValueError`` for a file that others may read, or that is too short to be a key.
    """
    if make and not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise ValueError(f"Reading the key {path}: others may read it; make it yours alone (chmod 600).")
    key = path.read_bytes()
    if len(key) < 16:
        raise ValueError(f"Reading the key {path}: it has fewer than 16 bytes; name the right file.")
    return key


def _make(path: Path) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(secrets.token_bytes(32))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(beside, path)  # fails when another process was quicker: its key stands
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync_folder(path.resolve().parent)
