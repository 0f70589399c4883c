"""Every file below a folder, or an error: a folder that cannot be read is never taken for one without files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from retrieval.errors import ScanIncomplete


def files_below(
    folder: Path, *, unreadable: Callable[[Path, str], None] | None = None, links: bool = False
) -> list[Path]:
    """Return the files below a folder in order, the folder itself where it is a file; links to files where asked for.

    Links to folders are not followed, and what is no file (a pipe, a socket, a device) holds nothing. Raises
    ``ScanIncomplete`` for a folder that cannot be read, or tells it to ``unreadable(path, why)``.
    """
    if folder.is_file():
        return [folder]
    return sorted(path for path in _entries(folder, unreadable) if path.is_file() and (links or not path.is_symlink()))


def _entries(folder: Path, unreadable: Callable[[Path, str], None] | None) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        where = Path(error.filename or folder)
        why = f"Searching {where}: {error.strerror}; what lies in this folder is unknown. Make it readable, scan again."
        if unreadable is None:
            raise ScanIncomplete(why) from None
        unreadable(where, why)

    for base, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(base, name) for name in names)


def links_below(folder: Path) -> list[Path]:
    """Return the links below a folder, in order: what they lead to is no part of it, and was not searched with it."""
    every = (Path(base, name) for base, inner, names in os.walk(folder) for name in (*inner, *names))
    return sorted(path for path in every if path.is_symlink())
