"""California's deletion list, from the pulled file to the codes that go back.

1. ``take_in`` reads a pulled file; the same file twice is one pull.
2. ``match`` hashes what stands in the registered records and compares; each match becomes a case under the CCPA.
3. ``export`` writes a code for every work item whose end is known: never *deleted* before the evidence says so.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.evidence import services as evidence
from compliance.intake import partners, services
from compliance.intake.form import Identifier
from compliance.intake.ledgers import ListItem, ListPull, Partner
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.rules import deletion_list as rules
from compliance.rules.deletion_list import Code
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import ArtifactKind, ClaimLevel, IdentifierKind, Law, State

RECORDS = (ArtifactKind.DATASET, ArtifactKind.DATABASE, ArtifactKind.DERIVED_DATASET)
_KINDS = {rules.EMAIL: IdentifierKind.EMAIL, rules.PHONE: IdentifierKind.PHONE}
PLATFORM = "california-drop"


def take_in(entity: LegalEntity, file: Path, *, today: date | None = None) -> ListPull:
    """Read one pulled file; work items that were removed there end their cases, where nothing was decided yet."""
    named = rules.name_of(file.name)
    if named.list_type not in (*rules.READ_HERE, "Removed"):
        raise InvalidInput(f"Reading the deletion list {named.list_type}: how it is hashed is not known here.")
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


def match(pull: ListPull) -> dict[str, int]:
    """Compare every work item of a pull with the registered records; returns how many matched, and how many not."""
    wanted: dict[tuple[str, str], list[ListItem]] = {}
    for item in pull.items.filter(removed=False, found=None):
        wanted.setdefault((item.list_type, item.hashed), []).append(item)
    seen: dict[tuple[str, str], tuple[str, int, set[str]]] = {}
    for kind, value, owner in _identifiers(pull.entity):
        key = (kind, rules.hashed(kind, value))
        if key in wanted:
            first, count, owners = seen.get(key, (value, 0, set()))
            seen[key] = (first, count + 1, owners | ({owner} if owner else set()))
    for key, items in wanted.items():
        value, count, owners = seen.get(key, ("", 0, set()))
        for item in items:
            _settle(pull, item, value=value, count=count, shared=len(owners) > 1)
    pull.matched_at = timezone.now()
    pull.save(update_fields=["matched_at"])
    _log(pull.entity, "list.matched", {"matched": len(seen), "items": len(wanted)})
    return {"matched": len(seen), "not_found": len(wanted) - len(seen)}


def _settle(pull: ListPull, item: ListItem, *, value: str, count: int, shared: bool) -> None:
    """A match becomes a case; an identifier that several people share waits for an officer (code 4 is an opt-out)."""
    item.found, item.shared = count, shared
    if count and not shared:
        item.request = _case(pull.entity, item, value)
    item.code = Code.NOT_FOUND if not count else None
    item.save(update_fields=["found", "shared", "request", "code"])


def _case(entity: LegalEntity, item: ListItem, value: str) -> ErasureRequest:
    """The case of a match: the state's platform knows who asked, so what matched counts as shown."""
    platform = partners.register(
        entity,
        kind=Partner.Kind.AGENT,
        name="California deletion platform",
        external_id=f"{PLATFORM}-{entity.slug}",
        attests=True,
    )
    kind = _KINDS[item.list_type]
    law = Law.CCPA if str(Law.CCPA) in entity.laws else Law(entity.laws[0])
    # No address is written to: the platform tells the person, from the codes that go back.
    sent = partners.Sent(f"{item.list_type}-{item.work_item}", law, [Identifier(kind, value, proven=True)])
    return partners.receive(platform, sent).request


def _identifiers(entity: LegalEntity) -> Iterator[tuple[str, str, str]]:
    """Every whole field that is an e-mail address or a telephone number, with the record's own customer field."""
    for artifact in artifacts_of(entity):
        if artifact.kind not in RECORDS:
            continue
        place = place_of(artifact)
        names = set(place.subject_fields)
        for row in connector_of(artifact).records(place, None):
            owner = next((row.fields[name] for name in sorted(names) if _is_number(row.fields.get(name, ""))), "")
            for value in row.fields.values():
                text = value.strip()
                if "@" in text and not any(c.isspace() for c in text):
                    yield rules.EMAIL, text, owner
                elif 7 <= sum(c.isdigit() for c in text) <= 15 and all(c in "+-() ./0123456789" for c in text):
                    yield rules.PHONE, text, owner


def _is_number(text: str) -> bool:
    return bool(text) and "@" not in text and not any(c.isspace() for c in text)


def opted_out(entity: LegalEntity, work_item: str) -> int:
    """An officer's word that everybody who shares the identifier was opted out of sale and sharing (code 4)."""
    rows = ListItem.objects.filter(pull__entity=entity, work_item=work_item, shared=True)
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
    if not levels <= {ClaimLevel.ERASED, ClaimLevel.KEPT}:
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
