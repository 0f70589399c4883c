"""A model of a table, as ``classifier train`` writes it: described from its files, reached by lineage, fitted anew.

The folder holds ``table.json`` (the recipe, and which rows it was fitted on) and ``model.pickle``. The pickle is
digested and searched as bytes and never loaded: loading one can run code.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Description, Place
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.whole_model import absent, erase, find, find_derived, folder_of, purging, records
from compliance.rules.errors import DamagedArtifact, ModelUnreadable

__all__ = ["absent", "describe", "erase", "find", "find_derived", "purge", "records"]

RECIPE, WEIGHTS = "table.json", "model.pickle"


def describe(place: Place) -> Description:
    """Digest over recipe and estimators; which estimator, in how many shards, fitted on which rows (a digest)."""
    folder = folder_of(place)
    with translated(folder):
        if not (folder / WEIGHTS).is_file():
            raise ModelUnreadable(f"{place.name}: the folder {folder.name!r} holds no {WEIGHTS}.")
        facts, digests = _recipe(folder, place), {name: digest_of(folder / name) for name in (RECIPE, WEIGHTS)}
        if facts["weights"] != digests[WEIGHTS]:
            raise DamagedArtifact(f"{place.name}: {WEIGHTS} is not the file that {RECIPE} was written with.")
        detail = {"estimator": facts["estimator"], "shards": facts["shards"], "rows": facts["rows"], "recipe": True}
        size = sum((folder / name).stat().st_size for name in digests)
        joint = "\n".join(f"{name} {digest}" for name, digest in digests.items())
        return Description(hashlib.sha256(joint.encode()).hexdigest(), size, 0, detail)


purge = purging(describe)


def _recipe(folder: Path, place: Place) -> dict[str, Any]:
    try:
        facts = json.loads((folder / RECIPE).read_text("utf-8"))
        wanted = {"estimator": str, "shards": int, "rows": str, "weights": str}
        if not all(isinstance(facts.get(name), kind) for name, kind in wanted.items()):
            raise ValueError
    except (OSError, ValueError, AttributeError, RecursionError):
        raise ModelUnreadable(
            f"{place.name}: {RECIPE} is missing or is no recipe of a table's model.",
            next_action="Fit it with python -m unlearning classifier train on a folder with schema.json.",
        ) from None
    return dict(facts)
