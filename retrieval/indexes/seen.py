"""Whether a file is, as far as its system knows, the one that the last change in place left behind.

``.seen`` has device, inode, size and times of the files as they were when a change was crossed off. A file of which all
of that is still true was written by nobody since: no program sets the time of a file's last change. It may be
overwritten before its touched blocks are compared with their digests, instead of after. It is a hint: where it is
missing, torn, of another boot or untrue, they are compared first.
"""

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from retrieval.types import Json

SEEN: Final = ".seen"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_LARGEST: Final = 1 << 16
_COARSE: Final = 5  # Linux' CLOCK_REALTIME_COARSE, by which files are stamped


def note(folder: Path, files: Path, names: Iterable[str]) -> None:
    """Keep how files are now; nothing where somebody might still write to one within the time that its stamp has."""
    if not (boot := _boot()):
        return
    with suppress(OSError):
        now = {name: _of(files / name) for name in names}
        if max((each[-1] for each in now.values()), default=0) < time.clock_gettime_ns(_COARSE):
            _put(folder / SEEN, json.dumps({"boot": boot, "files": now}).encode())


def read(folder: Path) -> Json:
    """Return what was kept of files, by name; empty where there is nothing that counts."""
    with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        kept = json.loads(_content(folder / SEEN))
        if _boot() and kept.get("boot") == _boot():
            return dict(kept["files"])
    return {}


def is_same(kept: Json, path: Path) -> bool:
    """Say whether a file is as it was kept."""
    with suppress(OSError):
        return path.name in kept and kept[path.name] == _of(path)
    return False


def _put(path: Path, content: bytes) -> None:
    """Write beside and rename: what lies there under the name, a link to somebody's file or a pipe, is replaced."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)
    beside.replace(path)


def _content(path: Path) -> bytes:
    """Read a plain file's beginning, as much as we ever write."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(handle, _LARGEST)
    finally:
        os.close(handle)


def _of(path: Path) -> list[int]:
    """Return what the system knows of a file; it is opened, so that a file server is asked again."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        stat = os.fstat(handle)
    finally:
        os.close(handle)
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


@cache
def _boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return ""
