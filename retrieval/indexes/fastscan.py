"""Codes as faiss' fast-scan kinds keep them: in blocks of some vectors, the four bits of each mixed with the others'.

Where each four bits stand is asked of faiss itself, by putting one after the other into a block and looking where it
went; what does not come out as it went in is refused, never guessed.
"""

from dataclasses import dataclass
from typing import Any, Final

import faiss as faiss_bindings
import numpy as np
import numpy.typing as npt

from retrieval.errors import UnsupportedIndex
from retrieval.types import Vectors

faiss: Any = faiss_bindings
Codes = npt.NDArray[np.uint8]
_HALVES: Final = 2  # of a byte
_PIECE: Final = 1 << 12  # blocks at a time: their halves are numbers of eight bytes meanwhile


@dataclass(frozen=True)
class _Shape:
    """Where in a block (``size`` bytes) each half byte of ``each`` codes stands, (vectors, halves) places of halves."""

    each: int
    size: int
    code: int
    places: npt.NDArray[np.int64]


_SHAPES: Final[dict[tuple[int, int, int], _Shape]] = {}


@dataclass(frozen=True)
class Coder:
    """What turns vectors into a flat fast-scan index's codes and back, which the index itself does not offer."""

    quantizer: Any

    def sa_encode(self, vectors: Vectors) -> Codes:
        """Return codes, (n, bytes)."""
        return np.asarray(self.quantizer.compute_codes(np.ascontiguousarray(vectors, np.float32)))

    def sa_decode(self, codes: Codes) -> Vectors:
        """Return the points that codes mean, (n, dimension)."""
        return np.asarray(self.quantizer.decode(np.ascontiguousarray(codes)))


def is_flat(index: Any) -> bool:
    """Say whether an index is a product quantizer's codes in blocks, without lists."""
    return isinstance(index, faiss.IndexPQFastScan)


def is_listed(index: Any) -> bool:
    """Say whether lists keep their codes in blocks."""
    lists = getattr(index, "invlists", None)
    return lists is not None and isinstance(faiss.downcast_InvertedLists(lists), faiss.BlockInvertedLists)


def refuse_others(index: Any) -> None:
    """Raise ``UnsupportedIndex`` for lists in blocks that keep something of a vector elsewhere too."""
    if is_listed(index) and not isinstance(index, faiss.IndexIVFPQFastScan):
        raise UnsupportedIndex(
            f"Erasing from an index of the kind {type(index).__name__}: what its blocks hold is not known here; "
            "rebuild it from its documents. Nothing was changed."
        )


def is_whole(index: Any) -> bool:
    """Say whether a flat index has as many blocks as it says that it has vectors."""
    shape = _of_flat(index)
    return bool(index.codes.size() == -(-index.ntotal // shape.each) * shape.size)


def codes_of(index: Any) -> Codes:
    """Return a flat index's codes, (n, bytes)."""
    size = index.codes.size()
    blocks = faiss.rev_swig_ptr(index.codes.get(), size) if size else np.zeros(0, np.uint8)
    return _unpacked(_of_flat(index), blocks, index.ntotal)


def filled(index: Any, codes: Codes) -> Any:
    """Return a flat index of the same shape that holds codes and nothing else."""
    fresh, shape = faiss.clone_index(index), _of_flat(index)
    fresh.reset()
    blocks = _packed(shape, codes)
    fresh.codes.resize(len(blocks))
    if len(blocks):
        faiss.rev_swig_ptr(fresh.codes.get(), len(blocks))[:] = blocks
    fresh.ntotal, fresh.ntotal2 = len(codes), len(blocks) // shape.size * shape.each
    return fresh


def listed(index: Any, number: int) -> Codes:
    """Return the codes of one list, (n, bytes)."""
    lists = faiss.downcast_InvertedLists(index.invlists)
    size, shape = lists.list_size(number), _of_lists(lists)
    count = -(-size // shape.each) * shape.size
    blocks = faiss.rev_swig_ptr(lists.get_codes(number), count) if count else np.zeros(0, np.uint8)
    return _unpacked(shape, blocks, size)


def relist(index: Any, number: int, ids: npt.NDArray[np.int64], codes: Codes) -> None:
    """Let a list hold ids and their codes, fewer than it has, and zeros behind the last."""
    lists = faiss.downcast_InvertedLists(index.invlists)
    blocks = _packed(_of_lists(lists), codes)
    lists.resize(number, len(ids))
    if len(ids):
        faiss.rev_swig_ptr(lists.get_codes(number), len(blocks))[:] = blocks
        faiss.rev_swig_ptr(lists.get_ids(number), len(ids))[:] = ids


def _of_flat(index: Any) -> _Shape:
    return _shape(index.get_CodePacker())


def wipe(index: Any) -> None:
    """Overwrite the codes of an index whose blocks these are, before its memory is freed."""
    if is_flat(index):
        blocks = [(index.codes.get(), index.codes.size())]
    else:
        lists = faiss.downcast_InvertedLists(index.invlists)
        sizes = [-(-lists.list_size(number) // lists.n_per_block) * lists.block_size for number in range(index.nlist)]
        blocks = [(lists.get_codes(number), size) for number, size in enumerate(sizes)]
    for start, size in blocks:
        if size:
            faiss.rev_swig_ptr(start, size)[:] = 0


def _of_lists(lists: Any) -> _Shape:
    packer = lists.packer
    if packer is None:
        raise UnsupportedIndex("its blocks have a shape that is not known here; rebuild it from its documents")
    return _shape(packer)


def _shape(packer: Any) -> _Shape:
    """Return where faiss puts the halves, asked of it once for each shape."""
    each, size, code = int(packer.nvec), int(packer.block_size), int(packer.code_size)
    if (each, size, code) not in _SHAPES:
        _SHAPES[each, size, code] = _asked(packer, each, size, code)
    return _SHAPES[each, size, code]


def _asked(packer: Any, each: int, size: int, code: int) -> _Shape:
    if each <= 0 or code <= 0 or not each * code <= size < 1 << 20:
        raise UnsupportedIndex("its blocks have a shape that is not known here; rebuild it from its documents")
    places = np.zeros((each, code * _HALVES), np.int64)
    for slot in range(each):
        for half in range(code * _HALVES):
            one, block = np.zeros(code, np.uint8), np.zeros((1, size), np.uint8)
            one[half // _HALVES] = 0xF << 4 * (half % _HALVES)
            packer.pack_1(one, slot, block)
            (places[slot, half],) = np.flatnonzero(_halves(block.ravel()))
    if len(np.unique(places)) != places.size:
        raise UnsupportedIndex("its blocks have a shape that is not known here; rebuild it from its documents")
    return _Shape(each, size, code, places)


def _halves(content: Codes) -> Codes:
    return np.stack([content & 0xF, content >> 4], axis=-1).reshape(*content.shape[:-1], -1)


def _bytes(halves: Codes) -> Codes:
    return np.asarray(halves[..., ::2] | halves[..., 1::2] << 4)


def _unpacked(shape: _Shape, blocks: Codes, count: int) -> Codes:
    rows, made = blocks.reshape(-1, shape.size), [np.zeros((0, shape.code), np.uint8)]
    for start in range(0, len(rows), _PIECE):
        halves = _halves(rows[start : start + _PIECE])[:, shape.places]
        made.append(_bytes(halves).reshape(-1, shape.code))
    return np.ascontiguousarray(np.concatenate(made)[:count])


def _packed(shape: _Shape, codes: Codes) -> Codes:
    count = -(-len(codes) // shape.each)
    whole = np.zeros((count * shape.each, shape.code), np.uint8)
    whole[: len(codes)] = codes
    rows, made = whole.reshape(count, shape.each, shape.code), np.zeros((count, shape.size), np.uint8)
    for start in range(0, count, _PIECE):
        piece = rows[start : start + _PIECE]
        halves = np.zeros((len(piece), shape.size * _HALVES), np.uint8)
        halves[:, shape.places] = _halves(piece)
        made[start : start + _PIECE] = _bytes(halves)
    return np.asarray(made.ravel())
