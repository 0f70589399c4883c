"""The digest of a file that is changed in place: a tree of hashes, so that a change costs what it touches.

``FILE.blocks`` lies beside the file: sha256 of every 4 KiB, one after another; then the sha256 of
every 128 of those. The root is the sha256 of the second row. The sidecar is a cheap copy of what the file says: where
it is damaged or missing, it is made anew. Of the first row only the groups that a change touches are read and written;
by calls, for a page that is mapped costs a fault, and its unmapping again.
"""

import mmap
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.indexes import reading

BLOCK: Final = 1 << 12
_GROUP: Final = 128  # digests under one of the second row
_PIECE: Final = 1024  # blocks a thread takes at a time
_SUM: Final = 32
Blocks = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tree:
    """Digests of a file of ``count`` blocks: ``rows``, (groups, 128, 32), of some groups, and the whole second row.

    ``groups`` are their numbers, ascending. What lies behind the last block is zeros. ``whole`` says that all groups
    are here, and that they were made from the file.
    """

    count: int
    groups: Blocks
    rows: Digests = field(repr=False)
    second: Digests = field(repr=False)
    whole: bool = False

    @property
    def root(self) -> str:
        """The sha256 of the second row, in hex."""
        return sha256(self.second.data).hexdigest()

    def at(self, touched: Blocks) -> tuple[npt.NDArray[np.intp], Blocks]:
        """Return where in ``rows`` the digests of blocks stand, all of them in its groups."""
        return np.searchsorted(self.groups, touched // _GROUP), touched % _GROUP

    def sums(self, groups: Blocks) -> Digests:
        """Hash the rows of groups, all of them here, (groups, 32)."""
        flat, size = self.rows.reshape(-1).data, _GROUP * _SUM
        numbers = zip(np.searchsorted(self.groups, groups).tolist(), self.lengths(groups).tolist(), strict=True)
        return _joined([sha256(flat[at * size : at * size + length]).digest() for at, length in numbers])

    def lengths(self, groups: Blocks) -> Blocks:
        """Return how many bytes the rows of groups have in the sidecar."""
        return np.minimum(self.count - groups * _GROUP, _GROUP) * _SUM


def sidecar(path: Path) -> Path:
    """Return where a file's block digests lie."""
    return path.with_name(f"{path.name}.blocks")


def root(path: Path) -> str:
    """Hash a whole file, and return its root in hex."""
    return _grown(path).root


def write(path: Path) -> str:
    """Hash a whole file, keep the digests beside it, and return the root in hex."""
    tree = _grown(path)
    _keep_whole(path, tree)
    return tree.root


def verified(path: Path, touched: Blocks, root_of: str) -> Tree | None:
    """Return a file's tree when it still is the file of that root, as far as the touched blocks go; else nothing.

    Where the sidecar does not belong to the root, or does not say what the blocks say, the whole file is hashed.
    """
    tree = _kept(path, touched, root_of)
    if tree is not None and np.array_equal(tree.rows[tree.at(touched)], _digests(path, touched)):
        return tree
    tree = _grown(path)
    return tree if tree.root == root_of else None


def refreshed(path: Path, touched: Blocks, *, before: str | None, tree: Tree | None = None) -> "Refreshed":
    """Hash the touched blocks again; the sidecar stays as it is until ``keep``.

    ``before`` is the root of the file before the change: a sidecar that does not belong to it is made anew. After a
    kill the sidecar may hold some new digests already; it is then made anew as well, which is slower and as right.
    ``tree`` is what ``verified`` returned a moment ago, so that it need not be read again.
    """
    if tree is None and before is not None:
        tree = _kept(path, touched, before)
    groups = distinct(touched // _GROUP)
    if tree is None or not np.array_equal(tree.sums(groups), tree.second[groups]):
        tree = _grown(path)  # the first row is not the one that the second was made from: no root may rest on it
        return Refreshed(path, tree, tree.groups)
    tree.rows[tree.at(touched)] = _digests(path, touched)
    tree.second[groups] = tree.sums(groups)
    return Refreshed(path, tree, groups)


@dataclass(frozen=True)
class Refreshed:
    """The tree of a file after a change, whose sidecar does not say so yet."""

    path: Path
    tree: Tree
    groups: Blocks

    @property
    def root(self) -> str:
        """The file's root, in hex."""
        return self.tree.root

    def keep(self) -> None:
        """Keep the digests beside the file."""
        if self.tree.whole:
            _keep_whole(self.path, self.tree)
        elif not _keep(self.path, self.tree, self.groups):
            write(self.path)


def _digests(path: Path, touched: Blocks) -> Digests:
    """Return the digests of blocks, (blocks, 32)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        read = reading.spans(handle, (touched * BLOCK).tolist(), [BLOCK] * len(touched))
        return _joined([sha256(block).digest() for block in read])
    finally:
        os.close(handle)


def _joined(digests: list[bytes]) -> Digests:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _SUM)


def _keep_whole(path: Path, tree: Tree) -> None:
    first = tree.rows.reshape(-1)[: tree.count * _SUM]
    sidecar(path).write_bytes(b"".join([first.data, tree.second.data]))


def _keep(path: Path, tree: Tree, groups: Blocks) -> bool:
    """Write the rows that changed beside a file, and the second row; say whether the sidecar still was there."""
    beside = sidecar(path)
    if not _fits(beside, tree.count):
        return False
    handle = os.open(beside, os.O_WRONLY)
    try:
        for offset, row in _spans(tree, groups):
            os.pwrite(handle, row, offset)
        os.pwrite(handle, tree.second.data, tree.count * _SUM)
    finally:
        os.close(handle)
    return True


def _spans(tree: Tree, groups: Blocks) -> Iterator[tuple[int, memoryview]]:
    """Give the rows of groups, and where each stands in the sidecar."""
    flat, size = tree.rows.reshape(-1).data, _GROUP * _SUM
    places = np.searchsorted(tree.groups, groups).tolist()
    for group, at, length in zip(groups.tolist(), places, tree.lengths(groups).tolist(), strict=True):
        yield group * size, flat[at * size : at * size + length]


def _kept(path: Path, touched: Blocks, root_of: str) -> Tree | None:
    """Return the sidecar's tree when its second row belongs to the root, and to a file of this size; else nothing."""
    beside, count = sidecar(path), -(-path.stat().st_size // BLOCK)
    if not _fits(beside, count):
        return None
    groups, second = distinct(touched // _GROUP), np.zeros((-(-count // _GROUP), _SUM), np.uint8)
    tree = Tree(count, groups, np.zeros((len(groups), _GROUP, _SUM), np.uint8), second)
    handle = os.open(beside, os.O_RDONLY)
    try:
        os.preadv(handle, [second.data], count * _SUM)
        if tree.root != root_of:
            return None
        for offset, row in _spans(tree, groups):  # what a file cut meanwhile does not give is zeros, and no digest
            os.preadv(handle, [row], offset)
    finally:
        os.close(handle)
    return tree


def _fits(beside: Path, count: int) -> bool:
    return beside.exists() and beside.stat().st_size == (count + -(-count // _GROUP)) * _SUM


def distinct(numbers: Blocks) -> Blocks:
    """Return numbers ascending, each once (np.unique builds a table, which takes longer for a few hundred)."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def spanned(offsets: Blocks, lengths: Blocks) -> Blocks:
    """Return the blocks that the given spans of bytes touch, each once."""
    first, size = np.asarray(offsets, np.int64), np.asarray(lengths, np.int64)
    first, size = first[size > 0], size[size > 0]
    begin, end = first // BLOCK, (first + size - 1) // BLOCK
    many = np.flatnonzero(end > begin + 1)
    inner = [np.arange(begin[at] + 1, end[at]) for at in many.tolist()]
    return distinct(np.concatenate([begin, end, *inner])) if len(first) else np.zeros(0, np.int64)


def _grown(path: Path) -> Tree:
    """Hash a whole file; two threads, because this is what opening waits for."""
    count = -(-path.stat().st_size // BLOCK)
    if not count:
        return Tree(
            0, np.zeros(0, np.int64), np.zeros((0, _GROUP, _SUM), np.uint8), np.zeros((0, _SUM), np.uint8), True
        )
    firsts = range(0, count, _PIECE)
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as raw,  # mapped: what is read would stay in the heap
        memoryview(raw) as view,
        ThreadPoolExecutor(2) as threads,
    ):
        pieces = list(threads.map(lambda first: _piece(view, first, min(_PIECE, count - first)), firsts))
    groups = np.arange(-(-count // _GROUP))
    rows = np.zeros((len(groups), _GROUP, _SUM), np.uint8)
    rows.reshape(-1)[: count * _SUM] = np.frombuffer(b"".join(pieces), np.uint8)
    tree = Tree(count, groups, rows, np.zeros((len(groups), _SUM), np.uint8), whole=True)
    tree.second[:] = tree.sums(groups)
    return tree


def _piece(raw: memoryview, first: int, blocks: int) -> bytes:
    ends = [min(at + BLOCK, len(raw)) for at in range(first * BLOCK, (first + blocks) * BLOCK, BLOCK)]
    return b"".join(_sum(raw, end - (end - 1) % BLOCK - 1, end) for end in ends)


def _sum(raw: memoryview, begin: int, end: int) -> bytes:
    with raw[begin:end] as block:
        return sha256(block).digest()
