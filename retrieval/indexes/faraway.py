"""What stands in an emptied slot of compressed lists: the code that is farthest from whoever asks in that list.

A code has no value that means nobody. The number -1 says it, but faiss itself, as a company's program calls it, still
gives such a slot a place among its answers when it looks near: six emptied slots at a list's centre took six of ten
places from each of their neighbours. So each gets, from what the list's code book can say, what is least like the
list's centroid, around which those who ask in it stand.
"""

import numpy as np
import numpy.typing as npt

from retrieval.indexes.patches import Rows
from retrieval.indexes.sections import FileMap, Lists, Offsets, Quantizer

Floats = npt.NDArray[np.float32]
_INNER_PRODUCT = 0
_MIDDLE = 0x80  # where nothing is known of the code book
_DIRECT = {5: (0.0, 255.0), 8: (-128.0, 127.0)}  # scalar quantizers that learn nothing: QT_8bit_direct, and signed


def codes(raw: memoryview, found: FileMap, lists: Lists, numbers: Offsets) -> Rows:
    """Return a code for a slot of each of the lists ``numbers``, (lists, code size) bytes."""
    quantizer, centroids = found.quantizer, _centroids(raw, found, numbers)
    middle = np.full((len(numbers), lists.code_size), _MIDDLE, np.uint8)
    if quantizer is None or centroids is None:
        return middle
    learned = np.frombuffer(raw, "<f4", quantizer.learned.count, quantizer.learned.offset)
    if quantizer.parts:
        if len(learned) != found.dimension << quantizer.bits:
            return middle
        bits = _farthest_words(learned, quantizer, centroids, found.metric)
    else:
        ends = _ends(learned, quantizer, found.dimension)
        if ends is None or lists.code_size * 8 % found.dimension:
            return middle
        high = _is_less_alike(ends[1], ends[0], centroids, quantizer, found.metric)
        bits = np.repeat(high, lists.code_size * 8 // found.dimension, axis=1)
    rows = np.packbits(bits, axis=1, bitorder="little")
    return rows if rows.shape[1] == lists.code_size else middle


def _centroids(raw: memoryview, found: FileMap, numbers: Offsets) -> Floats | None:
    """Return the lists' centroids, (lists, dimension)."""
    centroids = found.centroids
    if centroids is None or centroids.size != 4 * found.dimension or numbers.max(initial=0) >= centroids.count:
        return None
    every = np.frombuffer(raw, "<f4", centroids.count * found.dimension, centroids.offset)
    return np.asarray(every.reshape(-1, found.dimension)[numbers])


def _ends(learned: Floats, quantizer: Quantizer, dimension: int) -> tuple[Floats, Floats] | None:
    """Return the least and the largest value of each dimension, or nothing for a quantizer that is not known."""
    if quantizer.kind in _DIRECT:
        least, most = _DIRECT[quantizer.kind]
        return np.full(dimension, least, np.float32), np.full(dimension, most, np.float32)
    if len(learned) not in (2, 2 * dimension):
        return None
    low, width = learned[: len(learned) // 2], learned[len(learned) // 2 :]
    return np.broadcast_to(low, dimension), np.broadcast_to(low + width, dimension)


def _likeness(values: Floats, centroids: Floats, quantizer: Quantizer, metric: int) -> Floats:
    """Say how alike values are to centroids, dimension by dimension: (…, dimension), larger is nearer."""
    if metric == _INNER_PRODUCT:
        return values * centroids
    return -np.square(values if quantizer.residual else centroids - values)


def _is_less_alike(
    values: Floats, others: Floats, centroids: Floats, quantizer: Quantizer, metric: int
) -> npt.NDArray[np.bool_]:
    mine, theirs = (_likeness(one, centroids, quantizer, metric) for one in (values, others))
    return np.broadcast_to(mine < theirs, centroids.shape)


def _farthest_words(learned: Floats, quantizer: Quantizer, centroids: Floats, metric: int) -> npt.NDArray[np.uint8]:
    """Return the bits of the least alike word of each part, (lists, parts x bits)."""
    words = learned.reshape(quantizer.parts, 1 << quantizer.bits, -1)  # (parts, words, width)
    parts = centroids.reshape(len(centroids), quantizer.parts, -1)  # (lists, parts, width)
    chosen = np.stack(
        [_alike(words[part], parts[:, part], quantizer, metric).argmin(axis=1) for part in range(quantizer.parts)],
        axis=1,
    )
    shifts = np.arange(quantizer.bits)
    return ((chosen[:, :, None] >> shifts) & 1).astype(np.uint8).reshape(len(centroids), -1)


def _alike(words: Floats, part: Floats, quantizer: Quantizer, metric: int) -> Floats:
    """Say how alike each word is to each list's part of a centroid: (lists, words)."""
    if metric == _INNER_PRODUCT:
        return np.asarray(part @ words.T)
    lengths = np.square(words).sum(axis=1)
    return np.asarray(
        np.broadcast_to(-lengths, (len(part), len(words))) + (0 if quantizer.residual else 2 * part @ words.T)
    )
