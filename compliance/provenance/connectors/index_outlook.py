"""What erasing chunks from an index folder would do, asked while a case is planned and nothing is changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.embedding import EMBEDDERS
from compliance.provenance.connectors.index_folder import folder_of, opened, refuse_new_vectors, said
from compliance.rules.errors import ConfigurationError
from retrieval.indexes import layout


def foresee(place: Place, own: Collection[str], shared: Collection[str]) -> dict[str, Any]:
    """Say the level that erasing ``own`` and blanking ``shared`` would have; ``refused`` where either cannot be.

    ``why`` says in words what stands against it; ``mends`` that what was learned with them will be learned again.
    """
    from retrieval.foreseeing import can_erase

    folder = folder_of(place)
    going = {*own, *shared} if place.erase_on_mention else set(own)
    blanked = [int(key) for key in set(shared) - going if key.isdecimal()]
    with said(place):
        told = can_erase(folder, [int(key) for key in going if key.isdecimal()])
        if told.possible and blanked:
            try:
                refuse_new_vectors(place, opened(place), blanked)
            except ConfigurationError as error:
                return _found("refused", f"{error.args[0]} {error.next_action}")
        manifest = layout.current(folder).manifest
    embedder = str(manifest.get("embedder") or place.options.get("embedder") or "")
    why = told.why.replace(str(folder), place.name) if told.level in ("refused", "partial") else ""
    return _found(told.level, why, mends=embedder in EMBEDDERS)


def _found(level: str, why: str, *, mends: bool = False) -> dict[str, Any]:
    return {"level": level, "why": why, "mends": mends}
