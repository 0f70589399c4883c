"""Floor 1's verbs: submit, confirm, move, decide; ``move`` is the one hand that changes a case's state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import addresses, attachments, identity, notices, proofs, retention, vault, verification
from compliance.intake import form as forms
from compliance.intake.clocks import clock_of, set_clock
from compliance.intake.form import Identifier, Submission
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.jobs import services as jobs
from compliance.rules import identifiers, lifecycle
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import InvalidInput, NotAllowed
from compliance.rules.terms import Letter, State

__all__ = [
    "DATA_SUBJECT",
    "SYSTEM",
    "Identifier",
    "Receipt",
    "Submission",
    "author",
    "clock_of",
    "confirm",
    "confirmed",
    "lapse",
    "move",
    "prove",
    "renewed",
    "send_code",
    "set_clock",
    "submit",
]
SYSTEM, DATA_SUBJECT = "system", "data subject"


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
    forms.check(form)
    reference, secret = f"OUB-{verification.token(4)}-{verification.token(4)}", verification.token(16)
    plain, wrapped = vault.new_case_key()
    person_key = identity.key_of(email.kind, email.value)
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
            sealed=vault.encrypt(plain, forms.content_of(form)),
        )
        set_clock(request)
        request.save()
        CaseKey.objects.create(request=request, wrapped=wrapped)
        code = verification.issue(request, identifier_key=person_key)
        attachments.take_over(request, form.uploads, key=plain, mandate=form.requester in forms.FOR_ANOTHER)
        notices.owe(request, Letter.ACKNOWLEDGED, only_here={"code": code})
        audit.record(
            "case.RECEIVED",
            case=reference,
            entity=form.entity.slug,
            by=DATA_SUBJECT,
            detail={"law": str(request.law), "promised_on": request.promised_on.isoformat()},
        )
    return Receipt(request=request, reference=reference, secret=secret)


def confirm(reference: str, code: str) -> ErasureRequest:
    """Consume the code and take the case to VERIFIED; the e-mail address it was sent to is proven by it."""
    return prove(reference, code).request


def prove(reference: str, code: str) -> Receipt:
    """The same, with the new secret: from now on the status page is for whoever controls the address.

    Who only filled in the form knows the old secret; it opens nothing any more.
    """
    with transaction.atomic():
        request = verification.redeem(reference, code)
        if request is not None and State(request.state) is State.RECEIVED:
            return confirmed(request, proven_by=ProvenBy.CODE)
        if request is not None:
            return renewed(request)
    raise NotAllowed(verification.WRONG, next_action="Check both, or ask for a new code.")


def renewed(request: ErasureRequest) -> Receipt:
    """A new secret for whoever lost theirs and controls the address; the old one opens nothing any more."""
    secret = verification.token(16)
    with transaction.atomic():
        request.secret_hash = verification.digest("secret", secret)
        request.save(update_fields=["secret_hash"])
        audit.record("secret.renewed", case=request.reference, entity=request.entity.slug, by=DATA_SUBJECT)
    return Receipt(request=request, reference=request.reference, secret=secret)


def send_code(reference: str) -> None:
    """Send a new code to the mailbox of a request, if there is such a request; says nothing either way."""
    request = ErasureRequest.objects.filter(reference=reference.strip().upper()).first()
    if request is None or not CaseKey.objects.filter(request=request, destroyed_at=None).exists():
        return
    with transaction.atomic():
        code = verification.issue(request, identifier_key=request.person_key)
        letter = Letter.ACKNOWLEDGED if State(request.state) is State.RECEIVED else Letter.CODE
        notices.owe(request, letter, only_here={"code": code})


def confirmed(request: ErasureRequest, *, proven_by: ProvenBy) -> Receipt:
    """The address that gets the letters is proven: the case is VERIFIED, and a new secret replaces the filer's."""
    secret = verification.token(16)
    with transaction.atomic():
        proofs.mark(request, [request.person_key], proven_by=proven_by)
        key = vault.case_key(request)
        content = vault.decrypt(key, request.sealed)
        content.setdefault("contact", {"value": forms.contact_of(content)})["proven"] = True
        request.sealed = vault.encrypt(key, content)
        request.secret_hash = verification.digest("secret", secret)
        request.verified_at = timezone.now()
        request.save(update_fields=["sealed", "secret_hash", "verified_at"])
        moved = move(request, to=State.VERIFIED, by=DATA_SUBJECT)
    return Receipt(request=moved, reference=request.reference, secret=secret)


def move(
    request: ErasureRequest, *, to: State, by: User | str, reason: str = "", letter: Letter | None = None
) -> ErasureRequest:
    """Move a case: check the table, write row, event, next job and letter in one transaction.

    ``letter`` takes the place of the table's, where the table allows it (``instead``).
    """
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
            notices.owe(fresh, letter if letter in row.instead and letter else row.letter)
        if to in (State.WITHDRAWN, State.LAPSED):
            jobs.cancel_live(fresh.pk, reason="The case ended before this work was due.")
        if before is State.VERIFIED:
            attachments.destroy_shown(fresh)
        retention.note(fresh)
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
