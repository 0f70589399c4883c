"""The digest of a file that is changed in place: a tree of hashes, so that a change costs what it touches.

``FILE.blocks`` lies beside the file: sha256 of every 4 KiB, one after another; then the sha256 of
every 128 of those. The root is the sha256 of the second row. The sidecar is a cheap copy of what the file says: where
it is damaged or missing, it is made anew. Of the first row only the groups that a change touches are read and written;
by calls, for a page that is mapped costs a fault, and its unmapping again.
"""

import itertools
import mmap
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.indexes import reading

BLOCK: Final = 1 << 12
_BITS: Final = 7
_GROUP: Final = 1 << _BITS  # digests under one of the second row
_KEPT: Final = 1 << 12  # blocks: so many are kept in memory from their being verified until the change is made
_PIECE: Final = 1024  # blocks a thread takes at a time
_SUM: Final = 32
Blocks = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Content:
    """The bytes of some of a file's blocks, read to verify them; a change is tried on them before the file has it."""

    touched: Blocks
    size: int
    raw: memoryview = field(repr=False)

    def put(self, offsets: Blocks, rows: Digests) -> None:
        """Put ``rows``, (n, width) bytes, at offsets of the file, all of them in these blocks."""
        if rows.shape[1]:
            np.frombuffer(self.raw, np.uint8)[self._at(offsets)[:, None] + np.arange(rows.shape[1])] = rows

    def fill(self, offsets: Blocks, lengths: Blocks, byte: int) -> None:
        """Put one byte over spans of the file, all of them in these blocks."""
        whole = np.frombuffer(self.raw, np.uint8)
        some = lengths > 0
        for at, length in zip(self._at(offsets[some]).tolist(), lengths[some].tolist(), strict=True):
            whole[at : at + length] = byte

    def _at(self, offsets: Blocks) -> Blocks:
        """Say where spans stand in ``raw``: blocks that follow one another in the file do so here."""
        return np.asarray(np.searchsorted(self.touched, offsets // BLOCK) * BLOCK + offsets % BLOCK, np.int64)

    def digests(self) -> list[bytes]:
        """Hash each block as it is here."""
        ends = np.minimum((self.touched + 1) * BLOCK, self.size) - self.touched * BLOCK
        at = range(0, len(self.raw), BLOCK)
        return [sha256(self.raw[begin : begin + end]).digest() for begin, end in zip(at, ends.tolist(), strict=True)]


@dataclass(frozen=True)
class Tree:
    """Digests of a file of ``count`` blocks: ``rows`` of some groups by their number, and the whole second row.

    ``whole`` says that all groups are here, and that they were made from the file.
    """

    count: int
    rows: dict[int, bytearray] = field(repr=False)
    second: bytearray = field(repr=False)
    whole: bool = False

    @property
    def root(self) -> str:
        """The sha256 of the second row, in hex."""
        return sha256(self.second).hexdigest()

    def has(self, touched: Blocks, digests: list[bytes]) -> bool:
        """Say whether the digests of blocks, all of them in its groups, are these."""
        return all(
            self.rows[at >> _BITS][_in_row(at)] == digest for at, digest in zip(touched.tolist(), digests, strict=True)
        )

    def put(self, touched: Blocks, digests: list[bytes]) -> None:
        """Take other digests of blocks, all of them in its groups, and hash those groups again."""
        for at, digest in zip(touched.tolist(), digests, strict=True):
            self.rows[at >> _BITS][_in_row(at)] = digest
        for group in groups_of(touched):
            self.second[group * _SUM : (group + 1) * _SUM] = sha256(self.rows[group]).digest()

    def is_sound(self, groups: Iterable[int]) -> bool:
        """Say whether the second row was made from the rows of groups, all of them here."""
        return all(self.second[at * _SUM : (at + 1) * _SUM] == sha256(self.rows[at]).digest() for at in groups)

    def length(self, group: int) -> int:
        """Return how many bytes the row of a group has."""
        return min(self.count - group * _GROUP, _GROUP) * _SUM


def _in_row(block: int) -> slice:
    at = (block & (_GROUP - 1)) * _SUM
    return slice(at, at + _SUM)


def groups_of(touched: Blocks) -> list[int]:
    """Return the numbers of the groups that hold blocks, ascending, each once."""
    return [int(group) for group in distinct(touched >> _BITS)]


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


@dataclass(frozen=True)
class Before:
    """A file before a change: its root, the blocks that the change touches, and once they were read, what stood there.

    ``tree`` are the digests that they were compared with; nothing where they are to be compared later.
    """

    path: Path
    root: str
    touched: Blocks
    content: Content | None = field(default=None, repr=False)
    tree: Tree | None = field(default=None, repr=False)

    def taken(self) -> "Before":
        """Return the same, its blocks read."""
        return self if self.content or self.tree else replace(self, content=_content(self.path, self.touched))

    def followed(self, change: Callable[[Content], None]) -> "Refreshed | None":
        """Return the tree of the file behind a change that is tried on what was read; nothing when it was damaged.

        The file has all of the change by now, or nothing: where the sidecar cannot be built on, it is hashed.
        """
        if self.content is None:
            raise ValueError("its blocks were not read")
        before, groups = self.content.digests(), groups_of(self.touched)
        tree = self.tree or _kept(self.path, self.touched, self.root)
        if tree is None or not tree.is_sound(groups) or not tree.has(self.touched, before):
            tree = _grown(self.path)
            if (self.touched >= tree.count).any():
                return None  # cut meanwhile, by a program that asks nobody
            groups = list(tree.rows)
            tree.put(self.touched, before)
            if tree.root != self.root:
                return None
        change(self.content)
        tree.put(self.touched, self.content.digests())
        return Refreshed(self.path, tree, groups)


def is_few(touched: Blocks) -> bool:
    """Say whether so many blocks are kept in memory while a change is made."""
    return len(touched) <= _KEPT


def verified(path: Path, touched: Blocks, root_of: str) -> Before | None:
    """Return a file before a change when it still is the file of that root, as far as the touched blocks go.

    Where the sidecar does not belong to the root, or does not say what the blocks say, the whole file is hashed.
    """
    tree, content = _kept(path, touched, root_of), _content(path, touched) if is_few(touched) else None
    if tree is None or not tree.has(touched, content.digests() if content else _digests(path, touched)):
        tree = _grown(path)
    return Before(path, root_of, touched, content, tree) if tree.root == root_of else None


def refreshed(path: Path, touched: Blocks, *, before: str | None) -> "Refreshed":
    """Hash the touched blocks of a file that was changed; the sidecar stays as it is until ``keep``.

    ``before`` is the root of the file before the change: a sidecar that does not belong to it is made anew. After a
    kill the sidecar may hold some new digests already; it is then made anew as well, which is slower and as right.
    """
    tree = None if before is None else _kept(path, touched, before)
    if tree is None or not tree.is_sound(groups_of(touched)):
        tree = _grown(path)  # the first row is not the one that the second was made from: no root may rest on it
        return Refreshed(path, tree, list(tree.rows))
    tree.put(touched, _digests(path, touched))
    return Refreshed(path, tree, groups_of(touched))


@dataclass(frozen=True)
class Refreshed:
    """The tree of a file after a change, whose sidecar does not say so yet."""

    path: Path
    tree: Tree
    groups: list[int]

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


def _content(path: Path, touched: Blocks) -> Content:
    """Read blocks; they have a map of their own: when it is let go, what stood there is no longer in the process."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    raw = memoryview(mmap.mmap(-1, len(touched) * BLOCK, flags) if len(touched) else bytearray())
    with path.open("rb", buffering=0) as handle:
        targets = [raw[at : at + BLOCK] for at in range(0, len(raw), BLOCK)]
        reading.into(handle.fileno(), (touched * BLOCK).tolist(), targets)
        return Content(touched, os.fstat(handle.fileno()).st_size, raw)


def _digests(path: Path, touched: Blocks) -> list[bytes]:
    """Return the digests of blocks."""
    with path.open("rb", buffering=0) as handle:
        read = reading.spans(handle.fileno(), (touched * BLOCK).tolist(), [BLOCK] * len(touched))
        return [sha256(block).digest() for block in read]


def _keep_whole(path: Path, tree: Tree) -> None:
    sidecar(path).write_bytes(b"".join([*(tree.rows[at] for at in range(len(tree.rows))), tree.second]))


def _keep(path: Path, tree: Tree, groups: Iterable[int]) -> bool:
    """Write the rows that changed beside a file, and the second row; say whether the sidecar still was there."""
    beside = sidecar(path)
    if not _fits(beside, tree.count):
        return False
    with beside.open("r+b", buffering=0) as handle:
        for group in groups:
            os.pwrite(handle.fileno(), tree.rows[group], group * _GROUP * _SUM)
        os.pwrite(handle.fileno(), tree.second, tree.count * _SUM)
    return True


def _kept(path: Path, touched: Blocks, root_of: str) -> Tree | None:
    """Return the sidecar's tree when its second row belongs to the root, and to a file of this size; else nothing."""
    beside, count = sidecar(path), -(-path.stat().st_size // BLOCK)
    if not _fits(beside, count):
        return None
    tree = Tree(count, {}, bytearray(-(-count // _GROUP) * _SUM))
    with beside.open("rb", buffering=0) as handle:
        os.preadv(handle.fileno(), [tree.second], count * _SUM)
        if tree.root != root_of:
            return None
        groups = groups_of(touched)
        tree.rows.update((group, bytearray(tree.length(group))) for group in groups)
        rows = [memoryview(tree.rows[group]) for group in groups]  # what a file cut meanwhile does not give is zeros
        reading.into(handle.fileno(), [group * _GROUP * _SUM for group in groups], rows)
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
        return Tree(0, {}, bytearray(), whole=True)
    firsts = range(0, count, _PIECE)
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as raw,  # mapped: what is read would stay in the heap
        memoryview(raw) as view,
        ThreadPoolExecutor(2) as threads,
    ):
        pieces = list(threads.map(lambda first: _piece(view, first, min(_PIECE, count - first)), firsts))
    rows = dict(enumerate(itertools.chain.from_iterable(pieces)))
    return Tree(count, rows, bytearray(b"".join(sha256(row).digest() for row in rows.values())), whole=True)


def _piece(raw: memoryview, first: int, blocks: int) -> list[bytearray]:
    ends = [min(at + BLOCK, len(raw)) for at in range(first * BLOCK, (first + blocks) * BLOCK, BLOCK)]
    sums = [_sum(raw, end - (end - 1) % BLOCK - 1, end) for end in ends]
    return [bytearray(b"".join(sums[at : at + _GROUP])) for at in range(0, blocks, _GROUP)]


def _sum(raw: memoryview, begin: int, end: int) -> bytes:
    with raw[begin:end] as block:
        return sha256(block).digest()
