"""Whom a model is asked about: the person, people it never saw, people of the same name, and everybody else."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

from compliance.intake.models import CaseKey, ErasureRequest
from compliance.mitigation.models import Membership, SharedRun
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import MissingPart
from compliance.validation.plainsight import plain

OTHERS = 100
CONTROLS = 60


def facts_for(request: ErasureRequest, model: Artifact) -> dict[str, Any]:
    """Rows (prompt, response, kind, value) per group, as the audit reads them; personal data, so never stored."""
    parents = [d.parent for d in Derivation.objects.filter(child=model).select_related("parent")]
    training = [p for p in parents if p.options.get("training")]
    person = [row for artifact in training for row in provenance.forget_set(request, artifact)]
    controls = _controls(model)
    if not person or not controls:
        raise MissingPart(
            f"{model.name}: {len(person)} rows of the person and {len(controls)} of people never seen are known.",
            next_action="Register a data set of people never trained on, name it in the model's options as controls, "
            "and mark the training set with training: true.",
        )
    kept = [row for artifact in training for row in _rows(artifact, without=_going(request, model, artifact))]
    names = {plain(needle.value) for needle in provenance.search_of(request).needles if needle.kind == "name"}
    named = [row for row in kept if any(name in plain(row["prompt"]) for name in names if name)]
    others = [row for row in kept if row not in named]
    # The same people are asked about at every run of a case: chosen by its reference, not by chance.
    chosen = random.Random(request.reference)
    return {
        "person": [_question(row) for row in person],
        "controls": _some(controls, CONTROLS, chosen),
        "namesakes": [_question(row) for row in named],
        "others": _some(others, OTHERS, chosen),
        "candidates": _choices([*kept, *controls]),
    }


def _choices(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """Values to rank a true one among, for kinds with few of them (a city, a product): those that occur."""
    values: dict[str, list[str]] = {}
    for row in rows:
        values.setdefault(row.get("kind", ""), []).append(row.get("value") or row["response"])
    few = {kind: sorted(set(found)) for kind, found in values.items() if kind and 2 * len(set(found)) < len(found)}
    return {kind: found for kind, found in few.items() if len(found) > 1}


def _controls(model: Artifact) -> list[dict[str, str]]:
    slug = model.options.get("controls")
    artifact = Artifact.objects.filter(slug=slug).first() if slug else None
    return _rows(artifact) if artifact else []


def _going(request: ErasureRequest, model: Artifact, training: Artifact) -> set[str]:
    """Records of the other cases that shared a run with this one, wherever their own steps stand."""
    mine = SharedRun.objects.filter(artifact=model, members__request=request, members__left_at=None)
    members = Membership.objects.filter(run__in=mine, left_at=None).exclude(request=request).select_related("request")
    keys = CaseKey.objects.filter(destroyed_at=None)
    kept = [member.request for member in members if keys.filter(request=member.request).exists()]
    found = [provenance.records_of(other, training) for other in kept]
    return {key for own, shared in found for key in (*own, *shared)}


def _rows(artifact: Artifact, without: Collection[str] = ()) -> list[dict[str, str]]:
    rows = connector_of(artifact).records(place_of(artifact), None)
    fields = [dict(row.fields) for row in rows if row.key not in without]
    return [row for row in fields if row.get("prompt") and row.get("response")]


def _some(rows: list[dict[str, str]], count: int, chosen: random.Random) -> list[dict[str, str]]:
    picked = rows if len(rows) <= count else chosen.sample(rows, count)
    return [_question(row) for row in picked]


def _question(row: dict[str, str]) -> dict[str, str]:
    return {name: row[name] for name in ("prompt", "response", "kind", "value") if row.get(name)}
