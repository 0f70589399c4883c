"""What a faiss index does to a vector before it stores it: rotations, projections, normalising, read from the file.

Layout as ``faiss/impl/index_write.cpp`` has it. Some are learned from the vectors (PCA, OPQ, centring), some are drawn
or fixed (a random rotation, a norm, a choice of dimensions) and say nothing of anybody.
"""

from typing import Final

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes.invlists import Reader

LINEAR: Final = {"rrot": "", "LTra": "", "PCAm": "fB", "PcAm": "fBi", "Pcam": "ffBi"}  # what stands before the matrix
_LEARNED: Final = frozenset({"LTra", "PCAm", "PcAm", "Pcam", "VCnt"})
_MOST: Final = 8


def read(reader: Reader, dimension: int) -> tuple[int, bool]:
    """Step over a chain of transformations; return the dimension behind it, and whether one of them was learned.

    Raises ``IndexUnreadable`` where they do not fit one another, ``UnsupportedIndex`` for kinds unknown here.
    """
    (many,) = reader.take("i")
    if not 0 <= many <= _MOST:
        raise IndexUnreadable(
            "it says that it has an absurd number of transformations; restore it or rebuild the index"
        )
    is_learned = False
    for _ in range(many):
        code = reader.fourcc()
        _content(reader, code)
        before, after, _ = reader.take("iiB")
        if before != dimension or not 0 < after <= 1 << 20:
            raise IndexUnreadable("a transformation has another dimension than its vectors; rebuild the index")
        dimension, is_learned = after, is_learned or code in _LEARNED
    return dimension, is_learned


def _content(reader: Reader, code: str) -> None:
    if code in LINEAR:
        reader.take(LINEAR[code])
        for _ in range(3 if LINEAR[code] else 0):  # mean, eigenvalues, all directions
            reader.array(4)
        reader.take("B")
        reader.array(4)
        reader.array(4)
    elif code == "VNrm":
        reader.take("f")
    elif code in ("VCnt", "RmDT"):
        reader.array(4)
    else:
        raise UnsupportedIndex(f"its transformation ({code!r}) is none of those that are known here")
