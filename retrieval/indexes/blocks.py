"""The digest of a file that is changed in place: a hash over the hashes of its blocks, so that a change costs a block.

``FILE.blocks`` lies beside the file: sha256 of every 16 KiB, one after another; the root is the sha256 of those. The
sidecar is a cheap copy of what the file itself says: where it is damaged or missing, it is made anew.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

BLOCK: Final = 1 << 14
_PIECE: Final = 256  # blocks a thread takes at a time
_SUM: Final = 32
Blocks = npt.NDArray[np.int64]


def sidecar(path: Path) -> Path:
    """Return where a file's block digests lie."""
    return path.with_name(f"{path.name}.blocks")


def root(path: Path) -> str:
    """Hash a whole file, and return its root in hex; two threads, because the digest is what opening waits for."""
    return sha256(_digests(path)).hexdigest()


def write(path: Path) -> str:
    """Hash a whole file, keep the block digests beside it, and return the root in hex."""
    digests = _digests(path)
    sidecar(path).write_bytes(digests)
    return sha256(digests).hexdigest()


def holds(path: Path, touched: Blocks, root_of: str | None) -> bool:
    """Say whether a file is still the one of that root, as far as the touched blocks go.

    Where the sidecar does not belong to the root, the whole file is hashed. Without a root there is nothing to say.
    """
    if root_of is None:
        return True
    beside = sidecar(path)
    known = beside.read_bytes() if beside.exists() else b""
    if sha256(known).hexdigest() != root_of:
        return root(path) == root_of
    if len(known) != -(-path.stat().st_size // BLOCK) * _SUM:
        return False
    with path.open("rb") as handle:
        return all(
            sha256(os.pread(handle.fileno(), BLOCK, block * BLOCK)).digest() == known[block * _SUM : (block + 1) * _SUM]
            for block in touched.tolist()
        )


def refresh(path: Path, touched: Blocks, *, before: str | None) -> str:
    """Hash the touched blocks again, and return the new root.

    ``before`` is the root of the file before the change: a sidecar that does not belong to it is made anew. After a
    kill the sidecar may hold some new digests already; it is then made anew as well, which is slower and as right.
    """
    beside = sidecar(path)
    count = -(-path.stat().st_size // BLOCK)
    known = bytearray(beside.read_bytes()) if beside.exists() else bytearray()
    if before is None or len(known) != count * _SUM or sha256(known).hexdigest() != before:
        return write(path)
    handle = os.open(path, os.O_RDONLY)
    try:
        for block in touched.tolist():
            known[block * _SUM : (block + 1) * _SUM] = sha256(os.pread(handle, BLOCK, block * BLOCK)).digest()
    finally:
        os.close(handle)
    _put(beside, known, touched)
    return sha256(known).hexdigest()


def _put(beside: Path, known: bytearray, touched: Blocks) -> None:
    if len(touched) > 64:
        beside.write_bytes(known)
        return
    handle = os.open(beside, os.O_WRONLY)
    try:
        for block in touched.tolist():
            os.pwrite(handle, known[block * _SUM : (block + 1) * _SUM], block * _SUM)
    finally:
        os.close(handle)


def spanned(offsets: Iterable[int] | Blocks, lengths: Iterable[int] | Blocks) -> Blocks:
    """Return the blocks that the given spans of bytes touch, each once."""
    first = np.asarray(offsets, np.int64)
    size = np.asarray(lengths, np.int64)
    first, size = first[size > 0], size[size > 0]
    begin, end = first // BLOCK, (first + size - 1) // BLOCK
    many = np.flatnonzero(end > begin + 1)
    inner = [np.arange(begin[at] + 1, end[at]) for at in many.tolist()]
    return np.unique(np.concatenate([begin, end, *inner])) if len(first) else np.zeros(0, np.int64)


def _digests(path: Path) -> bytes:
    count = -(-path.stat().st_size // BLOCK)
    handle = os.open(path, os.O_RDONLY)
    try:
        with ThreadPoolExecutor(2) as threads:
            pieces: Sequence[bytes] = list(
                threads.map(lambda first: _piece(handle, first, min(_PIECE, count - first)), range(0, count, _PIECE))
            )
    finally:
        os.close(handle)
    return b"".join(pieces)


def _piece(handle: int, first: int, blocks: int) -> bytes:
    raw = memoryview(os.pread(handle, blocks * BLOCK, first * BLOCK))
    return b"".join(sha256(raw[at : at + BLOCK]).digest() for at in range(0, len(raw), BLOCK))
