"""Where loops that were compiled once are kept when the package's own folder may not be written.

numba keeps them beside the source, else below the account's home, and refuses to load a module where it may write
neither: that is what a package looks like which root installed and which an account without a home runs. Then they go
to a folder of that account's own in the machine's temporary one. Either way its name is the version's: a loop is kept
until its own file changes, and one that calls code of another file would go on with the old.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def keep_somewhere(package: Path) -> None:
    """Name a folder for compiled loops in the environment, unless one is named there or the package's will do."""
    if VARIABLE in os.environ or _may_write(package / "__pycache__"):
        return
    name, account = f"loops-{_version(package)}", _of_the_account()
    here = account / name if _may_write(account) else _own(Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}")
    os.environ[VARIABLE] = str(here)
    if "numba" in sys.modules:  # it has read the environment already
        sys.modules["numba"].config.CACHE_DIR = str(here)


def _of_the_account() -> Path:
    """The folder that numba takes below the account's home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"


def _may_write(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    return False


def _own(folder: Path) -> Path:
    """The folder, made for this account alone; one of this process's own where somebody else holds that name."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if folder.is_dir() and not folder.is_symlink() and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return folder
    passing = Path(tempfile.mkdtemp(prefix="loops-"))  # what is loaded from such a folder is run: never a stranger's
    atexit.register(shutil.rmtree, passing, ignore_errors=True)
    return passing


def _version(package: Path) -> str:
    """Sixteen hex digits that another version of any of the package's files changes."""
    said = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        known = file.stat()
        said.update(f"{file.relative_to(package)} {known.st_size} {known.st_mtime_ns}\n".encode())
    return said.hexdigest()[:16]
