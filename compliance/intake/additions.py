"""What the person adds to a request that is there already: words, clues, files, proofs, and what still shows the data.

Everything lies sealed with the case; the log says that something was added, never what.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake import addresses, attachments, decisions, identity, notices, proofs, vault, verification
from compliance.intake.form import LONGEST_CLUE, MOST_CLUES, Clue, Upload, contact_of
from compliance.intake.models import Decision, ErasureRequest
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed
from compliance.rules.terms import IdentifierKind, Letter, State

ENDED = (State.CLOSED, State.WITHDRAWN, State.LAPSED, State.REFUSED)
MOST_ADDITIONS = 20
MOST_PROBES = 20


def add(request: ErasureRequest, *, words: str = "", clue: Clue | None = None, upload: Upload | None = None) -> None:
    """Add words, one clue and one file; InvalidInput when all three are missing or there is too much already."""
    if State(request.state) in ENDED:
        raise IllegalMove("Adding to a request: it has ended.", next_action="Send a new request.")
    if not (words.strip() or clue or upload):
        raise InvalidInput("Adding to a request: nothing was given.", next_action="Write something, or add a file.")
    with transaction.atomic():
        key, content = _locked(request)
        said: list[dict[str, str]] = content.setdefault("additions", [])
        if len(said) >= MOST_ADDITIONS or (clue and len(content.setdefault("clues", [])) >= 2 * MOST_CLUES):
            raise InvalidInput("Adding to a request: it holds as much as it takes.", next_action="Write to the office.")
        if words.strip():
            said.append({"at": timezone.now().isoformat(), "words": words.strip()[:4000]})
        if clue:
            content.setdefault("clues", []).append({"kind": str(clue.kind), "value": clue.value[:LONGEST_CLUE]})
        _seal(request, key, content)
        if upload:
            attachments.add(request, upload)
        _log(request, "request.added_to", {"words": bool(words.strip()), "clue": bool(clue), "file": bool(upload)})


def challenge(request: ErasureRequest, *, words: str, probe: Clue) -> Decision:
    """The person still sees their data: what shows it is tried in every later validation, and the case reopens."""
    with transaction.atomic():
        key, content = _locked(request)
        probes: list[dict[str, Any]] = content.setdefault("probes", [])
        if len(probes) >= MOST_PROBES:
            raise InvalidInput("Challenging an answer: this case has as many probes as it takes.")
        probes.append({"kind": str(probe.kind), "value": probe.value[:LONGEST_CLUE], "round": request.round + 1})
        _seal(request, key, content)
        _log(request, "probe.added", {"kind": str(probe.kind), "probes": len(probes)})
        return decisions.challenge(request, reason=words)


def send_code(request: ErasureRequest, place: int) -> None:
    """Send a code to one of the request's other e-mail addresses; only whoever opened the request can type it in.

    NotAllowed while the address that gets the letters is not proven: a stranger who fills in a form cannot make us
    write to all whom they name.
    """
    kind, value = proofs.value_at(request, place)
    if request.verified_at is None or State(request.state) not in proofs.OPEN:
        raise NotAllowed("Sending a code: the request is not confirmed, or its plan is approved already.")
    if kind is not IdentifierKind.EMAIL:
        raise InvalidInput("Sending a code: it goes to an e-mail address only.")
    to, key = addresses.mailbox(value), identity.key_of(kind, value)
    with transaction.atomic():
        code = verification.issue(request, identifier_key=key)
        notices.owe(request, Letter.CODE, only_here={"code": code, "to": to, "key": key})


def prove(request: ErasureRequest, place: int, code: str) -> bool:
    """Type in the code that went to an identifier; False whatever was wrong."""
    kind, value = proofs.value_at(request, place)
    key = identity.key_of(kind, value)
    if not verification.redeem_identifier(request, code, identifier_key=key):
        return False
    proofs.mark(request, [key], proven_by=ProvenBy.CODE)
    return True


def is_contact(request: ErasureRequest, value: str) -> bool:
    """Whether an address is the one that gets the letters."""
    same = IdentifierKind.EMAIL
    return identity.frozen(same, value) == identity.frozen(same, contact_of(vault.opened(request)))


def _locked(request: ErasureRequest) -> tuple[bytes, dict[str, Any]]:
    fresh = ErasureRequest.objects.select_for_update().get(pk=request.pk)
    key = vault.case_key(fresh)
    return key, vault.decrypt(key, fresh.sealed)


def _seal(request: ErasureRequest, key: bytes, content: dict[str, Any]) -> None:
    request.sealed = vault.encrypt(key, content)
    request.save(update_fields=["sealed"])


def _log(request: ErasureRequest, kind: str, detail: dict[str, object]) -> None:
    audit.record(kind, case=request.reference, entity=request.entity.slug, by="data subject", detail=detail)
