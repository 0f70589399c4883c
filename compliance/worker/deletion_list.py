"""California's deletion list, from the pulled file to the codes that go back.

1. ``take_in`` reads a pulled file; the same file twice is one pull.
2. ``match`` hashes what stands in the registered records and compares; each match becomes a case under the CCPA. Where
   a record could not be compared with a list, nothing of that list is called not found until an officer says so.
3. ``export`` writes a code for every work item whose end is known: never *deleted* before the evidence says so.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.evidence import services as evidence
from compliance.intake import partners, services
from compliance.intake.form import Identifier, check_one
from compliance.intake.ledgers import ListItem, ListPull, Partner
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.rules import deletion_list as rules
from compliance.rules.deletion_list import Code
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import ArtifactKind, ClaimLevel, Law, State
from compliance.worker.list_fields import Candidate, candidates, is_number

RECORDS = (ArtifactKind.DATASET, ArtifactKind.DATABASE, ArtifactKind.DERIVED_DATASET)
PLATFORM = "california-drop"


def take_in(entity: LegalEntity, file: Path, *, today: date | None = None) -> ListPull:
    """Read one pulled file; work items that were removed there end their cases, where nothing was decided yet."""
    named = rules.name_of(file.name)
    raw = file.read_bytes()
    rows = rules.read(raw.decode("utf-8", errors="replace"))
    with transaction.atomic():
        pull, fresh = ListPull.objects.get_or_create(
            entity=entity,
            sha256=hashlib.sha256(raw).hexdigest(),
            defaults={"name": file.name, "pulled_on": today or timezone.now().date()},
        )
        if fresh and named.list_type == "Removed":
            _remove(entity, [item for item, _ in rows])
        elif fresh:
            items = [
                ListItem(pull=pull, work_item=item, list_type=named.list_type, hashed=value) for item, value in rows
            ]
            ListItem.objects.bulk_create(items, batch_size=2000, ignore_conflicts=True)
        if fresh:
            _log(entity, "list.taken_in", {"file": file.name, "items": len(rows)})
    return pull


def _remove(entity: LegalEntity, items: list[str]) -> None:
    gone = ListItem.objects.filter(pull__entity=entity, work_item__in=items)
    for row in gone.select_related("request"):
        if row.request and State(row.request.state) is State.VERIFIED:
            services.move(row.request, to=State.WITHDRAWN, by=services.SYSTEM, reason="removed from the deletion list")
    gone.update(removed=True)


@dataclass
class _Seen:
    """The records that one hash stands for."""

    identifiers: tuple[Identifier, ...]
    count: int = 0
    owners: set[str] = field(default_factory=set)


def match(pull: ListPull) -> dict[str, int]:
    """Compare every work item of a pull with the registered records: how many matched, how many not, how many unclear.

    ``not_compared`` counts the records that have the fields of the list, in a form that cannot be hashed here.
    """
    wanted: dict[tuple[str, str], list[ListItem]] = {}
    for item in pull.items.filter(removed=False, found=None):
        wanted.setdefault((item.list_type, item.hashed), []).append(item)
    kinds = {kind for kind, _ in wanted}
    seen: dict[tuple[str, str], _Seen] = {}
    unclear = 0
    for one in _candidates(pull.entity):
        unclear += one.hashed is None and one.list_type in kinds
        key = (one.list_type, one.hashed or "")
        if key in wanted:
            row = seen.setdefault(key, _Seen(one.identifiers))
            row.count += 1
            row.owners |= {one.owner} if one.owner else set()
    for key, items in wanted.items():
        for item in items:
            _settle(pull, item, seen.get(key), unclear=unclear > 0)
    pull.matched_at = timezone.now()
    pull.save(update_fields=["matched_at"])
    _log(pull.entity, "list.matched", {"matched": len(seen), "items": len(wanted), "not_compared": unclear})
    return {"matched": len(seen), "not_found": len(wanted) - len(seen), "not_compared": unclear}


def _settle(pull: ListPull, item: ListItem, seen: _Seen | None, *, unclear: bool) -> None:
    """A match becomes a case; an identifier that several people share waits for an officer (code 4 is an opt-out)."""
    item.found, item.shared = (seen.count, len(seen.owners) > 1) if seen else (0, False)
    if seen and not item.shared:
        item.request = _case(pull.entity, item, seen.identifiers)
    item.code = Code.NOT_FOUND if not seen and not unclear else None
    item.save(update_fields=["found", "shared", "request", "code"])


def _case(entity: LegalEntity, item: ListItem, found: tuple[Identifier, ...]) -> ErasureRequest | None:
    """The case of a match: the state's platform knows who asked, so what matched counts as shown.

    None where the record holds nothing that finds its person elsewhere: the item then waits for an officer.
    """
    platform = partners.register(
        entity,
        kind=Partner.Kind.AGENT,
        name="California deletion platform",
        external_id=f"{PLATFORM}-{entity.slug}",
        attests=True,
    )
    law = Law.CCPA if str(Law.CCPA) in entity.laws else Law(entity.laws[0])
    # No address is written to: the platform tells the person, from the codes that go back.
    usable = [one for one in found if _can_be_looked_for(one, entity)]
    if not usable:
        return None
    return partners.receive(platform, partners.Sent(f"{item.list_type}-{item.work_item}", law, usable)).request


def _can_be_looked_for(one: Identifier, entity: LegalEntity) -> bool:
    try:
        check_one(one, region=entity.phone_region)
    except InvalidInput:
        return False
    return True


def _candidates(entity: LegalEntity) -> Iterator[Candidate]:
    """Every record of the company's registered data beside the lists, with the record's own customer number."""
    for artifact in artifacts_of(entity):
        if artifact.kind not in RECORDS:
            continue
        place = place_of(artifact)
        names = sorted(set(place.subject_fields))
        for row in connector_of(artifact).records(place, None):
            owner = next((row.fields[name] for name in names if is_number(row.fields.get(name, ""))), "")
            yield from candidates(row.fields, owner=owner)


def not_found(entity: LegalEntity, work_item: str) -> int:
    """An officer's word that nothing was found, having looked where records could not be compared (code 5)."""
    rows = ListItem.objects.filter(pull__entity=entity, work_item=work_item, found=0, code=None)
    return rows.update(code=Code.NOT_FOUND)


def opted_out(entity: LegalEntity, work_item: str) -> int:
    """An officer's word that all whom a match without a case stands for were opted out of sale and sharing (code 4)."""
    rows = ListItem.objects.filter(pull__entity=entity, work_item=work_item, found__gt=0, request=None)
    return rows.update(code=Code.OPTED_OUT)


def export(pull: ListPull, folder: Path, *, now: datetime | None = None) -> Path:
    """Write the codes of a pull: one row for every work item whose end is known; the others follow in a later file."""
    rows: list[tuple[str, Code]] = []
    for item in pull.items.filter(removed=False).select_related("request__entity"):
        code = Code(item.code) if item.code else _code_of(item.request)
        if code is not None:
            rows.append((item.work_item, code))
            ListItem.objects.filter(pk=item.pk).update(code=code)
    named = rules.name_of(pull.name)
    day = (now or timezone.now()).strftime("%Y%m%d")
    path = folder / f"{day}_{named.broker}_{named.list_type}.csv"
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(rules.write(rows))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    pull.exported_at = timezone.now()
    pull.save(update_fields=["exported_at"])
    _log(pull.entity, "list.exported", {"file": path.name, "items": len(rows)})
    return path


def _code_of(request: ErasureRequest | None) -> Code | None:
    """What the evidence of a case allows to say; None while it is open, or where something is less than deleted."""
    if request is None:
        return None
    if _refused(request):
        return Code.EXEMPTED
    report = evidence.latest(request)
    if report is None or State(request.state) not in (State.ANSWERED, State.CLOSED):
        return None
    levels = {ClaimLevel(claim["level"]) for claim in report.claims if "level" in claim}
    if not levels <= {ClaimLevel.ERASED, ClaimLevel.PARTLY, ClaimLevel.KEPT}:
        return None
    return Code.DELETED if ClaimLevel.ERASED in levels else Code.EXEMPTED if levels else Code.NOT_FOUND


def _refused(request: ErasureRequest) -> bool:
    """Whether the last word on the case was a refusal: one that was challenged and then carried out is none."""
    kinds = (DecisionKind.REFUSE, DecisionKind.ACCEPT, DecisionKind.INSTRUCT)
    last = request.decisions.filter(kind__in=kinds).order_by("-id").first()
    return last is not None and last.kind == DecisionKind.REFUSE


def _log(entity: LegalEntity, kind: str, detail: dict[str, object]) -> None:
    with transaction.atomic():
        audit.record(kind, case="", entity=entity.slug, by=services.SYSTEM, detail=detail)
