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
import time
from pathlib import Path

from django.conf import settings

from compliance.rules.errors import OubliError

_LOCK = ".held"
_mine: dict[Path, int] = {}  # folder -> the descriptor that holds it; a forked child makes a folder of its own


def begin() -> Path:
    """Sweep what dead processes left, and have this process and its children write temporary files to a folder here."""
    root = Path(settings.OUBLI_VAR) / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(root)
    folder = root / str(os.getpid())
    if folder not in _mine:
        _mine[folder] = _made(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    return folder


def sweep(root: Path) -> int:
    """Remove the folders that no process holds; returns how many."""
    removed = 0
    for folder in root.iterdir():
        if folder in _mine and folder.name == str(os.getpid()):
            continue
        try:
            held = _hold(folder)
        except (BlockingIOError, FileNotFoundError, NotADirectoryError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)  # only now: who makes a folder of this name meanwhile sees that it is held, and waits
        removed += 1
    return removed


def _made(folder: Path) -> int:
    """Make the folder and hold it; another process may just be sweeping one of the same name."""
    for _ in range(50):
        folder.mkdir(exist_ok=True, mode=0o700)
        try:
            held = _hold(folder)
        except (BlockingIOError, FileNotFoundError):
            time.sleep(0.02)
            continue
        if (folder / _LOCK).exists():
            return held
        os.close(held)
    raise OubliError(f"The folder for temporary files {folder.name} is held by another process.")


def _hold(folder: Path) -> int:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
