"""The book of an ingest index: which files were read, as which version, and which runs hold what was in them.

``manifest.json`` is replaced in one step; a run that it does not name is what a killed process left, and is removed by
the next one that writes. A file is known by size, times and inode: a change of any of them, and it is read again.
"""

import fcntl
import hmac
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from retrieval.durable import write_whole
from retrieval.errors import IndexBusy, IngestUnreadable
from retrieval.ingest.runs import PARTS, Run

FORMAT: Final = 1
MANIFEST, LOCK = "manifest.json", ".lock"
_TICK: Final = 20_000_000  # nanoseconds: coarser than any clock by which a local file system notes a change


@dataclass(frozen=True)
class Stamp:
    """What tells one version of a file from the next without reading it; ``changed`` no program can set back."""

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Return a file's stamp now; ``OSError`` when it is gone."""
        status = path.stat(follow_symlinks=False)
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @property
    def settled(self) -> bool:
        """Whether a change from now on must show in the stamp: the clock has gone on since the last one."""
        return time.time_ns() > max(self.changed, self.modified) + _TICK

    def settle(self) -> bool:
        """Wait until that is so; False for a file from the future, which is never trusted."""
        ahead = max(self.changed, self.modified) + _TICK - time.time_ns()
        if 0 < ahead < 10 * _TICK:
            time.sleep(ahead / 1e9 + 0.001)
        return self.settled


@dataclass
class File:
    """One file in the book; ``upto`` is how far it was read, ``row`` the number of the next row there."""

    number: int
    stamp: Stamp
    digest: str
    upto: int = 0
    row: int = 0
    whole: bool = False
    records: int = 0


@dataclass
class Book:
    """The manifest: files by name relative to the folder that was read, and the names of runs."""

    key_check: str
    near: bool = True
    files: dict[str, File] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    next: int = 0

    @classmethod
    def read(cls, folder: Path, key: bytes) -> "Book":
        """Read the book; an index that is not there yet has an empty one.

        Raises ``IngestUnreadable`` for one that is damaged, or was made with another key or version.
        """
        path = folder / MANIFEST
        if not path.exists():
            return cls(_check(key))
        try:
            content = json.loads(path.read_bytes())
            version = content.pop("format")
            files = {name: _file(entry) for name, entry in content.pop("files").items()}
            book = cls(**content, files=files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise IngestUnreadable(
                f"Opening the ingest index {folder}: its {MANIFEST} is damaged; remove the index and make it anew."
            ) from None
        if version != FORMAT or not hmac.compare_digest(book.key_check, _check(key)):
            raise IngestUnreadable(
                f"Opening the ingest index {folder}: it was made with another key or version; make it anew."
            )
        return book

    def write(self, folder: Path) -> None:
        """Replace the book in one step."""
        write_whole(folder / MANIFEST, json.dumps({"format": FORMAT, **asdict(self)}).encode())

    def opened(self, folder: Path) -> list[Run]:
        """Map every run."""
        return [Run.open(folder, name) for name in self.runs]

    def sweep(self, folder: Path) -> None:
        """Remove what a killed process left."""
        known = {f"{name}.{part}" for name in self.runs for part in PARTS} | {MANIFEST, LOCK}
        for path in folder.iterdir():
            ours = path.suffix[1:] in PARTS or path.name.startswith(f".{MANIFEST}.")
            if ours and path.name not in known:
                path.unlink()


def _file(entry: dict[str, Any]) -> File:
    return File(**{**entry, "stamp": Stamp(**entry["stamp"])})


def _check(key: bytes) -> str:
    if len(key) < 16:
        raise ValueError("Opening an ingest index: its key has fewer than 16 bytes; use one of its own.")
    return hmac.digest(key, b"ingest index", "sha256").hex()[:16]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder, for its owner alone, and hold it; raises ``IndexBusy`` while another process does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise IndexBusy(
            f"Writing the ingest index {folder}: another process does; try again when it is done."
        ) from None
    finally:
        os.close(handle)
