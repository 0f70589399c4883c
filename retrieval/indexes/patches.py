"""Changes of a file's bytes, small and repeatable: doing one twice is the same as doing it once."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, ParamSpec, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable
from retrieval.indexes import blocks
from retrieval.indexes.sections import Offsets

P = ParamSpec("P")
T = TypeVar("T")
Rows: TypeAlias = npt.NDArray[np.uint8]
_FILES: Final = 5  # synced side by side: an index, its lists, its documents, their places, a manifest
_MANY: Final = 256  # rows: fewer are written one by one
_WINDOW: Final = 1 << 14  # bytes: of many rows, those in one such stretch are one write


@dataclass(frozen=True)
class Fill:
    """One byte, over ``lengths`` bytes from each of ``offsets`` on."""

    file: str
    offsets: Offsets
    lengths: Offsets
    byte: int


@dataclass(frozen=True)
class Write:
    """``rows``, (n, width) bytes, one at each of ``offsets``."""

    file: str
    offsets: Offsets
    rows: Rows = field(repr=False)


Patch: TypeAlias = Fill | Write


def fill(file: str, offsets: Iterable[int] | Offsets, lengths: Iterable[int] | Offsets, byte: int) -> Fill:
    """Return a fill in which neighbouring spans are one."""
    at, size = np.asarray(offsets, np.int64), np.asarray(lengths, np.int64)
    order = np.argsort(at, kind="stable")
    at, size = at[order], size[order]
    begins = np.flatnonzero(np.concatenate([[True], at[1:] != (at + size)[:-1]])) if len(at) else np.zeros(0, np.int64)
    total = np.add.reduceat(size, begins) if len(begins) else size[:0]
    return Fill(file, at[begins], total.astype(np.int64), byte)


def write(file: str, offset: int, content: bytes) -> Write:
    """Return one row at one place."""
    return Write(file, np.array([offset], np.int64), np.frombuffer(content, np.uint8).reshape(1, -1))


def lengths(patch: Patch) -> Offsets:
    """Return how many bytes each span of a patch has."""
    return patch.lengths if isinstance(patch, Fill) else np.full(len(patch.offsets), patch.rows.shape[1], np.int64)


def touched(patches: Sequence[Patch], file: str) -> blocks.Blocks:
    """Return the blocks of a file that the patches touch."""
    mine = [patch for patch in patches if patch.file == file]
    if not mine:
        return np.zeros(0, np.int64)
    return blocks.spanned(
        np.concatenate([patch.offsets for patch in mine]), np.concatenate([lengths(patch) for patch in mine])
    )


def tried(content: blocks.Content, patches: Sequence[Patch], file: str) -> None:
    """Do a file's patches to the content of all blocks that they touch."""
    for patch in (patch for patch in patches if patch.file == file):
        if isinstance(patch, Write):
            content.put(patch.offsets, patch.rows)
        else:
            content.fill(patch.offsets, patch.lengths, patch.byte)


def size(patches: Sequence[Patch]) -> int:
    """Return how many bytes the patches overwrite."""
    return int(sum(lengths(patch).sum() for patch in patches))


def names(patches: Sequence[Patch]) -> list[str]:
    """Return the files that the patches change, each once."""
    return list(dict.fromkeys(patch.file for patch in patches))


@contextmanager
def overwriting(folder: Path, patches: Sequence[Patch]) -> Iterator[None]:
    """Overwrite; whoever reads the files meets the new bytes inside the block, and behind it the disk has them.

    The disk is what is waited for, and the block is what can be done meanwhile. Raises ``IndexUnreadable`` before
    anything is done when a span lies outside its file, or a file is a link: patches are read from a journal, and
    whoever wrote that may not write elsewhere.
    """
    there = names(patches)
    with ExitStack() as held:
        handles = {name: _writable(folder / name, patches, held) for name in there}
        syncs: list[Future[None]] = []
        held.callback(lambda: wait(syncs))
        for name in there:
            for patch in patches:
                if patch.file == name:
                    _put(handles[name], patch)
            syncs.append(meanwhile(os.fdatasync, handles[name]))  # no file grows: its content is all there is
        yield
        for sync in syncs:
            sync.result()


def meanwhile(wait_for: Callable[P, T], *args: P.args, **named: P.kwargs) -> Future[T]:
    """Call what waits for the disk in a thread of its own."""
    return _threads(os.getpid()).submit(wait_for, *args, **named)


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return threads that wait for the disk, kept for the next change; a process that was forked off has its own."""
    return ThreadPoolExecutor(_FILES, thread_name_prefix=f"syncing-{process}")


def _writable(path: Path, patches: Sequence[Patch], held: ExitStack) -> int:
    refused = f"Changing {path} in place: %s; nothing was done. Restore the folder from a copy."
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        raise IndexUnreadable(refused % "it is a link, or cannot be written") from None
    held.callback(os.close, handle)
    end = os.fstat(handle).st_size
    for patch in (patch for patch in patches if patch.file == path.name):
        sizes = lengths(patch)
        if ((patch.offsets < 0) | (sizes < 0) | (patch.offsets > end - sizes)).any():
            raise IndexUnreadable(refused % "bytes outside the file would change")
    return handle


def _put(handle: int, patch: Patch) -> None:
    if isinstance(patch, Write) and len(patch.offsets) > _MANY:
        _put_near(handle, patch)
        return
    for offset, row in zip(patch.offsets.tolist(), _rows(patch), strict=True):
        os.pwrite(handle, row, offset)


def _put_near(handle: int, patch: Write) -> None:
    """Overwrite many rows, those that lie near one another with one write of what stands between them as it was."""
    order = np.argsort(patch.offsets, kind="stable")
    offsets, rows = patch.offsets[order], patch.rows[order]
    within = np.arange(rows.shape[1])
    windows = offsets // _WINDOW
    begins = np.flatnonzero(np.append(True, windows[1:] != windows[:-1])).tolist()
    for begin, end in zip(begins, [*begins[1:], len(offsets)], strict=True):
        first = int(offsets[begin])
        piece = bytearray(os.pread(handle, int(offsets[end - 1]) + rows.shape[1] - first, first))
        np.frombuffer(piece, np.uint8)[(offsets[begin:end] - first)[:, None] + within] = rows[begin:end]
        os.pwrite(handle, piece, first)


def _rows(patch: Patch) -> Iterator[memoryview]:
    """Give what stands at each offset after a patch."""
    if isinstance(patch, Fill):
        longest = memoryview(bytes([patch.byte]) * int(patch.lengths.max(initial=0)))
        yield from (longest[:length] for length in patch.lengths.tolist())
        return
    yield from (row.data for row in np.ascontiguousarray(patch.rows))
