"""The dossier's first half: who asked, what was decided and when, where the person was found."""

from __future__ import annotations

from datetime import UTC, datetime

from compliance.audit.models import Event, Head
from compliance.evidence import dossier
from compliance.intake import services as intake
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote
from compliance.provenance.places import derivations
from compliance.rules.terms import (
    ArtifactKind,
    EntityRole,
    Exemption,
    Ground,
    Law,
    State,
    Support,
)


def whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def organisation(request: ErasureRequest) -> dossier.Organisation:
    entity = request.entity
    return dossier.Organisation(
        name=entity.name, country=entity.country, contact=entity.contact, authority=entity.authority
    )


def request_of(request: ErasureRequest) -> dossier.Request:
    grounds = request.decisions.exclude(ground="").values_list("ground", flat=True)
    roles = Artifact.objects.filter(entity=request.entity, retired_at=None).values_list("role", flat=True)
    return dossier.Request(
        reference=request.reference,
        received_at=whole_second(request.received_at),
        laws=tuple(Law(law).label for law in request.entity.laws),
        grounds=tuple(dict.fromkeys(Ground(ground).label for ground in grounds)),
        state=State(request.state),
        confirmed_at=whole_second(request.verified_at) if request.verified_at else None,
        identity="Control of the e-mail address was shown by a single-use code." if request.verified_at else "",
        role=", ".join(sorted({EntityRole(role).label for role in roles})),
    )


def decisions_of(request: ErasureRequest) -> list[dossier.Decision]:
    return [
        dossier.Decision(
            outcome=DecisionKind(row.kind).label,
            by=row.by.get_username() if row.by else intake.DATA_SUBJECT,
            at=whole_second(row.at),
            # An officer's words may quote the person: the reason stands in the letter and on the case page, not here.
            artifact=row.artifact,
            ground=Ground(row.ground).label if row.ground else "",
            exemption=Exemption(row.exemption).label if row.exemption else "",
            article=row.ground or row.exemption,
            review_on=row.review_on,
        )
        for row in request.decisions.select_related("by")
    ]


def deadlines(request: ErasureRequest) -> tuple[dossier.Deadline, ...]:
    clock = intake.clock_of(request, extended=request.extended)
    return (
        dossier.Deadline(
            law=Law(request.law).label,
            article=clock.article,
            nominal=request.nominal_on,
            conservative=request.conservative_on,
            promised=request.promised_on,
        ),
    )


def timeline(request: ErasureRequest, head: Head | None) -> list[dossier.Happening]:
    """What the signed head proves, and nothing younger."""
    events = Event.objects.of_case(request.reference).filter(leaf__index__lt=head.size if head else 0)
    return [dossier.Happening(at=whole_second(e.at), what=what_happened(e), by=e.actor, uid=str(e.uid)) for e in events]


def what_happened(event: Event) -> str:
    """An event in words: its kind, and what its details name (a step, an artifact, a letter)."""
    words = event.words()
    subject, _, verb = event.kind.partition(".")
    if subject == "step":
        return f"{str(words.get('action', 'step')).replace('_', ' ')}: {words.get('artifact', '')} ({verb})"
    if subject == "case" and verb in State.__members__:
        return f"Case: {State(verb).label.lower()}"
    if subject == "decision":
        return f"Decision: {DecisionKind(verb).label.lower()}" if verb in DecisionKind.values else f"Decision: {verb}"
    if event.kind == "trace.ticked":
        answer = "accepted" if words.get("accepted") else "declined"
        return f"Candidates {answer}: {words.get('candidates', '')} in {words.get('artifact', '')}"
    return f"{subject.replace('_', ' ').capitalize()}: {verb.replace('_', ' ')}"


def places(request: ErasureRequest) -> list[dossier.Place]:
    table = provenance.counts(request)
    notes = SearchNote.objects.filter(request=request, round=request.round).select_related("artifact").order_by("id")
    return [
        dossier.Place(
            key=note.artifact.slug,
            name=note.artifact.name,
            kind=ArtifactKind(note.artifact.kind),
            found=_found(table.get(note.artifact.slug, {}), note),
            rows=note.records if note.searched else None,
            note=note.note,
        )
        for note in notes
    ]


def _found(by: dict[Support, int], note: SearchNote) -> dossier.Found:
    return dossier.Found(
        exact=by.get(Support.EXACT, 0),
        normalised=by.get(Support.NORMALISED, 0),
        content=by.get(Support.CONTENT, 0),
        lineage=by.get(Support.LINEAGE, 0) + int(note.facts.get("rows_seen", 0)),
        near=by.get(Support.NEAR, 0),
        name=by.get(Support.NAME, 0),
    )


def ways(request: ErasureRequest) -> list[dossier.Derivation]:
    notes = SearchNote.objects.filter(request=request, round=request.round).select_related("artifact")
    known = {note.artifact.slug for note in notes}
    hit = {slug for slug, by in provenance.counts(request).items() if any(by.values())}
    hit |= {note.artifact.slug for note in notes if note.by_lineage and note.facts.get("exposed", True)}
    return [
        dossier.Derivation(source=parent, target=child, carried=parent in hit and child in hit)
        for parent, child in derivations()
        if parent in known and child in known
    ]
