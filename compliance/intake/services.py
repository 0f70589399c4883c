"""Floor 1's verbs: submit, confirm, move, decide; ``move`` is the one hand that changes a case's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.intake import addresses, notices, vault, verification
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.jobs import services as jobs
from compliance.rules import deadlines, identifiers, lifecycle
from compliance.rules.errors import InvalidInput, NotAllowed
from compliance.rules.terms import IdentifierKind, Letter, Requester, State

SYSTEM, DATA_SUBJECT = "system", "data subject"


@dataclass(frozen=True)
class Identifier:
    """What finds a person, as typed; ``proven`` when control of it was shown."""

    kind: IdentifierKind
    value: str
    proven: bool = False


@dataclass(frozen=True)
class Submission:
    """What the form holds: the first identifier is the e-mail address that gets the code."""

    entity: LegalEntity
    email: str
    name: str = ""
    language: str = "en"
    requester: Requester = Requester.SELF
    others: Sequence[Identifier] = field(default_factory=tuple)
    details: str = ""


@dataclass(frozen=True)
class Receipt:
    """What the person keeps: the reference, and the secret that opens the status page (shown once)."""

    request: ErasureRequest
    reference: str
    secret: str


def submit(form: Submission, *, received_at: datetime | None = None) -> Receipt:
    """Receive a request: sealed, acknowledged, on the clock; the answer is the same for known and unknown people."""
    received_at = received_at or timezone.now()
    email = identifiers.parse(f"email:{addresses.mailbox(form.email)}")
    for other in form.others:
        identifiers.parse(f"{other.kind}:{other.value}", region=form.entity.phone_region)
    reference, secret = f"OUB-{verification.token(4)}-{verification.token(4)}", verification.token(16)
    plain, wrapped = vault.new_case_key()
    person_key = identifiers.keyed_hash(vault.lookup_key(), email.kind, email.value)
    with transaction.atomic():
        request = ErasureRequest(
            reference=reference,
            secret_hash=verification.digest("secret", secret),
            entity=form.entity,
            law=form.entity.law,
            language=form.language,
            requester=form.requester,
            received_at=received_at,
            person_key=person_key,
            sealed=vault.encrypt(plain, _content(form)),
        )
        set_clock(request)
        request.save()
        CaseKey.objects.create(request=request, wrapped=wrapped)
        code = verification.issue(request, identifier_key=person_key)
        notices.owe(request, Letter.ACKNOWLEDGED, only_here={"code": code, "secret": secret})
        audit.record(
            "case.RECEIVED",
            case=reference,
            entity=form.entity.slug,
            by=DATA_SUBJECT,
            detail={"law": str(request.law), "promised_on": request.promised_on.isoformat()},
        )
    return Receipt(request=request, reference=reference, secret=secret)


def _content(form: Submission) -> dict[str, object]:
    others = [{"kind": str(i.kind), "value": i.value, "proven": False} for i in form.others]
    email = {"kind": str(IdentifierKind.EMAIL), "value": form.email.strip(), "proven": False}
    return {"name": form.name.strip(), "identifiers": [email, *others], "details": form.details}


def clock_of(request: ErasureRequest, *, extended: bool) -> deadlines.Clock:
    """The case's clock from its law and its entity's calendar, as if it were extended or not."""
    entity = request.entity
    return deadlines.clocks(
        request.law,
        received_at=request.received_at,
        zone=ZoneInfo(entity.time_zone),
        country=entity.country,
        subdivision=entity.subdivision or None,
        small_agent=entity.small_agent,
        extended=extended,
    )


def set_clock(request: ErasureRequest) -> deadlines.Clock:
    """Write the case's three dates as its clock has them now."""
    clock = clock_of(request, extended=request.extended)
    request.nominal_on, request.conservative_on, request.promised_on = clock.nominal, clock.conservative, clock.promised
    return clock


def confirm(reference: str, code: str) -> ErasureRequest:
    """Consume the code and take the case to VERIFIED; the e-mail address it was sent to is proven by it."""
    with transaction.atomic():
        request = verification.redeem(reference, code)
        if request is not None:
            return _proven(request)
    raise NotAllowed(verification.WRONG, next_action="Check both, or ask for a new code with a new request.")


def _proven(request: ErasureRequest) -> ErasureRequest:
    with transaction.atomic():
        key = vault.case_key(request)
        content = vault.decrypt(key, request.sealed)
        content["identifiers"][0]["proven"] = True
        request.sealed = vault.encrypt(key, content)
        request.verified_at = timezone.now()
        request.save(update_fields=["sealed", "verified_at"])
        return move(request, to=State.VERIFIED, by=DATA_SUBJECT)


def move(request: ErasureRequest, *, to: State, by: User | str, reason: str = "") -> ErasureRequest:
    """Move a case: check the table, write row, event, next job and letter in one transaction."""
    with transaction.atomic():
        fresh = ErasureRequest.objects.select_for_update().get(pk=request.pk)
        before = State(fresh.state)
        row = lifecycle.check_move(before, to)
        fresh.state = to
        if to is State.ACCEPTED and before is not State.VERIFIED:
            fresh.round += 1
        fresh.save(update_fields=["state", "round"])
        audit.record(
            f"case.{to}",
            case=fresh.reference,
            entity=fresh.entity.slug,
            by=author(by),
            detail={"from": str(before), "reason": reason},
        )
        if row.work:
            jobs.enqueue(fresh.pk, row.work)
        if row.letter:
            notices.owe(fresh, row.letter)
        if to in (State.WITHDRAWN, State.LAPSED):
            jobs.cancel_live(fresh.pk, reason="The case ended before this work was due.")
    request.state, request.round = fresh.state, fresh.round
    return fresh


def author(by: User | str) -> str:
    """How the log names who acted."""
    return by if isinstance(by, str) else by.get_username()


def lapse(request: ErasureRequest) -> ErasureRequest:
    """End a request whose address was never confirmed; raises InvalidInput while a code may still come."""
    now = timezone.now()
    if any(confirmation.live(now) for confirmation in request.confirmations.all()):
        raise InvalidInput("A code of this request may still be used.", next_action="Wait until it has run out.")
    return move(request, to=State.LAPSED, by=SYSTEM, reason="The address was not confirmed.")
