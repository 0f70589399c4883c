"""Try to get erased chunks back: by their text, by other words, by their vectors, by their ids, by their neighbours.

A probe reads like any client does, through ``open`` and ``search``; it knows nothing of how the erase was done.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from retrieval.errors import UnknownId
from retrieval.folding import fold
from retrieval.indexes import Embedder, Index, access, load
from retrieval.scan import scan_tree
from retrieval.types import Chunk, Folder, ProbeLine, ProbeReport, Progress, Vectors, silent

_WIDE, _SEED, _NOISE = 10, 20180525, 0.05


def probe(
    folder: Folder,
    queries: Sequence[str],
    ids: Iterable[int],
    embedder: Embedder,
    *,
    k: int = 10,
    vectors: Vectors | None = None,
    store: str = "faiss",
    caches: Sequence[Path] = (),
    progress: Progress = silent,
) -> ProbeReport:
    """Ask an index for erased chunks in seven ways, and its answer caches in an eighth; count what comes back.

    ``queries`` are the erased chunks' texts, ``ids`` their ids, ``vectors`` their stored vectors, (texts, dimension);
    without them the texts are embedded again. A line's ``returned_same_text`` counts answers under other ids that
    hold an erased text: a copy that the erase did not know of. ``caches`` are files or folders in which an erased
    text must not stand either (SQLite, JSON, anything: bytes and what the format hides). Raises
    ``ValueError`` when nothing was asked.
    """
    gone = frozenset(map(int, ids))
    if not queries or not gone:
        raise ValueError(f"Probing the index in {folder}: no queries or no ids were given, which would prove nothing.")
    index = load(store).open(Path(folder), embedder=embedder)
    texts = frozenset(_same(query) for query in queries)
    seek = _Seeker(index, gone, texts)
    exact = embedder.embed(queries) if vectors is None else vectors
    lines = []
    for done, (how, ask) in enumerate(_ways(seek, queries, exact, k)):
        progress(done / 7, f"probing by {how}")
        lines.append(ask())
    if caches:
        lines.append(_cached(caches, queries))
    progress(1.0, f"{sum(line.asked for line in lines)} questions asked")
    about = index.describe()
    return ProbeReport(about.generation, about.digest, k, len(gone), tuple(lines))


def _ways(seek: "_Seeker", queries: Sequence[str], exact: Vectors, k: int) -> list[tuple[str, Callable[[], ProbeLine]]]:
    noise = np.random.default_rng(_SEED).normal(0.0, _NOISE, exact.shape).astype(np.float32)
    return [
        ("original text", lambda: seek.by("original text", queries, k)),
        ("words in reverse", lambda: seek.by("words in reverse", [_reversed(query) for query in queries], k)),
        (
            "every third word left out",
            lambda: seek.by("every third word left out", [_thinned(query) for query in queries], k),
        ),
        ("vector", lambda: seek.by("vector", list(exact), k)),
        ("vector with noise", lambda: seek.by("vector with noise", list(exact + noise), k)),
        ("neighbours, ten times as many", lambda: seek.by("neighbours, ten times as many", list(exact), _WIDE * k)),
        ("id", seek.by_id),
    ]


def _cached(caches: Sequence[Path], queries: Sequence[str]) -> ProbeLine:
    """Look for every erased text in the caches, as it is and as JSON writes it."""
    found = 0
    for query in queries:
        forms = (query, json.dumps(query)[1:-1], json.dumps(query, ensure_ascii=False)[1:-1])
        patterns = [form.encode() for form in dict.fromkeys(forms)]
        found += any(scan_tree(path, patterns) for path in caches)
    return ProbeLine("cached answers", len(queries), 0, found)


class _Seeker:
    """An index, and what must not come out of it."""

    def __init__(self, index: Index, gone: frozenset[int], texts: frozenset[str]) -> None:
        self._index, self._gone, self._texts = index, gone, texts

    def by(self, how: str, questions: Sequence[str | Vectors], k: int) -> ProbeLine:
        answers = [[hit.chunk for hit in self._index.search(question, k=k, who=access.OWNER)] for question in questions]
        erased = sum(any(chunk.id in self._gone for chunk in chunks) for chunks in answers)
        same = sum(any(self._is_copy(chunk) for chunk in chunks) for chunks in answers)
        return ProbeLine(how, len(questions), erased, same)

    def _is_copy(self, chunk: Chunk) -> bool:
        return chunk.id not in self._gone and _same(chunk.text) in self._texts

    def by_id(self) -> ProbeLine:
        listed = self._index.ids(who=access.OWNER)
        returned = sum(1 for id in self._gone if id in listed or self._gives(id))
        return ProbeLine("id", len(self._gone), returned, 0)

    def _gives(self, id: int) -> bool:
        try:
            self._index.get(id, who=access.OWNER)
        except UnknownId:
            return False
        return True


def _same(text: str) -> str:
    return fold(text).text.strip()


def _reversed(text: str) -> str:
    return " ".join(reversed(text.split()))


def _thinned(text: str) -> str:
    words = text.split()
    return " ".join(word for place, word in enumerate(words) if place % 3 != 2) or text
