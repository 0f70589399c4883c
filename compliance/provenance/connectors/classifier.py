"""A classifier of images, as ``classifier train`` writes it: described from its files, reached by lineage, made anew.

The folder holds ``classifier.json`` (the recipe) and ``model.safetensors``; shards and out-of-fold models lie in
folders inside. They hold the same people, so all of it is one model, digested together and exchanged together.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Description, Place
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.tensors import parameters
from compliance.provenance.connectors.whole_model import (
    WEIGHTS_ARE_SILENT,
    absent,
    erase,
    find,
    find_derived,
    folder_of,
    purging,
    records,
)
from compliance.rules.errors import ModelUnreadable

__all__ = ["absent", "describe", "erase", "find", "find_derived", "purge", "records"]

RECIPE, WEIGHTS = "classifier.json", "model.safetensors"
_PICKLED = ("*.pt", "*.pth", "*.bin", "*.ckpt", "*.pkl", "*.pickle")
_MOST = 1_000  # shards, slices and folds


def describe(place: Place) -> Description:
    """Digest over recipe and all weights; the architecture, how it was trained, and a digest of each weights file."""
    folder = folder_of(place)
    with translated(folder):
        if not (folder / WEIGHTS).is_file():
            raise ModelUnreadable(_what_is_missing(folder, place))
        facts = _recipe(folder, place)
        paths = [folder / RECIPE, *sorted(path for path in folder.rglob("*.safetensors") if path.is_file())]
        digests = {path.relative_to(folder).as_posix(): digest_of(path) for path in paths}
        detail = {
            "architecture": str(facts["build"])[:50],
            "parameters": parameters(folder / WEIGHTS, place),
            "weights": {name: digest for name, digest in digests.items() if name != RECIPE},
            "recipe": {name: facts[name] for name in ("build", "options", "epochs", "learning_rate", "batch")},
            **_training(facts),
        }
        joint = "\n".join(f"{name} {digest}" for name, digest in digests.items())
        size = sum(path.stat().st_size for path in paths)
        return Description(hashlib.sha256(joint.encode()).hexdigest(), size, 0, detail)


purge = purging(describe, WEIGHTS_ARE_SILENT)


def _training(facts: dict[str, Any]) -> dict[str, Any]:
    """How it was trained, as its recipe notes: parts of it, seed, and whether folds were cut by person."""
    notes = facts["notes"]
    told: dict[str, Any] = {name: _number(notes.get(name)) for name in ("shards", "slices", "folds", "seed")}
    return {**told, "by_person": bool(notes.get("by person"))}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 << 31 else 0


def _what_is_missing(folder: Path, place: Place) -> str:
    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):
        return f"{place.name}: the weights are pickled, which can run code when opened; save them as {WEIGHTS}."
    return f"{place.name}: the folder {folder.name!r} holds no {WEIGHTS}."


def _recipe(folder: Path, place: Place) -> dict[str, Any]:
    wanted = {"build": str, "options": dict, "epochs": int, "learning_rate": int | float, "batch": int, "notes": dict}
    try:
        facts = json.loads((folder / RECIPE).read_text("utf-8"))
        facts.setdefault("notes", {})
        if not all(isinstance(facts.get(name), kind) for name, kind in wanted.items()):
            raise ValueError
        if any(_number(facts["notes"].get(name)) > _MOST for name in ("shards", "slices", "folds")):
            raise ValueError
    except (OSError, ValueError, AttributeError, RecursionError):
        raise ModelUnreadable(
            f"{place.name}: {RECIPE} is missing or is no recipe of a classifier.",
            next_action="Train it with python -m unlearning classifier train, or save it in that form.",
        ) from None
    return dict(facts)
