"""Inverted lists in a file of their own: read from beside the index, and gone when an index written anew holds them.

An index file names them by a path of the machine where it was made. What counts here is the file of that name beside
the index: a copy of a folder must not be searched, nor changed, in the original.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import faiss as faiss_bindings
import numpy as np

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes import blocks, filemap
from retrieval.indexes.mapping import mapped
from retrieval.indexes.names import INDEX
from retrieval.indexes.sections import Lists

faiss: Any = faiss_bindings


def read(path: Path) -> Any:
    """Read an index with faiss, its lists from the file beside it; faiss' own errors pass."""
    with mapped(path) as raw:
        lists = _lists(raw)
        if lists is None or lists.data is None or lists.named is None:
            return faiss.read_index(str(path))
        named, name = lists.named, str(path.parent / lists.data).encode()
        head = bytes(raw[: named.offset - 8]) + len(name).to_bytes(8, "little") + name
        return faiss.deserialize_index(np.frombuffer(head + bytes(raw[named.end :]), np.uint8))


def refuse_elsewhere(index: Any, path: Path) -> None:
    """Raise ``UnsupportedIndex`` where an index that is written anew would leave its lists in a file that stays."""
    lists = getattr(index, "invlists", None)
    is_beside = lists is not None and isinstance(faiss.downcast_InvertedLists(lists), faiss.OnDiskInvertedLists)
    if is_beside and data_of(path) is None:
        raise UnsupportedIndex(
            f"Erasing from {path}: its lists lie in another file, in a way that is not known here, and would stay "
            "there; nothing was changed. Rebuild the index from its documents."
        )


def refuse_links(files: Path, *names: str) -> None:
    """Raise ``UnsupportedIndex`` where a file of an index is a link: what it leads to would stay."""
    if links := [name for name in names if (files / name).is_symlink()]:
        raise UnsupportedIndex(
            f"Erasing from the index in {files}: {links[0]} is a link, and what it leads to would stay as it is; "
            "nothing was changed. Put the file itself there."
        )


def data_of(path: Path) -> str | None:
    """Return the name of the file beside an index that holds its lists, where there is one."""
    with mapped(path) as raw:
        lists = _lists(raw)
        return None if lists is None else lists.data


def forget(folder: Path, generation: Path) -> None:
    """Remove the lists beside an index that is about to be replaced by one that holds its own.

    Done before the index is exchanged, so that it is done again after a kill; the replacement counts already.
    """
    if not (generation / INDEX).exists() or not (folder / INDEX).exists():
        return
    name = data_of(folder / INDEX)
    if name and name != data_of(generation / INDEX):
        for path in (blocks.sidecar(folder / name), folder / name):
            path.unlink(missing_ok=True)


def _lists(raw: memoryview) -> Lists | None:
    with suppress(UnsupportedIndex, IndexUnreadable):
        return filemap.parse(raw).lists
    return None
