"""Nobody left: rows read by another path, and every byte of the stored files scanned for every spelling."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.provenance import search as searching
from compliance.provenance.places import connector_of, place_of
from compliance.rules.claims import CHANGING
from compliance.rules.errors import DamagedArtifact
from compliance.rules.terms import ArtifactKind, StepStatus
from compliance.validation import plainsight
from compliance.validation.readings import Reading, Subject, judged


def measure(subject: Subject) -> Iterator[Reading]:
    """Rows found and residue bytes; for a cache the rows are answers."""
    place = place_of(subject.artifact)
    cache = ArtifactKind(subject.artifact.kind) is ArtifactKind.CACHE
    forms = {form for n in subject.search.identifiers for form in plainsight.forms(n.kind, n.value)}
    if ArtifactKind(subject.artifact.kind) not in (ArtifactKind.INDEX, ArtifactKind.CHECKPOINT):
        subject.progress(0.1, f"Reading {place.name} by another path")
        rows = plainsight.rows_with(place, forms)
        name = "cached_answers" if cache else "rows_found"
        detail = {"how": "each format's own library, folded to letters and digits", "forms": len(forms)}
        yield judged(subject, Reading("absence", name, float(rows), detail=detail))
    subject.progress(0.6, f"Scanning every byte of {place.name}")
    patterns = searching.patterns(subject.search)
    detail = {"how": _searched(subject), "spellings": len(patterns)}
    try:
        hits: float | None = float(connector_of(subject.artifact).absent(place, patterns))
    except DamagedArtifact as error:
        # A file that cannot be searched leaves no number, and without one nothing is called erased.
        hits, detail = None, {**detail, "how": error.cause}
    if hits and (tables := plainsight.neighbours_with(place, forms)):
        words = "the person stands in other tables of this file, which systems.yaml should name"
        detail["how"] = f"{detail['how']}; {words}: {', '.join(tables)}"
    yield judged(subject, Reading("absence", "residue_bytes", hits, unit="occurrences", detail=detail))


def _searched(subject: Subject) -> str:
    """What the search reached, as the store's last receipt says."""
    steps = subject.plan.steps.filter(artifact=subject.artifact, action__in=CHANGING, status=StepStatus.DONE)
    receipt = next((step.receipt or {} for step in steps.order_by("-order", "-id")), {})
    if receipt.get("level", "byte_checked") == "byte_checked":
        return "raw and decoded bytes of every file"
    return "what the store gives out; not every file of its own was in reach"
