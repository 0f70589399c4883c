"""The list of ids that no search returns, beside the index: written in one step, seen by every open index at once."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable, UnknownId

_NAME, _LOCK = "hidden.json", ".hiding"
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class HiddenIds:
    """The hidden ids of a folder, read again when the file changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._seen: tuple[tuple[int, ...] | None, frozenset[int]] = (None, frozenset())  # one value, for all threads

    def ids(self) -> frozenset[int]:
        """Return what is hidden now; raises ``IndexUnreadable`` rather than showing what should be hidden."""
        stamp, seen = _stamp(self._path), self._seen
        if stamp != seen[0]:
            seen = self._seen = (stamp, read(self._path.parent))
        return seen[1]


def read(folder: Path) -> frozenset[int]:
    """Return the ids hidden in a folder."""
    try:
        listed = json.loads((folder / _NAME).read_bytes())
        if not isinstance(listed, list) or not all(type(id) is int for id in listed):
            raise TypeError
        return frozenset(filter(is_id, listed))
    except FileNotFoundError:
        return frozenset()
    except (ValueError, TypeError, RecursionError) as error:
        raise IndexUnreadable(f"Reading {folder / _NAME}: not a list of ids; restore it before serving.") from error


def change(folder: Path, *, add: Iterable[int] = (), drop: Iterable[int] = ()) -> frozenset[int]:
    """Add and drop hidden ids in one step, and return the new list; raises ``UnknownId`` for what can be no id."""
    wanted = frozenset(map(int, add))
    if not all(map(is_id, wanted)):
        raise UnknownId(
            f"Hiding ids of {folder}: one of them is no number of 64 bits, and in no index; nothing is hidden."
        )
    with _alone(folder):
        before = read(folder)
        after = (before | wanted) - frozenset(map(int, drop))
        if after != before:
            write_whole(folder / _NAME, json.dumps(sorted(after)).encode())
        return after


def is_id(id: int) -> bool:
    """Say whether an index can hold a number: it has 64 bits."""
    return _LEAST <= id <= _MOST


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
