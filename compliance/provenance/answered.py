"""Candidates that an officer has answered: from a yes on they are the person's, also for the models that learned them.

The search looks for models behind what counts by itself. A record that only an answer makes the person's (that of a
child, of somebody who acts through an agent) may lie in the training set of a model that nothing else reaches: then
the search runs once more, and knows the answers.
"""

from __future__ import annotations

from collections import defaultdict

from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance import classifiers
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.provenance.places import artifacts_of, derivations
from compliance.rules.lineage import downstream
from compliance.rules.terms import ArtifactKind

WEIGHTS = (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT)


def names(request: ErasureRequest, *, accepted: bool) -> dict[str, set[str]]:
    """The records whose last answer was this one, by artifact; of all rounds. Pictures have a way of their own."""
    rows = Trace.objects.filter(request=request, candidate=True).exclude(ticked=None)
    rows = rows.exclude(artifact__connector=classifiers.IMAGES).select_related("artifact").order_by("id")
    newest = {(row.artifact_id, row.record_key): row for row in rows}
    found: dict[str, set[str]] = defaultdict(set)
    key = vault.case_key(request)
    for row in newest.values():
        if row.ticked is accepted:
            found[row.artifact.slug].add(str(vault.decrypt(key, bytes(row.sealed))["record"]))
    return dict(found)


def unheard_by_a_search(request: ErasureRequest) -> bool:
    """Whether a model may have learned from a record that was accepted after this round's search."""
    rows = Trace.objects.filter(request=request, candidate=True, ticked=True)
    rows = rows.exclude(artifact__connector=classifiers.IMAGES).select_related("artifact")
    before = set(rows.filter(round__lt=request.round).values_list("artifact_id", "record_key"))
    new = rows.filter(round=request.round)
    places = {row.artifact for row in new if (row.artifact_id, row.record_key) not in before}
    return any(_asks_for_a_search(request, place) for place in places)


def _asks_for_a_search(request: ErasureRequest, place: Artifact) -> bool:
    behind = downstream([place.slug], derivations())
    models = [a.pk for a in artifacts_of(request.entity) if a.slug in behind and ArtifactKind(a.kind) in WEIGHTS]
    notes = SearchNote.objects.filter(request=request, round=request.round, artifact__in=models)
    return bool(models) and (bool(place.options.get("training")) or notes.filter(by_lineage=False).exists())
