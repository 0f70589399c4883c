"""Where every vector, id and link stands inside a faiss file, read from the file alone.

The layout is faiss' own (``faiss/impl/index_write.cpp`` of 1.7 to 1.15): four letters name the kind, numbers are little
endian, arrays carry their length. What is not understood to the last byte is refused, so that nothing is overwritten
by guess; and a truncated or hostile file is refused here, before faiss allocates what its numbers ask for.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes import invlists, transforms
from retrieval.indexes.sections import Coded, FileMap, Graph, Quantizer, Section

_LARGEST: Final = 1 << 48  # no length in a file is larger: a hostile one must not overflow what is added to it
_NESTED: Final = 4


class _Reader:
    """Steps through a buffer; every step is checked against its end."""

    def __init__(self, raw: memoryview) -> None:
        self.raw, self.at = raw, 0

    def take(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + layout)
        self.skip(size)
        return struct.unpack_from("<" + layout, self.raw, self.at - size)

    def skip(self, size: int) -> None:
        if not 0 <= size <= len(self.raw) - self.at:
            raise IndexUnreadable("it ends before its own numbers say; restore it or rebuild the index")
        self.at += size

    def fourcc(self) -> str:
        start = self.at
        self.skip(4)
        return bytes(self.raw[start : self.at]).decode("latin-1")

    def array(self, size: int) -> Section:
        """Read an array's length in items of ``size`` bytes, and step over it."""
        (count,) = self.take("Q")
        if count > _LARGEST:
            raise IndexUnreadable("a length in it is absurd; restore it or rebuild the index")
        section = Section(self.at, count, size)
        self.skip(section.count * size)
        return section


@dataclass(frozen=True, slots=True)
class _Head:
    dimension: int
    count: int
    metric: int


def _head(reader: _Reader) -> _Head:
    dimension, count, _, _, _, metric = reader.take("iqqqBi")
    if metric > 1:
        reader.skip(4)
    if dimension <= 0 or dimension > 1 << 20 or count < 0 or count > _LARGEST:
        raise IndexUnreadable("its dimension or its count is absurd; restore it or rebuild the index")
    return _Head(dimension, count, metric)


def parse(raw: memoryview) -> FileMap:
    """Return the map of an index file; raises ``IndexUnreadable`` or, for kinds unknown here, ``UnsupportedIndex``."""
    reader = _Reader(raw)
    found = _index(reader, 0)
    if reader.at != len(raw):
        raise UnsupportedIndex(f"{len(raw) - reader.at} bytes follow its end; it is not a plain faiss index")
    return found


def _index(reader: _Reader, depth: int) -> FileMap:
    code = reader.fourcc()
    if code in ("IxMp", "IxM2") and depth < _NESTED:
        return _mapped(reader, depth)
    if code == "IxPT" and depth < _NESTED:
        return _turned(reader, depth)
    readers = {"IxFI": _flat, "IxF2": _flat, "IxFl": _flat, "IxSQ": _scalar, "IxPq": _product}
    readers |= {"IHNf": _hnsw, "IHNs": _hnsw, "IHNp": _hnsw}
    readers |= {"IwFl": _ivf_flat, "IwSq": _ivf_scalar, "IwPQ": _ivf_product}
    if code not in readers:
        raise UnsupportedIndex(f"its kind ({code!r}) is none of those that can be changed in place")
    return readers[code](reader)


def _mapped(reader: _Reader, depth: int) -> FileMap:
    head = _head(reader)
    inner = _index(reader, depth + 1)
    ids = reader.array(8)
    if ids.count != inner.count or head.count != inner.count or inner.ids is not None:
        raise IndexUnreadable("its ids and its vectors differ in number; rebuild the index")
    return replace(inner, ids=ids, size=reader.at)


def _turned(reader: _Reader, depth: int) -> FileMap:
    head = _head(reader)
    dimension, is_learned = transforms.read(reader, head.dimension)
    inner = _index(reader, depth + 1)
    if inner.dimension != dimension or inner.count != head.count or inner.transform:
        raise IndexUnreadable("its transformations and its vectors do not belong together; rebuild the index")
    return replace(inner, transform="learned" if is_learned else "fixed", size=reader.at)


def _plain(reader: _Reader, head: _Head, codes: Section, coded: Coded) -> FileMap:
    if codes.count * codes.size and codes.count != head.count:
        raise IndexUnreadable("its vectors are not as many as it says; restore it or rebuild the index")
    if not codes.count and head.count:
        raise IndexUnreadable("it says that it holds vectors and holds none; restore it or rebuild the index")
    return FileMap("flat", coded, head.dimension, head.metric, head.count, reader.at, codes=codes)


def _rows(section: Section, head: _Head) -> Section:
    """Turn a section of bytes into one of whole vectors."""
    total = section.count * section.size
    width = total // head.count if head.count else 1
    if width * head.count != total:
        raise IndexUnreadable("its vectors are not as many as it says; restore it or rebuild the index")
    return Section(section.offset, head.count, width)


def _flat(reader: _Reader) -> FileMap:
    head = _head(reader)
    codes = _rows(reader.array(4), head)
    if head.count and codes.size != 4 * head.dimension:
        raise IndexUnreadable("its vectors have another size than it says; restore it or rebuild the index")
    return _plain(reader, head, codes, "flat")


def _scalar(reader: _Reader) -> FileMap:
    head = _head(reader)
    quantizer = _scalar_quantizer(reader)
    return replace(_plain(reader, head, _rows(reader.array(1), head), "sq"), quantizer=quantizer)


def _product(reader: _Reader) -> FileMap:
    head = _head(reader)
    quantizer = _product_quantizer(reader)
    codes = _rows(reader.array(1), head)
    reader.take("iBi")
    return replace(_plain(reader, head, codes, "pq"), quantizer=quantizer)


def _scalar_quantizer(reader: _Reader) -> Quantizer:
    kind, *_ = reader.take("iifQQ")
    return Quantizer(reader.array(4), residual=False, kind=kind)


def _product_quantizer(reader: _Reader) -> Quantizer:
    dimension, parts, bits = reader.take("QQQ")
    words = reader.array(4)
    if not 1 <= bits <= 24 or not 1 <= parts <= dimension or dimension % parts or words.count != dimension << bits:
        raise IndexUnreadable("its code book is not as large as it says; restore it or rebuild the index")
    return Quantizer(words, residual=False, parts=parts, bits=bits)


def _hnsw(reader: _Reader) -> FileMap:
    head = _head(reader)
    reader.array(8)
    slots = reader.array(4)
    levels, offsets, neighbours = reader.array(4), reader.array(8), reader.array(4)
    entry = reader.at
    reader.take("iiiii")
    code = reader.fourcc()
    readers = dict.fromkeys(("IxFI", "IxF2", "IxFl"), _flat) | {"IxSQ": _scalar, "IxPq": _product}
    if code not in readers:
        raise UnsupportedIndex(f"its HNSW graph stands over {code!r}, which cannot be changed in place")
    storage = readers[code](reader)
    if storage.dimension != head.dimension:
        raise IndexUnreadable("its graph and its vectors differ in dimension; restore it or rebuild the index")
    if not (levels.count == offsets.count - 1 == head.count == storage.count) or slots.count > 64:
        raise IndexUnreadable("its graph and its vectors differ in number; restore it or rebuild the index")
    steps = tuple(np.frombuffer(reader.raw, "<i4", slots.count, slots.offset).tolist())
    graph = Graph(steps, levels, offsets, neighbours, entry, entry + 4)
    return replace(storage, kind="hnsw", graph=graph, metric=head.metric, size=reader.at)


def _ivf_flat(reader: _Reader) -> FileMap:
    return _ivf(reader, "flat", lambda: None)


def _ivf_scalar(reader: _Reader) -> FileMap:
    def between() -> Quantizer:
        quantizer = _scalar_quantizer(reader)
        _, residual = reader.take("QB")
        return replace(quantizer, residual=bool(residual))

    return _ivf(reader, "sq", between)


def _ivf_product(reader: _Reader) -> FileMap:
    def between() -> Quantizer:
        residual, _ = reader.take("BQ")
        return replace(_product_quantizer(reader), residual=bool(residual))

    return _ivf(reader, "pq", between)


def _ivf(reader: _Reader, coded: Coded, between: Callable[[], Quantizer | None]) -> FileMap:
    head = _head(reader)
    lists, _ = reader.take("QQ")
    quantizer = _index(reader, _NESTED)
    (how,) = reader.take("B")
    array = reader.array(8)
    pairs = reader.array(16) if how == 2 else Section(reader.at, 0, 16)
    quantizer_of_codes = between()
    stored = invlists.read(reader, lists)
    if coded == "flat" and stored.code_size != 4 * head.dimension:
        raise IndexUnreadable("its vectors have another size than it says; restore it or rebuild the index")
    return FileMap(
        kind="ivf",
        coded=coded,
        dimension=head.dimension,
        metric=head.metric,
        count=head.count,
        size=reader.at,
        lists=stored,
        centroids=quantizer.codes if quantizer.kind == "flat" and quantizer.coded == "flat" else None,
        quantizer=quantizer_of_codes,
        direct=(array, pairs),
    )
