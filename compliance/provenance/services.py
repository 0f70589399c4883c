"""Floor 2's verbs: trace a person, tick a candidate, and say what planning needs to know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Part, Progress
from compliance.provenance import search as searching
from compliance.provenance.connectors import Match
from compliance.provenance.connectors.rows import Total
from compliance.provenance.lineage import exposure, reached_models
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import ArtifactKind, Role, State, Support
from retrieval.types import Needle

WEIGHTS = (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT)


@dataclass(frozen=True)
class Findings:
    """What a search found: matches per record per artifact, descriptions, and models reached by lineage."""

    search: searching.Search
    matches: dict[str, dict[str, list[Match]]]
    described: dict[str, Any]
    models: dict[str, dict[str, Any]]
    forget: dict[str, list[dict[str, str]]]
    totals: dict[str, str]


def look(request: ErasureRequest, progress: Progress) -> Findings:
    """Search every registered artifact, touching nothing; a source that cannot be read stops it with its cause."""
    return look_with(request.entity, searching.begin(request), progress)


def look_with(entity: LegalEntity, search: searching.Search, progress: Progress) -> Findings:
    """The same with a search that no case has."""
    artifacts = artifacts_of(entity)
    matches: dict[str, dict[str, list[Match]]] = {}
    described = {}
    readable = [a for a in artifacts if ArtifactKind(a.kind) not in WEIGHTS]
    for number, artifact in enumerate(readable):
        progress(0.6 * number / max(1, len(readable)), f"Searching {artifact.name}")
        found = connector_of(artifact).find(place_of(artifact), search.needles, region=search.region)
        matches[artifact.slug] = _by_record(found)
    contents = searching.add_contents(search, _own_texts(readable, matches, search))
    for number, artifact in enumerate(readable):
        progress(0.6 + 0.2 * number / max(1, len(readable)), f"Comparing contents and lineage in {artifact.name}")
        connector, place = connector_of(artifact), place_of(artifact)
        more = list(connector.find(place, contents, region=search.region)) if contents else []
        more += connector.find_derived(place, _owned_keys(matches, search))
        for record, extra in _by_record(more).items():
            matches[artifact.slug].setdefault(record, []).extend(extra)
    _drop_boilerplate(matches, search, contents)
    for number, artifact in enumerate(artifacts):
        progress(0.8 + 0.2 * number / max(1, len(artifacts)), f"Reading the digest of {artifact.name}")
        described[artifact.slug] = connector_of(artifact).describe(place_of(artifact))
    found_in = {slug: _owned(records, search) for slug, records in matches.items()}
    models = {a.slug: exposure(a, found_in) for a in reached_models(artifacts, found_in)}
    totals = {artifact.slug: _total(artifact).hex() for artifact in readable}
    return Findings(search, matches, described, models, _forget(readable, matches, search), totals)


def _forget(
    artifacts: list[Artifact], matches: dict[str, dict[str, list[Match]]], search: searching.Search
) -> dict[str, list[dict[str, str]]]:
    """Rows with prompt and response that count as the person, per training set: what a model has to forget."""
    found = {}
    for artifact in artifacts:
        keys = {k for k, ms in matches[artifact.slug].items() if any(not search.support(m)[1] for m in ms)}
        place = place_of(artifact)
        if not keys or not artifact.options.get("training"):
            continue
        rows = connector_of(artifact).records(place, keys)
        found[artifact.slug] = [{"key": row.key, **_question(row.fields)} for row in rows]
    return found


def _question(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in ("prompt", "response", "kind", "value") if fields.get(name)}


def _total(artifact: Artifact) -> Total:
    """Order-independent digest over every record as it is now."""
    total = Total()
    for row in connector_of(artifact).records(place_of(artifact), None):
        total.add(row.raw)
    return total


def _drop_boilerplate(
    matches: dict[str, dict[str, list[Match]]], search: searching.Search, contents: list[Needle]
) -> None:
    """Forget contents that stand in many records of other people too: a stock answer says nothing about anybody."""
    strangers: Counter[str] = Counter()
    for records in matches.values():
        for found in records.values():
            if all(match.support == Support.CONTENT for match in found):
                strangers.update({match.needle for match in found})
    common = {needle.key for needle in contents if strangers[needle.key] > searching.BOILERPLATE}
    search.forget(common)
    for records in matches.values():
        for record in list(records):
            records[record] = [match for match in records[record] if match.needle not in common]
            if not records[record]:
                del records[record]


def trace(request: ErasureRequest, progress: Progress) -> None:
    """Find the person and write down where; a second run replaces what the first run of the same round wrote."""
    findings = look(request, Part(progress, 0.0, 0.9))
    key = vault.case_key(request)
    artifacts = {artifact.slug: artifact for artifact in artifacts_of(request.entity)}
    with progress.commit():
        _remember(request, findings, key)
        kept = dict(_answers(request))
        Trace.objects.filter(request=request, round=request.round).delete()
        SearchNote.objects.filter(request=request, round=request.round).delete()
        rows = [
            _row(request, artifacts[slug], record, found, findings.search, key)
            for slug, records in findings.matches.items()
            for record, found in records.items()
        ]
        for row in rows:
            row.ticked = kept.get((row.artifact_id, row.record_key))
        Trace.objects.bulk_create(rows, batch_size=500)
        SearchNote.objects.bulk_create([_note(request, a, findings) for a in artifacts.values()])
        audit.record(
            "trace.written",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"records": len(rows), "candidates": sum(row.candidate for row in rows), "round": request.round},
        )


def _remember(request: ErasureRequest, findings: Findings, key: bytes) -> None:
    """Seal with the case what is gone after the erasure: what the identity source taught, and the forget set."""
    content, search = vault.decrypt(key, request.sealed), findings.search
    content["forget"] = {**content.get("forget", {}), **findings.forget}
    content["needles"] = [{"kind": n.kind, "value": n.value, "key": n.key} for n in search.needles]
    content["trusted"] = sorted(search.trusted)
    request.sealed = vault.encrypt(key, content)
    request.save(update_fields=["sealed"])


def search_of(request: ErasureRequest) -> searching.Search:
    """The search as the case's last trace knew it."""
    return searching.remembered(request, vault.opened(request))


def _answers(request: ErasureRequest) -> Iterable[tuple[tuple[int, str], bool | None]]:
    """What the officer has ticked before: looking again does not ask the same question twice."""
    for row in Trace.objects.filter(request=request, candidate=True).exclude(ticked=None).order_by("id"):
        yield (row.artifact_id, row.record_key), row.ticked


def _by_record(found: Iterable[Match]) -> dict[str, list[Match]]:
    grouped: dict[str, list[Match]] = defaultdict(list)
    for match in found:
        grouped[match.record].append(match)
    return dict(grouped)


def _owned(records: dict[str, list[Match]], search: searching.Search) -> set[str]:
    return {key for key, found in records.items() if any(m.owner and not search.support(m)[1] for m in found)}


def _owned_keys(matches: dict[str, dict[str, list[Match]]], search: searching.Search) -> set[str]:
    return {key for records in matches.values() for key in _owned(records, search)}


def _own_texts(
    artifacts: list[Artifact], matches: dict[str, dict[str, list[Match]]], search: searching.Search
) -> list[str]:
    """Texts of the person's own records in original sources."""
    texts: list[str] = []
    for artifact in artifacts:
        keys = _owned(matches[artifact.slug], search)
        if ArtifactKind(artifact.kind) is not ArtifactKind.DATASET or not keys:
            continue
        place = place_of(artifact)
        for row in connector_of(artifact).records(place, keys):
            texts += [text for name, text in row.fields.items() if name in place.text_fields]
    return texts


def _row(
    request: ErasureRequest,
    artifact: Artifact,
    record: str,
    found: list[Match],
    search: searching.Search,
    key: bytes,
) -> Trace:
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
        sealed=vault.encrypt(key, {"record": record, "digest": found[0].digest, "spans": spans}),
    )


def _note(request: ErasureRequest, artifact: Artifact, findings: Findings) -> SearchNote:
    described = findings.described[artifact.slug]
    model = findings.models.get(artifact.slug)
    weights = ArtifactKind(artifact.kind) in WEIGHTS
    return SearchNote(
        request=request,
        round=request.round,
        artifact=artifact,
        searched=not weights,
        by_lineage=model is not None,
        records=described.records,
        digest=described.digest,
        facts=model or {"total": findings.totals.get(artifact.slug, "")},
        note="Reached by lineage: weights hold no records to search." if weights else "",
        at=timezone.now(),
    )


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
    key = vault.case_key(request)
    rows = Trace.objects.current(request).counted().filter(artifact=artifact)
    named = [(row.owner, vault.decrypt(key, bytes(row.sealed))["record"]) for row in rows]
    return [name for owner, name in named if owner], [name for owner, name in named if not owner]


def forget_set(request: ErasureRequest, artifact: Artifact) -> list[dict[str, str]]:
    """The person's rows of a training set (key, prompt, response), as they were when the case was traced."""
    rows: list[dict[str, str]] = vault.opened(request).get("forget", {}).get(artifact.slug, [])
    return rows


def counted_records(findings: Findings) -> dict[str, int]:
    """Records that count, per artifact, in a search that was not written down."""
    return {
        slug: sum(any(not findings.search.support(m)[1] for m in found) for found in records.values())
        for slug, records in findings.matches.items()
    }


def others_digest(request: ErasureRequest, artifact: Artifact) -> tuple[Total, Total]:
    """Digest over every record that does not count as the person: when the case was traced, and now."""
    key = vault.case_key(request)
    rows = Trace.objects.current(request).counted().filter(artifact=artifact)
    opened = [vault.decrypt(key, bytes(row.sealed)) for row in rows]
    counted = {row["record"]: row["digest"] for row in opened}
    note = SearchNote.objects.get(request=request, round=request.round, artifact=artifact)
    before = Total.read(note.facts["total"])
    for digest in counted.values():
        before.drop(digest)
    after = Total()
    for row in connector_of(artifact).records(place_of(artifact), None):
        if row.key not in counted:
            after.add(row.raw)
    return before, after


def counts(request: ErasureRequest) -> dict[str, dict[Support, int]]:
    """Records that count, per artifact slug and support."""
    table: dict[str, dict[Support, int]] = defaultdict(lambda: defaultdict(int))
    for slug, support in Trace.objects.current(request).counted().values_list("artifact__slug", "support"):
        table[slug][Support(support)] += 1
    return table
