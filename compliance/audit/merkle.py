"""Merkle tree hashing, inclusion and consistency proofs (RFC 6962 section 2.1, RFC 9162 sections 2.1.1 to 2.1.5).

Pure: bytes in, bytes out. A leaf is hashed as SHA-256(0x00 || data), an inner node as SHA-256(0x01 || left || right),
so that no inner node can be passed off as a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compliance.audit.errors import BadProof

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf's data, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over its two children, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The roots of the perfect subtrees of a tree, largest first: all that is needed to append and to know the root."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash; it merges once per trailing one bit of the size."""
        peaks, node, left = list(self.peaks), leaf, self.size
        while left & 1:
            node = node_hash(peaks.pop(), node)
            left >>= 1
        return Frontier(self.size + 1, (*peaks, node))

    def root(self) -> bytes:
        """The tree's root, 32 bytes; the hash of nothing for an empty tree."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes in order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root()


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (``size`` > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], *, index: int) -> list[bytes]:
    """The sibling hashes from leaf ``index`` up to the root over ``leaves`` (RFC 9162 section 2.1.3.1).

    Raises BadProof when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise BadProof(f"no leaf {index} in a tree of {len(leaves)}; ask for one below the tree's size")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root(leaves[middle:high]))
            high = middle
        else:
            path.append(root(leaves[low:middle]))
            low = middle
    return path[::-1]


def root_from_inclusion(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that ``path`` leads to from a leaf hash (RFC 9162 section 2.1.3.2); BadProof when the shape is wrong."""
    if not 0 <= index < size:
        raise BadProof(f"leaf {index} cannot be in a tree of {size}")
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise BadProof(f"the path of leaf {index} is longer than a tree of {size} is high")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise BadProof(f"the path of leaf {index} is shorter than a tree of {size} is high")
    return node


def verify_inclusion(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether the leaf hash stands at ``index`` of the tree of ``size`` with root ``expected``."""
    try:
        return root_from_inclusion(leaf, index=index, size=size, path=path) == expected
    except BadProof:
        return False


def consistency_proof(leaves: Sequence[bytes], *, old: int) -> list[bytes]:
    """The nodes that show the tree over ``leaves`` to extend its first ``old`` leaves (RFC 9162 section 2.1.4.1)."""
    if not 0 < old <= len(leaves):
        raise BadProof(f"a tree of {len(leaves)} has no earlier tree of {old}; give 1 to {len(leaves)}")
    return _subproof(leaves, old, whole=True)


def _subproof(leaves: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    middle = _split(len(leaves))
    if old <= middle:
        return [*_subproof(leaves[:middle], old, whole=whole), root(leaves[middle:])]
    return [*_subproof(leaves[middle:], old - middle, whole=False), root(leaves[:middle])]


def verify_consistency(*, old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree of ``new`` leaves only appends to that of ``old`` (RFC 9162 section 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path:
        return False
    nodes = list(path) if old & (old - 1) else [old_root, *path]
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, node)
        at, last = at >> 1, last >> 1
    return first == old_root and second == new_root and last == 0
