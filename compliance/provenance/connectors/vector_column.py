"""The vector beside a text that was blanked: it still holds what the text said, so it is made anew or emptied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.embedding import vectors


def with_new_vector(old: Mapping[str, Any], new: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """The row with a vector for its new text by ``options.embedder``; null without one, until it is embedded again."""
    name = str(place.options.get("vector_field") or "")
    if not name or old.get(name) is None or old == new:
        return new
    if not place.options.get("embedder"):
        return {**new, name: None}
    text = str(new.get(str(place.options.get("text_field") or "text")) or "")
    made = vectors([text], str(old[name]).count(",") + 1, place)[0]
    return {**new, name: "[" + ",".join(f"{number:.8g}" for number in made) + "]"}
