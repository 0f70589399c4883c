"""Floor 2's verbs: trace a person, tick a candidate, and say what planning needs to know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Part, Progress
from compliance.provenance import answered, notes
from compliance.provenance import search as searching
from compliance.provenance.connectors import Match
from compliance.provenance.connectors.rows import Total
from compliance.provenance.looking import TEXTS, Findings, counted_records, look, look_with
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.provenance.scanning import Scan, alone
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Role, State, Support

__all__ = [
    "Findings",
    "counted_records",
    "counts",
    "declined",
    "forget_set",
    "look",
    "look_with",
    "names_of",
    "not_read",
    "opened_traces",
    "others_digest",
    "read_since",
    "records_of",
    "search_of",
    "tick",
    "trace",
]


def trace(request: ErasureRequest, progress: Progress, *, scan: Scan = alone) -> None:
    """Find the person and write down where; a second run replaces what the first run of the same round wrote."""
    findings = look(request, Part(progress, 0.0, 0.9), scan=scan)
    key = vault.case_key(request)
    artifacts = {artifact.slug: artifact for artifact in artifacts_of(request.entity)}
    with progress.commit():
        _remember(request, findings, key)
        kept = dict(_answers(request))
        Trace.objects.filter(request=request, round=request.round).delete()
        SearchNote.objects.filter(request=request, round=request.round).delete()
        rows = [
            _row(request, artifacts[slug], record, found, findings, key)
            for slug, records in findings.matches.items()
            for record, found in records.items()
        ]
        for row in rows:
            row.ticked = kept.get((row.artifact_id, row.record_key))
        Trace.objects.bulk_create(rows, batch_size=500)
        SearchNote.objects.bulk_create([notes.of(request, a, findings) for a in artifacts.values()])
        _describe(artifacts.values(), findings)
        audit.record(
            "trace.written",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"records": len(rows), "candidates": sum(row.candidate for row in rows), "round": request.round},
        )


TOLD = ("parameters", "architecture", "adapter", "stages", "checkpoints")  # of a place's detail; names of files are not


def _describe(artifacts: Iterable[Artifact], findings: Findings) -> None:
    """Each artifact's newest version: digest, size, records, and what of its detail can name nobody."""
    now = timezone.now()
    for artifact in artifacts:
        seen = findings.described[artifact.slug]
        told = {name: seen.detail[name] for name in TOLD if name in seen.detail}
        artifact.digest, artifact.described_at = seen.digest, now
        artifact.described = {"size": seen.size, "records": seen.records, **told}
    Artifact.objects.bulk_update(artifacts, ["digest", "described", "described_at"])


def _remember(request: ErasureRequest, findings: Findings, key: bytes) -> None:
    """Seal with the case what is gone after the erasure: what the identity source taught, and the forget set.

    The case is read anew and held: what the person added, or proved, while the search ran stays.
    """
    request.sealed = ErasureRequest.objects.select_for_update().get(pk=request.pk).sealed
    content, search = vault.decrypt(key, request.sealed), findings.search
    earlier = content.setdefault("forget", {})
    for slug, records in answered.names(request, accepted=False).items():
        earlier[slug] = [row for row in earlier.get(slug, []) if row["key"] not in records]  # answered otherwise since
    for slug, rows in findings.forget.items():
        # By key: what an earlier round found was learned from, also when this round finds another row.
        earlier[slug] = list({row["key"]: row for row in [*earlier.get(slug, []), *rows]}.values())
    content["needles"] = [{"kind": n.kind, "value": n.value, "key": n.key} for n in search.needles]
    content["trusted"] = sorted(search.trusted)
    content["searched_for"] = search.widened
    request.sealed = vault.encrypt(key, content)
    request.save(update_fields=["sealed"])


def search_of(request: ErasureRequest) -> searching.Search:
    """The search as the case's last trace knew it."""
    return searching.remembered(request, vault.opened(request))


def _answers(request: ErasureRequest) -> Iterable[tuple[tuple[int, str], bool | None]]:
    """What the officer has ticked before: looking again does not ask the same question twice."""
    for row in Trace.objects.filter(request=request, candidate=True).exclude(ticked=None).order_by("id"):
        yield (row.artifact_id, row.record_key), row.ticked


def _row(
    request: ErasureRequest,
    artifact: Artifact,
    record: str,
    found: list[Match],
    findings: Findings,
    key: bytes,
) -> Trace:
    search = findings.search
    support, candidate = searching.strongest(search.support(match) for match in found)
    counted = [m for m in found if search.support(m)[1] is candidate]
    spans = [
        {"field": m.field, "start": m.start, "end": m.end, "support": m.support, "needle": m.needle} for m in found
    ]
    return Trace(
        request=request,
        round=request.round,
        artifact=artifact,
        record_key=searching.keyed(artifact.slug, record),
        support=support,
        owner=any(match.owner for match in counted),
        candidate=candidate,
        content_key=searching.keyed("content", found[0].digest),
        sealed=vault.encrypt(
            key,
            {
                "record": record,
                "digest": found[0].digest,
                "copies": _copies(found),
                "spans": spans,
                "excerpt": findings.excerpts.get(artifact.slug, {}).get(record, ""),
                "holds": findings.holds.get(artifact.slug, {}).get(record, []) if candidate else [],
            },
        ),
    )


def _copies(found: Iterable[Match]) -> int:
    """How many records there are of one name: without a key, records of the same bytes are named alike."""
    return max(Counter((m.needle, m.field, m.start, m.end) for m in found).values())


def not_read(request: ErasureRequest) -> set[int]:
    """Artifacts (by number) of which the round's search could not read a part: what that part holds is unknown."""
    notes = SearchNote.objects.filter(request=request, round=request.round)
    return {note.artifact_id for note in notes if note.facts.get("unread")}


def read_since(request: ErasureRequest, findings: Findings) -> None:
    """Take the mark off artifacts that a later search could read through; what it found there is for the caller."""
    for note in SearchNote.objects.filter(request=request, round=request.round).select_related("artifact"):
        if note.facts.pop("unread", 0) and not findings.described[note.artifact.slug].unread:
            note.note = f"Read through on {timezone.now():%Y-%m-%d}; before, a part could not be read."
            note.save(update_fields=["facts", "note"])


def tick(request: ErasureRequest, answers: Mapping[int, bool], *, by: User) -> int:
    """The officer says which candidates are the person (by the trace's number); returns how many were answered."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if State(request.state) not in (State.TRACED, State.PLANNED):
        raise IllegalMove("Candidates can be ticked until the plan is approved.", next_action="Look at the case again.")
    with transaction.atomic():
        rows = Trace.objects.current(request).filter(pk__in=answers, candidate=True).select_related("artifact")
        told: Counter[tuple[str, bool]] = Counter((row.artifact.slug, answers[row.pk]) for row in rows)
        for accepted in (True, False):
            wanted = [pk for pk, answer in answers.items() if answer is accepted]
            Trace.objects.current(request).filter(pk__in=wanted, candidate=True).update(ticked=accepted)
        for (slug, accepted), count in sorted(told.items()):
            audit.record(
                "trace.ticked",
                case=request.reference,
                entity=request.entity.slug,
                by=by.get_username(),
                detail={"artifact": slug, "accepted": accepted, "candidates": count},
            )
    return sum(told.values())


def opened_traces(request: ErasureRequest) -> list[tuple[Trace, dict[str, Any]]]:
    """The round's traces with what is sealed: record name and spans."""
    key = vault.case_key(request)
    rows = Trace.objects.current(request).select_related("artifact")
    return [(row, vault.decrypt(key, bytes(row.sealed))) for row in rows]


def records_of(request: ErasureRequest, artifact: Artifact) -> tuple[list[str], list[str]]:
    """Records of an artifact that count: those that are the person's, and those that only mention the person."""
    return names_of(request, Trace.objects.current(request).counted().filter(artifact=artifact))


def names_of(request: ErasureRequest, rows: Iterable[Trace]) -> tuple[list[str], list[str]]:
    """Names of the records of traces: those that are the person's, and those that only mention the person."""
    key = vault.case_key(request)
    named = [(row.owner, vault.decrypt(key, bytes(row.sealed))["record"]) for row in rows]
    return [name for owner, name in named if owner], [name for owner, name in named if not owner]


def copies_of(request: ErasureRequest, artifact: Artifact) -> set[str]:
    """Records of an artifact that an officer has ticked as near copies of the person's own texts."""
    key = vault.case_key(request)
    rows = Trace.objects.current(request).counted().filter(artifact=artifact, support=Support.NEAR, ticked=True)
    return {str(vault.decrypt(key, bytes(row.sealed))["record"]) for row in rows}


def forget_set(request: ErasureRequest, artifact: Artifact) -> list[dict[str, str]]:
    """The person's rows of a training set (key, prompt, response), as they were when the case was traced."""
    rows: list[dict[str, str]] = vault.opened(request).get("forget", {}).get(artifact.slug, [])
    return rows


def others_digest(
    request: ErasureRequest, artifact: Artifact, *, beside: Sequence[ErasureRequest] = ()
) -> tuple[Total, Total]:
    """Digest over every record that does not count as the person: when the case was traced, and now.

    Records of the cases ``beside`` are left out of both: those whose own steps were carried out since, the latest
    first. A record that is named by its bytes has another name once the person is blanked in it: the step that did so
    remembers those (``renamed``), and whoever compares takes them out.
    """
    counted: dict[str, dict[str, Any]] = {}
    for case in (*beside, request):  # this case saw a record when it was traced; of others the earliest is nearest
        counted |= {row["record"]: row for row in _opened(case, artifact)}
    note = SearchNote.objects.get(request=request, round=request.round, artifact=artifact)
    before = Total.read(note.facts["total"])
    for row in counted.values():
        before.drop(row["digest"], row.get("copies", 1))
    after = Total()
    for record in connector_of(artifact).records(place_of(artifact), None):
        if record.key not in counted:
            after.add(record.raw)
    return before, after


def _opened(request: ErasureRequest, artifact: Artifact) -> list[dict[str, Any]]:
    """What the case's trace sealed of the records of an artifact that count."""
    key = vault.case_key(request)
    rows = Trace.objects.current(request).counted().filter(artifact=artifact)
    return [vault.decrypt(key, bytes(row.sealed)) for row in rows]


def counts(request: ErasureRequest) -> dict[str, dict[Support, int]]:
    """Records that count, per artifact slug and support."""
    table: dict[str, dict[Support, int]] = defaultdict(lambda: defaultdict(int))
    for slug, support in Trace.objects.current(request).counted().values_list("artifact__slug", "support"):
        table[slug][Support(support)] += 1
    return table


def declined(request: ErasureRequest) -> list[tuple[Artifact, bool, int]]:
    """Candidates that the officer said are not the person's: artifact, whether by a text, and how many records."""
    rows = Trace.objects.current(request).filter(candidate=True, ticked=False).select_related("artifact")
    told = Counter((row.artifact, row.support in TEXTS) for row in rows.order_by("artifact_id", "id"))
    return [(artifact, text, count) for (artifact, text), count in told.items()]
