"""Files that are whole or absent, whatever kills the process."""

import hashlib
import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content in one step: written beside, synced, renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hex, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
