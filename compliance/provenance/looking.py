"""One search over every registered artifact: matches, contents, lineage, and what was seen on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from compliance.accounts.models import LegalEntity
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Part, Progress
from compliance.provenance import answered, classifiers, teaching
from compliance.provenance import search as searching
from compliance.provenance.connectors import NEAR, Match
from compliance.provenance.connectors.names import called_after
from compliance.provenance.lineage import exposure, reached_models
from compliance.provenance.models import Artifact
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.provenance.scanning import Question, Scan, alone
from compliance.rules.terms import ArtifactKind, Support
from retrieval.types import Needle

MOST_NEAR = 20  # near copies of one text in strangers' records: more of them are a form letter
EXCERPT = 80  # characters on each side of a match
ORIGINALS = (ArtifactKind.DATASET, ArtifactKind.DATABASE)
TEXTS = (Support.CONTENT, Support.NEAR)
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
    excerpts: dict[str, dict[str, str]]
    holds: dict[str, dict[str, teaching.Held]]  # further identifiers in candidates of an identity source
    alike: dict[str, int]  # records per artifact that nearly say what she says, and so many that they propose nobody


def look(request: ErasureRequest, progress: Progress, *, scan: Scan = alone) -> Findings:
    """Search every registered artifact, touching nothing; a source that cannot be read stops it with its cause."""
    search = searching.begin(request)
    teaching.widen(search, request)
    return look_with(request.entity, search, progress, known=_trained_on(request), scan=scan)


def _trained_on(request: ErasureRequest) -> dict[str, set[str]]:
    """Training rows that an earlier trace found (erased since, but a model may have learned from them all the same),

    and records that an officer has said to be the person's.
    """
    forget = vault.opened(request).get("forget", {})
    known = {slug: {row["key"] for row in rows} for slug, rows in forget.items()}
    for slug, records in answered.names(request, accepted=True).items():
        known[slug] = known.get(slug, set()) | records
    for slug, records in answered.names(request, accepted=False).items():
        known[slug] = known.get(slug, set()) - records
    return known


def look_with(
    entity: LegalEntity,
    search: searching.Search,
    progress: Progress,
    *,
    known: Mapping[str, Collection[str]] = MappingProxyType({}),
    scan: Scan = alone,
) -> Findings:
    """The same with a search that no case has; ``known`` are training rows by artifact that earlier traces found."""
    artifacts = artifacts_of(entity)
    readable = [a for a in artifacts if ArtifactKind(a.kind) not in WEIGHTS]
    answers = scan(readable, Question(search.needles, region=search.region), Part(progress, 0.0, 0.6))
    matches = {slug: _by_record(answer.matches) for slug, answer in answers.items()}
    contents = searching.add_contents(search, _own_texts(readable, matches, search))
    again = Question(contents, _owned_keys(matches, search), search.region, describe=True)
    answers = scan(readable, again, Part(progress, 0.6, 0.9))
    for slug, answer in answers.items():
        for record, extra in _by_record(answer.matches).items():
            matches[slug].setdefault(record, []).extend(extra)
    alike = _drop_boilerplate(matches, search, contents)
    for artifact in readable:
        if ArtifactKind(artifact.kind) in ORIGINALS:
            matches[artifact.slug] = _copies_propose(matches[artifact.slug], search)
    described: dict[str, Any] = {slug: answer.described for slug, answer in answers.items()}
    for artifact in readable:
        seen = described[artifact.slug]
        called = called_after(place_of(artifact), search.identifiers, region=search.region)
        described[artifact.slug] = replace(seen, unread=(*seen.unread, *called))
    for artifact in artifacts:
        if ArtifactKind(artifact.kind) in WEIGHTS:
            progress(0.9, f"Reading the digest of {artifact.name}")
            described[artifact.slug] = connector_of(artifact).describe(place_of(artifact))
    # A row of somebody else that quotes the person was learned from like the person's own.
    found_in = {slug: _counted(records, search).union(known.get(slug, ())) for slug, records in matches.items()}
    models = {a.slug: exposure(a, found_in) for a in reached_models(artifacts, found_in)}
    models |= classifiers.only_asked_about(artifacts, matches, models)
    excerpts, holds = dict[str, dict[str, str]](), dict[str, dict[str, teaching.Held]]()
    for artifact in readable:
        excerpts[artifact.slug], holds[artifact.slug] = _shown(artifact, matches[artifact.slug], search)
    totals = {slug: answer.total.hex() for slug, answer in answers.items()}
    forget = _forget(readable, matches, search, known)
    return Findings(search, matches, described, models, forget, totals, excerpts, holds, alike)


def _forget(
    artifacts: list[Artifact],
    matches: dict[str, dict[str, list[Match]]],
    search: searching.Search,
    known: Mapping[str, Collection[str]],
) -> dict[str, list[dict[str, str]]]:
    """Rows that count as the person, per training set: what a model has to forget; texts with prompt and response."""
    found = {}
    for artifact in artifacts:
        accepted = matches[artifact.slug].keys() & set(known.get(artifact.slug, ()))
        keys = _counted(matches[artifact.slug], search) | accepted
        place = place_of(artifact)
        if artifact.connector == classifiers.IMAGES and (pictures := classifiers.learned(keys)):
            found[artifact.slug] = [{"key": key} for key in pictures]
        if not keys or not artifact.options.get("training"):
            continue
        rows = connector_of(artifact).records(place, keys)
        found[artifact.slug] = [{"key": row.key, **_question(row.fields)} for row in rows]
    return found


def _question(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in ("prompt", "response", "kind", "value") if fields.get(name)}


def _shown(
    artifact: Artifact, records: dict[str, list[Match]], search: searching.Search
) -> tuple[dict[str, str], dict[str, teaching.Held]]:
    """What an officer needs to see of each candidate: whose record it is and the words around the match; and which

    further identifiers it would teach.
    """
    waiting = {k: found[0] for k, found in records.items() if all(search.support(m)[1] for m in found)}
    if not waiting:
        return {}, {}
    place = place_of(artifact)
    excerpts, holds = dict[str, str](), dict[str, teaching.Held]()
    for row in connector_of(artifact).records(place, set(waiting)):
        excerpts[row.key] = _excerpt(row.fields, waiting[row.key], place.subject_fields)
        if held := teaching.held_in(artifact, row, search):
            holds[row.key] = held
    return excerpts, holds


def _excerpt(fields: Mapping[str, str], match: Match, subject_fields: Sequence[str]) -> str:
    text = fields.get(match.field, "")
    around = text[max(0, match.start - EXCERPT) : match.end + EXCERPT].strip()
    owner = ", ".join(f"{name}: {fields[name]}" for name in subject_fields if fields.get(name))
    return f"{owner} | …{around}…" if owner and match.field not in subject_fields else owner or f"…{around}…"


def _drop_boilerplate(
    matches: dict[str, dict[str, list[Match]]], search: searching.Search, contents: list[Needle]
) -> dict[str, int]:
    """Forget contents that stand in many records of other people too: a stock answer says nothing about anybody.

    Near copies are counted apart: a letter that many have nearly alike proposes nobody, its exact copies still count.
    Returns, per artifact, how many records near copies would have proposed otherwise.
    """
    strangers: Counter[str] = Counter()
    for records in matches.values():
        for found in records.values():
            if all(match.support in TEXTS for match in found):
                strangers.update({match.needle for match in found})
    common = {needle.key for needle in contents if strangers[needle.key] > searching.BOILERPLATE}
    search.forget(common)
    common |= {f"{key}{NEAR}" for key in common}
    forms = {key for key, records in strangers.items() if key.endswith(NEAR) and records > MOST_NEAR} - common
    alike: Counter[str] = Counter()
    for slug, records in matches.items():
        for record in list(records):
            seen = records[record]
            records[record] = [match for match in seen if match.needle not in common | forms]
            if not records[record]:
                del records[record]
                alike[slug] += any(match.needle in forms for match in seen)
    return {slug: count for slug, count in alike.items() if count}


def _copies_propose(records: dict[str, list[Match]], search: searching.Search) -> dict[str, list[Match]]:
    """In an original source, the same words in somebody else's record only propose.

    Whoever copies a text into a record of their own must not have the author's record blanked without anybody looking.
    """
    judged = {}
    for record, found in records.items():
        alone = all(match.support in TEXTS or search.support(match)[1] for match in found)
        judged[record] = [replace(match, needle=f"{match.needle}?") for match in found] if alone else found
    return judged


def _by_record(found: Iterable[Match]) -> dict[str, list[Match]]:
    grouped: dict[str, list[Match]] = defaultdict(list)
    for match in found:
        grouped[match.record].append(match)
    return dict(grouped)


def _owned(records: dict[str, list[Match]], search: searching.Search) -> set[str]:
    return {key for key, found in records.items() if any(m.owner and not search.support(m)[1] for m in found)}


def _counted(records: dict[str, list[Match]], search: searching.Search) -> set[str]:
    return {key for key, found in records.items() if any(not search.support(match)[1] for match in found)}


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


def counted_records(findings: Findings) -> dict[str, int]:
    """Records that count, per artifact, in a search that was not written down."""
    return {slug: len(_counted(records, findings.search)) for slug, records in findings.matches.items()}
