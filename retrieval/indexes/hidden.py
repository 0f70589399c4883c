"""The list of ids that no search returns, beside the index: written in one step, seen by every open index at once."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable

_NAME, _LOCK = "hidden.json", ".hiding"


class HiddenIds:
    """The hidden ids of a folder, read again when the file changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._stamp: tuple[int, int] | None = None
        self._ids: frozenset[int] = frozenset()

    def ids(self) -> frozenset[int]:
        """Return what is hidden now; raises ``IndexUnreadable`` rather than showing what should be hidden."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._ids = read(self._path.parent)
            self._stamp = stamp
        return self._ids


def read(folder: Path) -> frozenset[int]:
    """Return the ids hidden in a folder."""
    try:
        return frozenset(map(int, json.loads((folder / _NAME).read_bytes())))
    except FileNotFoundError:
        return frozenset()
    except (ValueError, TypeError) as error:
        raise IndexUnreadable(f"Reading {folder / _NAME}: not a list of ids; restore it before serving.") from error


def change(folder: Path, *, add: Iterable[int] = (), drop: Iterable[int] = ()) -> frozenset[int]:
    """Add and drop hidden ids in one step, and return the new list."""
    with _alone(folder):
        before = read(folder)
        after = (before | frozenset(map(int, add))) - frozenset(map(int, drop))
        if after != before:
            write_whole(folder / _NAME, json.dumps(sorted(after)).encode())
        return after


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_mtime_ns


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
