"""The digest of a file that is changed in place: a tree of hashes, so that a change costs what it touches.

``FILE.blocks`` lies beside the file: sha256 of every 4 KiB, one after another; then the sha256 of
every 128 of those. The root is the sha256 of the second row. The sidecar is a cheap copy of what the file says: where
it is damaged or missing, it is made anew.
"""

import mmap
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

BLOCK: Final = 1 << 12
_GROUP: Final = 128  # digests under one of the second row
_PIECE: Final = 1024  # blocks a thread takes at a time
_SUM: Final = 32
Blocks = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tree:
    """Both rows of digests of a file of ``count`` blocks, one after the other, as the sidecar has them."""

    count: int
    digests: bytearray | mmap.mmap  # mapped: only what is touched is read, and what is written stays private

    @property
    def root(self) -> str:
        """The sha256 of the second row, in hex."""
        return sha256(memoryview(self.digests)[self.count * _SUM :]).hexdigest()

    @property
    def blocks(self) -> Digests:
        """The first row, (blocks, 32) bytes, to be compared or overwritten."""
        return np.frombuffer(self.digests, np.uint8, self.count * _SUM).reshape(-1, _SUM)

    def group(self, number: int) -> memoryview:
        """Return the digest of a group of blocks, to be compared or overwritten."""
        at = (self.count + number) * _SUM
        return memoryview(self.digests)[at : at + _SUM]

    def summed(self, number: int) -> bytes:
        """Hash a group of blocks' digests."""
        end = min(self.count, (number + 1) * _GROUP)
        return sha256(memoryview(self.digests)[number * _GROUP * _SUM : end * _SUM]).digest()


def sidecar(path: Path) -> Path:
    """Return where a file's block digests lie."""
    return path.with_name(f"{path.name}.blocks")


def root(path: Path) -> str:
    """Hash a whole file, and return its root in hex."""
    return _grown(path).root


def write(path: Path) -> str:
    """Hash a whole file, keep the digests beside it, and return the root in hex."""
    tree = _grown(path)
    sidecar(path).write_bytes(tree.digests)
    return tree.root


def verified(path: Path, touched: Blocks, root_of: str) -> Tree | None:
    """Return a file's tree when it still is the file of that root, as far as the touched blocks go; else nothing.

    Where the sidecar does not belong to the root, or does not say what the blocks say, the whole file is hashed.
    """
    tree = _kept(path, root_of)
    if tree is not None and np.array_equal(tree.blocks[touched], _digests(path, touched, ask=True)):
        return tree
    tree = _grown(path)
    return tree if tree.root == root_of else None


def refresh(path: Path, touched: Blocks, *, before: str | None, tree: Tree | None = None) -> str:
    """Hash the touched blocks again, and return the new root.

    ``before`` is the root of the file before the change: a sidecar that does not belong to it is made anew. After a
    kill the sidecar may hold some new digests already; it is then made anew as well, which is slower and as right.
    ``tree`` is what ``verified`` returned a moment ago, so that it need not be read again.
    """
    if tree is None and before is not None:
        tree = _kept(path, before)
    groups = np.unique(touched // _GROUP).tolist()
    if tree is None or not _agree(tree, groups):
        return write(path)
    tree.blocks[touched] = _digests(path, touched)
    for group in groups:
        tree.group(group)[:] = tree.summed(group)
    _keep(path, tree, touched)
    return tree.root


def _agree(tree: Tree, groups: Sequence[int]) -> bool:
    """Say whether the first row is the one that the second was made from: a new root may rest on nothing else."""
    return all(tree.summed(group) == tree.group(group) for group in groups)


def _digests(path: Path, touched: Blocks, *, ask: bool = False) -> Digests:
    """Return the digests of blocks, (blocks, 32); ``ask`` for all of them first, so that a disk reads side by side."""
    numbers = touched.tolist()
    handle = os.open(path, os.O_RDONLY)
    try:
        for number in numbers if ask else ():
            os.posix_fadvise(handle, number * BLOCK, BLOCK, os.POSIX_FADV_WILLNEED)
        sums = b"".join([sha256(os.pread(handle, BLOCK, number * BLOCK)).digest() for number in numbers])
    finally:
        os.close(handle)
    return np.frombuffer(sums, np.uint8).reshape(-1, _SUM)


def _keep(path: Path, tree: Tree, touched: Blocks) -> None:
    """Write the digests that changed beside a file, or all of them where the sidecar was not their source.

    Of the second row all are written: it is short, and one write is less than many.
    """
    beside = sidecar(path)
    if not isinstance(tree.digests, mmap.mmap) or not _fits(beside, tree.count):
        beside.write_bytes(tree.digests)
        return
    handle = os.open(beside, os.O_WRONLY)
    try:
        for number, digest in zip(touched.tolist(), tree.blocks[touched], strict=True):
            os.pwrite(handle, digest, number * _SUM)
        os.pwrite(handle, memoryview(tree.digests)[tree.count * _SUM :], tree.count * _SUM)
    finally:
        os.close(handle)


def _kept(path: Path, root_of: str) -> Tree | None:
    """Return the sidecar's tree when its second row belongs to the root, and to a file of this size; else nothing."""
    beside, count = sidecar(path), -(-path.stat().st_size // BLOCK)
    if not _fits(beside, count):
        return None
    tree = Tree(count, _copied(beside))
    return tree if tree.root == root_of else None


def _fits(beside: Path, count: int) -> bool:
    return beside.exists() and beside.stat().st_size == (count + -(-count // _GROUP)) * _SUM


def _copied(path: Path) -> bytearray | mmap.mmap:
    with path.open("rb") as handle:
        return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_COPY) if path.stat().st_size else bytearray()


def spanned(offsets: Blocks, lengths: Blocks) -> Blocks:
    """Return the blocks that the given spans of bytes touch, each once."""
    first, size = np.asarray(offsets, np.int64), np.asarray(lengths, np.int64)
    first, size = first[size > 0], size[size > 0]
    begin, end = first // BLOCK, (first + size - 1) // BLOCK
    many = np.flatnonzero(end > begin + 1)
    inner = [np.arange(begin[at] + 1, end[at]) for at in many.tolist()]
    return np.unique(np.concatenate([begin, end, *inner])) if len(first) else np.zeros(0, np.int64)


def _grown(path: Path) -> Tree:
    """Hash a whole file; two threads, because this is what opening waits for."""
    count = -(-path.stat().st_size // BLOCK)
    if not count:
        return Tree(0, bytearray())
    firsts = range(0, count, _PIECE)
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as raw,  # mapped: what is read would stay in the heap
        memoryview(raw) as view,
        ThreadPoolExecutor(2) as threads,
    ):
        pieces = list(threads.map(lambda first: _piece(view, first, min(_PIECE, count - first)), firsts))
    tree = Tree(count, bytearray(b"".join(pieces)))
    rows = [tree.summed(group) for group in range(-(-count // _GROUP))]
    return Tree(count, bytearray(b"".join([*pieces, *rows])))


def _piece(raw: memoryview, first: int, blocks: int) -> bytes:
    ends = [min(at + BLOCK, len(raw)) for at in range(first * BLOCK, (first + blocks) * BLOCK, BLOCK)]
    return b"".join(_sum(raw, end - (end - 1) % BLOCK - 1, end) for end in ends)


def _sum(raw: memoryview, begin: int, end: int) -> bytes:
    with raw[begin:end] as block:
        return sha256(block).digest()
