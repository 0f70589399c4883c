"""What an officer's yes may teach: further identifiers in a record that the officer says is the person's.

1. With each candidate in an identity source the search keeps, sealed with the case, which other identifiers it holds.
2. Who says that the row is the person's may say, row by row, that these are looked for as well; never without.
3. The consent is sealed with the case, the log says how many of which kinds, and the case is searched once more.
4. What stands in a stranger's row of an identity source too goes on proposing only, whoever consented.
5. An answer or a consent that is taken back takes its identifiers out of the next search.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from django.db import transaction

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance import answered
from compliance.provenance import search as searching
from compliance.provenance.connectors.rows import Row
from compliance.provenance.models import Artifact, Trace
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Role, State
from retrieval.types import Needle

TAUGHT = "taught"  # the origin of needles that only a consent brought into the search
Held = list[dict[str, str]]  # [{"kind", "value"}]


def held_in(artifact: Artifact, row: Row, search: searching.Search) -> Held:
    """Identifiers in a row of an identity source that the search does not trust yet."""
    if not artifact.options.get("identity"):
        return []
    kinds: Mapping[str, str] = artifact.options.get("identity_fields", {})
    there = [(kind, row.fields.get(name, "")) for name, kind in kinds.items()]
    return [{"kind": kind, "value": value} for kind, value in there if value and not search.trusts(kind, value)]


def consented(request: ErasureRequest) -> list[dict[str, str]]:
    """What the search is to look for on an officer's word, of records that are still said to be the person's.

    Rows of kind, value, artifact and record.
    """
    yes = answered.names(request, accepted=True)
    rows: list[dict[str, str]] = vault.opened(request).get("taught", [])
    return [row for row in rows if row["record"] in yes.get(row["artifact"], ())]


def owed(request: ErasureRequest) -> bool:
    """Whether the last search knew others than what is consented to now."""
    known: list[list[str]] = vault.opened(request).get("searched_for", [])
    return known != _short(consented(request))


def consent(request: ErasureRequest, choices: Mapping[int, bool], *, by: User) -> int:
    """The officer says whether identifiers of these records are looked for; returns how many identifiers that changed.

    ``choices`` are by the trace's number.
    """
    accounts.require(by, request.entity, [Role.OFFICER])
    if State(request.state) not in (State.TRACED, State.PLANNED):
        raise IllegalMove("A search can be widened until the plan is approved.", next_action="Look at the case again.")
    with transaction.atomic():
        request.sealed = ErasureRequest.objects.select_for_update().get(pk=request.pk).sealed
        key = vault.case_key(request)
        content = vault.decrypt(key, request.sealed)
        before: list[dict[str, str]] = content.get("taught", [])
        content["taught"] = _chosen(request, key, before, choices)
        if content["taught"] != before:
            request.sealed = vault.encrypt(key, content)
            request.save(update_fields=["sealed"])
        more = [row for row in content["taught"] if row not in before]
        less = [row for row in before if row not in content["taught"]]
        for kind, rows in (("search.widened", more), ("search.narrowed", less)):
            _say(request, kind, rows, by=by)
    return len(more) + len(less)


def widen(search: searching.Search, request: ErasureRequest) -> None:
    """Add what was consented to, and take out what no longer is."""
    wanted = consented(request)
    values = {(row["kind"], row["value"]) for row in wanted}
    gone = {n.key for n in search.needles if f":{TAUGHT}:" in n.key and (n.kind, n.value) not in values}
    search.forget(gone)
    search.doubt({n.key for n in search.needles if [n.kind, n.value] in _before(request)})
    search.widened = _short(wanted)
    if not wanted:
        return
    own = {a.slug: _own(a, search) for a in _teachers(request)}
    for row in wanted:
        own.setdefault(row["artifact"], set()).add(row["record"])
    added = [n for row in wanted if (n := search.trust(row["kind"], row["value"], origin=TAUGHT))]
    for artifact in _teachers(request):
        search.doubt(_strangers(artifact, added, own[artifact.slug], search.region))
    searching.learn(search, request.entity)


def _before(request: ErasureRequest) -> list[list[str]]:
    """What the last search knew on somebody's word and this one does not: it only proposes again."""
    content = vault.opened(request)
    now = _short(consented(request))
    return [row[:2] for row in content.get("searched_for", []) if row not in now]


def _short(rows: list[dict[str, str]]) -> list[list[str]]:
    return sorted([row["kind"], row["value"], row["artifact"]] for row in rows)


def _chosen(
    request: ErasureRequest, key: bytes, before: list[dict[str, str]], choices: Mapping[int, bool]
) -> list[dict[str, str]]:
    rows = Trace.objects.current(request).filter(pk__in=choices, candidate=True).select_related("artifact")
    named = [(row, vault.decrypt(key, bytes(row.sealed))) for row in rows]
    refused = {(row.artifact.slug, content["record"]) for row, content in named if not choices[row.pk]}
    kept = [row for row in before if (row["artifact"], row["record"]) not in refused]
    more = [
        {**held, "artifact": row.artifact.slug, "record": content["record"]}
        for row, content in named
        if choices[row.pk]
        for held in content.get("holds", [])
    ]
    return kept + [row for row in more if row not in kept]


def _say(request: ErasureRequest, kind: str, rows: list[dict[str, str]], *, by: User) -> None:
    """The log names places and kinds, never what was looked for."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        told[row["artifact"]][row["kind"]] += 1
    for slug, kinds in sorted(told.items()):
        detail = {"artifact": slug, "identifiers": dict(sorted(kinds.items()))}
        who, entity = by.get_username(), request.entity.slug
        audit.record(kind, case=request.reference, entity=entity, by=who, detail=detail)


def _teachers(request: ErasureRequest) -> list[Artifact]:
    return [artifact for artifact in artifacts_of(request.entity) if artifact.options.get("identity")]


def _own(artifact: Artifact, search: searching.Search) -> set[str]:
    """The person's rows of an identity source, before anything is added on somebody's word."""
    found = connector_of(artifact).find(place_of(artifact), list(search.needles), region=search.region)
    return {match.record for match in found if match.owner and not search.support(match)[1]}


def _strangers(artifact: Artifact, needles: Collection[Needle], own: Collection[str], region: str) -> set[str]:
    """Needles that stand in rows of the source that are not the person's."""
    found = connector_of(artifact).find(place_of(artifact), list(needles), region=region) if needles else []
    return {match.needle for match in found if match.owner and match.record not in own}
