"""Passages by meaning: pieces of documents whose embedding is near a query's, with their spans."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from retrieval.indexes import Embedder
from retrieval.types import Progress, silent

_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]*\s*")


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters ``start`` to ``end`` of a document, and how near they are (cosine) to the nearest query."""

    document: int
    start: int
    end: int
    query: int
    score: float


def spans_of(text: str, *, longest: int = 400) -> Iterator[tuple[int, int]]:
    """Yield whole sentences, joined up to ``longest`` characters; each also begins in the middle of the one before."""
    ends = [match.span() for match in _SENTENCE.finditer(text) if match[0].strip()]
    for first, (start, end) in enumerate(ends):
        for _, following in ends[first + 1 : first + 3]:
            if following - start > longest:
                break
            end = following
        yield start, end


def passages(
    documents: Sequence[str],
    queries: Sequence[str],
    embedder: Embedder,
    *,
    least: float = 0.75,
    progress: Progress = silent,
) -> list[Passage]:
    """Return passages that mean nearly what a query says, nearest first: proposals to look at, no proof."""
    pieces = [(number, *span) for number, text in enumerate(documents) for span in spans_of(text)]
    if not pieces or not queries:
        return []
    vectors = embedder.embed([documents[number][start:end] for number, start, end in pieces], progress=progress)
    scores = vectors @ embedder.embed(queries).T  # (pieces, queries)
    nearest = scores.argmax(axis=1)
    rows = zip(pieces, scores, nearest.tolist(), strict=True)
    found = [Passage(*piece, query, float(row[query])) for piece, row, query in rows]
    return sorted((one for one in found if one.score >= np.float32(least)), key=lambda one: -one.score)
