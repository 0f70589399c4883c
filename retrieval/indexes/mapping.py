"""A file's bytes without copying them."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import IndexUnreadable


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Map a file for reading; raises ``IndexUnreadable`` when it is missing.

    Arrays over the view must be gone at the end; what is still held then keeps the map open until it is let go.
    """
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        raise IndexUnreadable(f"Reading {path}: there is no such file; restore it or rebuild the index.") from None
    with handle:
        if path.stat().st_size == 0:
            yield memoryview(b"")
            return
        yield memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))
