"""One folder for the temporary files of a worker process: what a killed worker leaves there is swept by the next one.

Probes and lists of keys name the person, and a kill gives nobody the time to remove them. So they are not written to
the system's folder, but to one that its process holds by a lock: a folder that nobody holds any more is removed.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

_LOCK = ".held"
_mine: dict[int, int] = {}  # process -> the descriptor that holds its folder; a forked child has to make its own


def begin() -> Path:
    """Sweep what dead processes left, and have this process and its children write temporary files to a folder here."""
    root = Path(settings.OUBLI_VAR) / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(root)
    folder = root / str(os.getpid())
    if os.getpid() not in _mine:
        folder.mkdir(exist_ok=True, mode=0o700)
        _mine[os.getpid()] = _hold(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    return folder


def sweep(root: Path) -> int:
    """Remove the folders that no process holds; returns how many."""
    removed = 0
    for folder in root.iterdir():
        if folder.name == str(os.getpid()) and os.getpid() in _mine:
            continue
        try:
            os.close(_hold(folder))
        except (BlockingIOError, FileNotFoundError, NotADirectoryError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
    return removed


def _hold(folder: Path) -> int:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
