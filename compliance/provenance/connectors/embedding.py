"""A new vector for a text that was blanked: the old one still holds what the text said."""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import resolve_name

from compliance.provenance.connectors import Place
from compliance.rules.errors import ConfigurationError, DimensionMismatch
from retrieval.indexes import Embedder

EMBEDDERS: dict[str, str] = {
    "all-MiniLM-L6-v2": "retrieval.embedders:MiniLM",
    "hashed-words": "retrieval.embedders:HashedWords",
}


def embedder(name: str, dimension: int, place: Place) -> Embedder:
    """The embedder of that name; ``ConfigurationError`` names those that exist and the way without one."""
    if name not in EMBEDDERS:
        raise ConfigurationError(
            f"{place.name}: a text is to be blanked, but there is no embedder {name!r} to give it a new vector.",
            remedy=f"Set options.embedder to one of {', '.join(EMBEDDERS)}, or options.on_mention: erase.",
        )
    made = resolve_name(EMBEDDERS[name])
    found: Embedder = made(dimension) if name == "hashed-words" else made()
    return found


def vectors(texts: Sequence[str], dimension: int, place: Place) -> list[list[float]]:
    """Vectors of (texts, dimension) by the declared embedder; ``DimensionMismatch`` when it has another size."""
    made = embedder(str(place.options.get("embedder") or ""), dimension, place)
    if made.dimension != dimension:
        raise DimensionMismatch(
            f"{place.name}: vectors have {dimension} numbers, options.embedder makes {made.dimension}."
        )
    return [[float(number) for number in row] for row in made.embed(list(texts))]
