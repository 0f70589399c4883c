"""What decides how a classifier of images forgets: how it was trained, and how long training it again would take."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from compliance.jobs import processes, scratch
from compliance.provenance.connectors import Match, silent
from compliance.provenance.connectors.pictures import is_training
from compliance.provenance.connectors.pictures.people import PREFIX, file_of
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import ConfigurationError, MissingPart, OubliError
from compliance.rules.thresholds import CLASSIFIER

IMAGES: Final = "images"  # the connector of the pictures that classifiers learn from
BUDGET, REFERENCES = 3600, 16  # seconds that training again may take; models that an audit trains to compare with
FOLDED: Final = "oof_match"  # the method that needs out-of-fold models, and leaves none
SHORTEST = 4  # references below which an audit decides nothing


def trained_on(artifact: Artifact) -> Artifact:
    """The pictures that a classifier learned from; MissingPart when the register does not name one such place."""
    named = artifact.options.get("training_rows")
    links = Derivation.objects.filter(child=artifact, parent__connector=IMAGES).select_related("parent")
    found = {link.parent for link in links if not named or link.parent.slug == named}
    if len(found) != 1:
        raise MissingPart(
            f"{artifact.name}: {len(found)} registered places of pictures could be what it was trained on.",
            next_action="Write a derivation from one place with connector images to the classifier; register again.",
        )
    return found.pop()


def learned(keys: Iterable[str]) -> list[str]:
    """Of records of a place of pictures, those that a classifier learns from, in order."""
    return sorted(key for key in keys if not key.startswith(PREFIX) and is_training(key))


def people_file(pictures: Artifact) -> Path | None:
    """The people file of a place of pictures, when there is one."""
    path = file_of(place_of(pictures))
    return path if path.is_file() and not path.is_symlink() else None


def exposure(artifact: Artifact, found_in: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Facts that choose the route; a classifier that learned from none of the person's pictures is not exposed."""
    place = place_of(artifact)
    detail = connector_of(artifact).describe(place).detail
    facts: dict[str, Any] = {"weights": True, "ledger": False, "stages": 0, "shards": int(detail["shards"])}
    try:
        pictures = trained_on(artifact)
    except MissingPart:  # said by the step, before anything is changed
        return {**facts, "exact": True}
    keys = learned(found_in.get(pictures.slug, ()))
    facts |= {"exposed": bool(keys), "rows_seen": len(keys), "pictures": pictures.slug}
    if facts["shards"] or not keys:
        return {**facts, "exact": True}
    return {**facts, **_predicted(artifact, pictures, keys)}


def only_asked_about(
    artifacts: Iterable[Artifact],
    matches: Mapping[str, Mapping[str, list[Match]]],
    reached: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The same of classifiers that may have learned only from pictures of which the officer has yet to say more."""
    found = {}
    for artifact in artifacts:
        known = reached.get(artifact.slug, {"exposed": False})
        if artifact.connector != CLASSIFIER or known.get("exposed", True):
            continue
        slugs = Derivation.objects.filter(child=artifact).values_list("parent__slug", flat=True)
        keys = {slug: set(matches.get(slug, ())) for slug in slugs}
        if any(learned(records) for records in keys.values()):
            found[artifact.slug] = {**exposure(artifact, keys), "exposed": False, "asked": True}
    return found


def _predicted(artifact: Artifact, pictures: Artifact, keys: Collection[str]) -> dict[str, Any]:
    """The first choice of the library's own plan, within the artifact's budget; training again when it cannot say."""
    budget = _whole(artifact, "budget_seconds", BUDGET)
    facts = {"budget": budget, "references": max(SHORTEST, _whole(artifact, "references", REFERENCES))}
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=scratch.begin(), suffix=".keys") as listed:
        listed.write("".join(f"{key}\n" for key in keys))
        listed.flush()
        arguments = ["classifier", "plan", "--data", pictures.location, "--model", artifact.location]
        arguments += ["--forget-ids", listed.name, "--budget", f"{budget}s"]
        if people := people_file(pictures):
            arguments += ["--people", str(people)]
        try:
            found = processes.run("unlearning", arguments, silent)
        except OubliError as error:
            if error.retryable:
                raise
            return {**facts, "exact": True, "method": "retrain"}  # the job says what is wrong, before a row goes
    if not found["choices"]:  # the library sees nothing to forget where rows were found: the job will say so
        return {**facts, "exact": True, "method": "retrain"}
    method = str(found["choices"][0]["method"])
    said: dict[str, Any] = {**facts, "method": method, "predicted": _coarse(found["predicted_retraining"])}
    if method != FOLDED:
        return {**said, "exact": method == "retrain"}
    folds = int(connector_of(artifact).describe(place_of(artifact)).detail["folds"])
    return {**said, "exact": False, "folds": folds, "renew_folds": bool(artifact.options.get("renew_folds", False))}


def _coarse(seconds: float | None) -> int:
    """Rounded up to one digit: a prediction is no better, and the same plan on another day should read the same."""
    if not seconds or seconds <= 1:
        return 1
    unit = int(10 ** int(math.log10(seconds)))
    return math.ceil(seconds / unit) * unit


def _whole(artifact: Artifact, option: str, usual: int) -> int:
    given = artifact.options.get(option, usual)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 10_000_000:
        raise ConfigurationError(
            f"{artifact.name}: options.{option} is a whole number.", remedy=f"Write one, such as {usual}, and register."
        )
    return given
