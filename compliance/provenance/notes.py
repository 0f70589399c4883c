"""What a search writes down of each artifact, and in which words: how it was searched, and what of it was not read."""

from __future__ import annotations

from django.utils import timezone

from compliance.intake.models import ErasureRequest
from compliance.provenance.connectors import Description
from compliance.provenance.connectors.names import NAMED
from compliance.provenance.looking import MOST_NEAR, WEIGHTS, Findings
from compliance.provenance.models import Artifact, SearchNote
from compliance.provenance.places import referring
from compliance.rules.terms import ArtifactKind

MOST_TOLD = 20  # files that could not be read, named one by one in a case


def of(request: ErasureRequest, artifact: Artifact, findings: Findings) -> SearchNote:
    """The row of one artifact in this round's search."""
    described = findings.described[artifact.slug]
    model = findings.models.get(artifact.slug)
    weights = ArtifactKind(artifact.kind) in WEIGHTS
    seen = {"total": findings.totals.get(artifact.slug, ""), **referring(artifact, described.detail)}
    return SearchNote(
        request=request,
        round=request.round,
        artifact=artifact,
        searched=not weights,
        by_lineage=model is not None,
        records=described.records,
        digest=described.digest,
        facts={**(model or seen), **({"unread": len(described.unread)} if described.unread else {})},
        note="Reached by lineage: weights hold no records to search."
        if weights
        else " ".join(
            filter(None, (_searched(described, findings.alike.get(artifact.slug, 0)), _taught(artifact, findings)))
        ),
        at=timezone.now(),
    )


def _searched(described: Description, alike: int) -> str:
    """How the artifact was searched where that is worth a word, what of it was not, and what proposed nobody."""
    searched = str(described.detail.get("searched") or "")
    return " ".join(filter(None, (searched, _alike(alike), _not_read(described), _called(described))))


def _called(described: Description) -> str:
    """That things at the place are called after the person: found, and nothing that an erasure changes."""
    return " ".join(f"{part.why} {part.next_action}" for part in described.unread if part.part == NAMED)


def _taught(artifact: Artifact, findings: Findings) -> str:
    """That an officer let a record here widen the search; how many identifiers, never which."""
    count = sum(row[2] == artifact.slug for row in findings.search.widened)
    if not count:
        return ""
    some = "1 identifier" if count == 1 else f"{count} identifiers"
    return f"An officer confirmed a record here as the person's: {some} in it were looked for as well, in every place."


def _alike(count: int) -> str:
    """That a form letter was met: many records nearly say what one text of the person says."""
    if not count:
        return ""
    records = "1 record nearly says" if count == 1 else f"{count} records nearly say"
    return (
        f"{records} what a text of the person says, as more than {MOST_NEAR} records of other people do: taken for a "
        "form letter, so proposed as nobody's and left as they are."
    )


def _not_read(described: Description) -> str:
    """What of the artifact could not be read, for the case's page and its evidence; empty when all of it was."""
    unread = [part for part in described.unread if part.part != NAMED]
    if not unread:
        return ""
    said = " ".join(f"{part.why} {part.next_action}" for part in unread[:MOST_TOLD])
    more = len(unread) - MOST_TOLD
    return f"Not read: {said}" + (f" And {more} more." if more > 0 else "")
