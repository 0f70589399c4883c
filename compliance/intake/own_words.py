"""Words that an officer adds to a letter of a case: written before it goes, sealed, and gone into that one letter."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.intake.papers import OwnWords
from compliance.rules import own_words as rules
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Letter, Role, State

_ENDED = (State.WITHDRAWN, State.LAPSED)


def write(request: ErasureRequest, letter: Letter, *, text: str, by: User) -> OwnWords:
    """Put words into the next letter of this kind, in place of those written before; the log says that, never what."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if State(request.state) in _ENDED:
        raise IllegalMove("This case has ended: no letter is still to come.")
    sealed = vault.encrypt(vault.case_key(request), {"paragraphs": rules.paragraphs(letter, text)})
    with transaction.atomic():
        row, _ = OwnWords.objects.update_or_create(
            request=request, kind=letter, defaults={"sealed": sealed, "by": by, "at": timezone.now()}
        )
        _log(request, letter, "written", by.get_username())
    return row


def take_back(request: ErasureRequest, letter: Letter, *, by: User) -> bool:
    """Leave the next letter of this kind as its template has it; False when nothing was written."""
    accounts.require(by, request.entity, [Role.OFFICER])
    with transaction.atomic():
        gone, _ = OwnWords.objects.filter(request=request, kind=letter).delete()
        if gone:
            _log(request, letter, "taken_back", by.get_username())
    return bool(gone)


def of(request: ErasureRequest, letter: Letter) -> list[str]:
    """The paragraphs that the next letter of this kind gets; none when nothing was written."""
    row = OwnWords.objects.filter(request=request, kind=letter, sealed__isnull=False).first()
    if row is None or row.sealed is None:
        return []
    return [str(part) for part in vault.decrypt(vault.case_key(request), bytes(row.sealed))["paragraphs"]]


def gone_out(request: ErasureRequest, letter: Letter) -> bool:
    """The letter was sent: its words stand in it, sealed, and nowhere else. Returns whether it had any."""
    return bool(OwnWords.objects.filter(request=request, kind=letter).delete()[0])


def _log(request: ErasureRequest, letter: Letter, what: str, by: str) -> None:
    audit.record(
        f"letter.words_{what}",
        case=request.reference,
        entity=request.entity.slug,
        by=by,
        detail={"letter": str(letter)},
    )
