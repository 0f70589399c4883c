"""The vectors that a graph's codes mean: mending a graph over codes compares those, as faiss does when it searches."""

from typing import Any, Final

import faiss as faiss_bindings
import numpy as np

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes.sections import FileMap, Quantizer
from retrieval.types import Vectors

faiss: Any = faiss_bindings
_PIECE: Final = 1 << 16  # codes decoded at a time
_EACH, _ALL, _NONE = (0, 1, 6), (2, 3), (4, 5, 7, 8)  # what scalar quantizers learn: of each dimension, of all, nothing


def vectors_of(raw: memoryview, found: FileMap) -> Vectors:
    """Return what is stored, (n, dimension) float32: as it stands there, or decoded (24 to 4 times the codes' bytes).

    Raises ``IndexUnreadable`` for a code book that does not fit, ``UnsupportedIndex`` for a kind that is not known.
    """
    codes = found.codes
    if codes is None:
        raise UnsupportedIndex("it holds no vectors")
    if found.coded == "flat":
        return np.frombuffer(raw, "<f4", codes.count * found.dimension, codes.offset).reshape(-1, found.dimension)
    rows = np.frombuffer(raw, np.uint8, codes.count * codes.size, codes.offset).reshape(-1, codes.size)
    coder, made = _coder(raw, found), np.empty((codes.count, found.dimension), np.float32)
    for start in range(0, codes.count, _PIECE):
        made[start : start + _PIECE] = coder.sa_decode(np.ascontiguousarray(rows[start : start + _PIECE]))
    made.flags.writeable = False  # as a mapped file is: the kernels are compiled for such, and for no second kind
    return made


def _coder(raw: memoryview, found: FileMap) -> Any:
    quantizer, codes = found.quantizer, found.codes
    if quantizer is None or codes is None:
        raise UnsupportedIndex("its codes are of a kind that is not known")
    if quantizer.learned.count != _learned(quantizer, found.dimension):
        raise IndexUnreadable("its code book is not as large as it says; restore it or rebuild the index")
    learned = np.frombuffer(raw, "<f4", quantizer.learned.count, quantizer.learned.offset)
    if found.coded == "pq":
        made = faiss.IndexPQ(found.dimension, quantizer.parts, quantizer.bits)
        faiss.copy_array_to_vector(learned, made.pq.centroids)
    else:
        made = faiss.IndexScalarQuantizer(found.dimension, quantizer.kind)
        faiss.copy_array_to_vector(learned, made.sq.trained)
    made.is_trained = True
    if made.sa_code_size() != codes.size:
        raise IndexUnreadable("its codes have another size than it says; restore it or rebuild the index")
    return made


def _learned(quantizer: Quantizer, dimension: int) -> int:
    """Return how many numbers a quantizer has learned: faiss reads as many, whatever a file holds."""
    if quantizer.parts:
        if dimension % quantizer.parts:
            raise IndexUnreadable("its code book is not as large as it says; restore it or rebuild the index")
        return dimension << quantizer.bits
    sizes = dict.fromkeys(_EACH, 2 * dimension) | dict.fromkeys(_ALL, 2) | dict.fromkeys(_NONE, 0)
    if quantizer.kind not in sizes:
        raise UnsupportedIndex(f"its scalar quantizer (kind {quantizer.kind}) is none of those known here")
    return sizes[quantizer.kind]
