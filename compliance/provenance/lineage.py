"""Which models stand downstream of what was found, and at which stage of its training a model first saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compliance.provenance import classifiers
from compliance.provenance.connectors import load
from compliance.provenance.models import Artifact
from compliance.provenance.places import derivations, place_of
from compliance.rules.lineage import downstream
from compliance.rules.terms import ArtifactKind
from compliance.rules.thresholds import CLASSIFIER
from unlearning.ledger import Ledger


def reached_models(artifacts: list[Artifact], found_in: dict[str, set[str]]) -> list[Artifact]:
    """Models and checkpoints made, over any number of steps, from an artifact in which the person was found."""
    starts = [slug for slug, records in found_in.items() if records]
    reached = downstream(starts, derivations())
    return [a for a in artifacts if a.slug in reached and ArtifactKind(a.kind) in _WEIGHTS]


_WEIGHTS = (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT)


def exposure(artifact: Artifact, found_in: dict[str, set[str]]) -> dict[str, Any]:
    """Facts that choose a model's route: whether the run is recorded, its stages, and the first that saw the person.

    Without a ledger the model may have seen the person at any time.
    """
    if artifact.connector == CLASSIFIER:
        return classifiers.exposure(artifact, found_in)
    place = place_of(artifact)
    detail = load(artifact.connector).describe(place).detail
    facts: dict[str, Any] = {"ledger": bool(detail.get("ledger")), "stages": int(detail.get("stages") or 0)}
    facts["weights"] = True
    if not facts["ledger"]:
        return facts
    keys = {key for slug, records in found_in.items() for key in records if slug in parents_of(artifact)}
    ledger = Ledger(Path(artifact.location) / "ledger")
    hashes = set(ledger.hashed(keys))
    stages = [step.stage for step in ledger.steps() if hashes.intersection(step.rows)]
    facts["rows_seen"] = len(hashes.intersection(ledger.rows()))
    facts["exposed"] = bool(stages)
    facts["first_exposure_stage"] = min(stages, default=0)
    facts["checkpoint"] = bool(stages) and min(stages) > 1
    return facts


def parents_of(artifact: Artifact) -> set[str]:
    """The artifacts that a model was made from, directly."""
    return {parent for parent, child in derivations() if child == artifact.slug}
