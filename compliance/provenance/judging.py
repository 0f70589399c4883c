"""What a registered map says was made is held against the exclusions, as a run event of a pipeline is.

1. Only what is new or changed in the map is read, and what was refused or could not be read before: registering a file
   twice costs nothing.
2. The map records it all the same; the refusal stands beside it, on the map's page and in the log.
3. What is too large to be read meanwhile, or cannot be read, is named as not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.provenance import exclusion
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.openlineage import LARGEST, MADE, MARK, size_of
from compliance.provenance.runs import LineageRun, LineageUse
from compliance.rules.errors import OubliError
from compliance.rules.terms import ArtifactKind

Link = tuple[int, int, str, str]  # parent, child, run, time: what makes a derivation the same one
JOB: Final = "systems.yaml"


@dataclass(frozen=True)
class Judged:
    """Why what was made is refused, and which artifacts could not be checked now."""

    refused: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def links_of(artifacts: Iterable[Artifact]) -> set[Link]:
    """The registered derivations of these artifacts, as what they say."""
    rows = Derivation.objects.filter(child__in=list(artifacts)).exclude(run__startswith=MARK)
    return {(row.parent_id, row.child_id, row.run, str(row.at)) for row in rows}


def owe(artifacts: Sequence[Artifact], before: set[Link]) -> None:
    """Write down, with the map itself, whose inputs are to be checked; ``before`` is what the map said until now.

    A process that ends between the map and the check owes it to the next registration.
    """
    changed = {child for _, child, _, _ in links_of(artifacts) - before}
    for made in artifacts:
        if made.pk in changed and ArtifactKind(made.kind) in MADE and exclusion.gate_of(made.entity).size:
            _noted(made, exclusion.inputs_of(made), {"checked": False})


def judge(artifacts: Sequence[Artifact], *, by: str) -> Judged:
    """Hold the inputs of what is owed a check, or was refused before, against the exclusions."""
    said = LineageUse.objects.filter(artifact__in=artifacts, output=True, run__job=JOB)
    due = set(said.exclude(run__refused="", run__checked=True).values_list("artifact_id", flat=True))
    refused, unchecked = list[str](), list[str]()
    for made in artifacts:
        if made.pk not in due or not exclusion.gate_of(made.entity).size:
            continue
        inputs = exclusion.inputs_of(made)
        why = _why(made, inputs)
        if why is None:
            unchecked.append(made.slug)
            continue
        _write(made, inputs, why, by=by)
        refused += [why] if why else []
    return Judged(tuple(refused), tuple(unchecked))


def _why(made: Artifact, inputs: Sequence[Artifact]) -> str | None:
    """Why it may not be used, empty when it may; None when that could not be looked at."""
    try:
        if sum(size_of(artifact) for artifact in inputs) > LARGEST:
            return None
        exclusion.require_clean(made, inputs=inputs)
    except exclusion.InputsRefused as refused:
        return refused.cause
    except (OubliError, OSError):
        return None
    return ""


def _noted(made: Artifact, inputs: Sequence[Artifact], found: dict[str, object]) -> None:
    now = timezone.now()
    said = {"job": JOB, "last_event": "COMPLETE", "at": now, **found}
    run, _ = LineageRun.objects.update_or_create(entity=made.entity, uid=_uid(made), defaults=said)
    for artifact, output in ((made, True), *((each, False) for each in inputs)):
        LineageUse.objects.update_or_create(run=run, artifact=artifact, output=output, defaults={"at": now})


def _write(made: Artifact, inputs: Sequence[Artifact], why: str, *, by: str) -> None:
    with transaction.atomic():
        _noted(made, inputs, {"refused": why, "checked": True})
        if why:
            detail = {"job": JOB, "made": made.slug}
            audit.record("lineage.refused", case="", entity=made.entity.slug, by=by, detail=detail)


def _uid(made: Artifact) -> UUID:
    """One row for what the map says of an artifact, however often it is registered."""
    return uuid5(NAMESPACE_URL, f"registered {made.slug}")
