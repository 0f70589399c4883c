"""Rewriting a file so that a kill at any moment leaves either the old file or the new one, never half of one.

Beside, flush, fsync, compare, swap, fsync the folder. The copy lies beside, under a name that ``sweep`` knows.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compliance.provenance.connectors import SourceChanged
from compliance.rules.errors import NoSpace, NotAllowed, OubliError, SourceUnreachable

PREFIX, SUFFIX = ".oubli-", ".rewriting"


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def rewrite(path: Path, write: Callable[[Path], None], *, digest: str, before_swap: Callable[[Path], bool]) -> None:
    """Exchange ``path`` for what ``write`` makes, if its bytes still are those of ``digest``.

    ``before_swap`` sees the finished copy and may raise, or return false, to keep the old file. Errors:
    ``SourceChanged`` when somebody else wrote there meanwhile, ``NoSpace`` when the disk is full; the old file is then
    untouched.
    """
    target = path.with_name(f"{PREFIX}{path.name}{SUFFIX}")
    with translated(path):
        try:
            write(target)
            _like(path, target)
            sync(target)
            if not before_swap(target):
                return
            if digest_of(path) != digest:
                raise SourceChanged(f"{path.name} was changed by somebody else while it was being rewritten.")
            os.replace(target, path)
            sync_folder(path.parent)
        finally:
            target.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove copies that a killed rewrite left behind; returns how many."""
    left = [entry for entry in folder.iterdir() if entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX)]
    for entry in left:
        entry.unlink()
    if left:
        sync_folder(folder)
    return len(left)


def sync(path: Path) -> None:
    """Have a file's bytes on the disk before going on."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk before going on."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say the system's errors in our own words: full disk, missing file, no permission."""
    try:
        yield
    except OubliError:
        raise
    except OSError as error:
        raise _in_words(error, path) from error


def _in_words(error: OSError, path: Path) -> OubliError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpace(f"No room to write a new copy of {path.name}; the old one is untouched.")
    if isinstance(error, PermissionError):
        return NotAllowed(
            f"No permission to read or write {path.name}.", next_action="Grant it to the worker's account."
        )
    return SourceUnreachable(f"{path.name} cannot be read or written: {error.strerror or type(error).__name__}.")


def _like(path: Path, target: Path) -> None:
    status = path.stat()
    os.chmod(target, status.st_mode & 0o7777)
    with suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid)
