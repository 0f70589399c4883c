"""What officers, approvers and the person decide; each decision is a row, an event and perhaps a move."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.intake import clocks, notices, services, vault
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.intake.reasons import Reasons, check_open, needs_a_day, of_its_laws, today, write
from compliance.intake.standing import EVERYWHERE, standing, taken_up
from compliance.rules.asking import Wish
from compliance.rules.errors import IllegalMove, InvalidInput, PlanChanged, SecondPersonNeeded
from compliance.rules.terms import Letter, Role, State

__all__ = [
    "Reasons",
    "accept",
    "approve",
    "challenge",
    "endorsement",
    "extend",
    "keep",
    "look_again",
    "refuse",
    "sign_off",
    "withdraw",
]
# The states in which an answer is still owed, so that there is a date to move.
_UNANSWERED = frozenset(State) - {
    State.ANSWERED,
    State.REFUSED,
    State.FORWARDED,
    State.CLOSED,
    State.WITHDRAWN,
    State.LAPSED,
}


def accept(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Accept the request on a ground; the trace starts."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if reasons.ground is None:
        raise InvalidInput("Accepting a request needs a ground.", next_action="Choose the article it rests on.")
    of_its_laws(request, reasons)
    _wishes_for_it(request)
    with transaction.atomic():
        _held_in(request, State.VERIFIED, what="Accepting a request: only one that waits for this decision can be.")
        decision = write(request, DecisionKind.ACCEPT, by, reasons)
        services.move(request, to=State.ACCEPTED, by=by)
    return decision


def _held_in(request: ErasureRequest, *states: State, what: str) -> ErasureRequest:
    """The case as it is now, held until the transaction ends; IllegalMove when it stands elsewhere.

    The table says what may follow a state, whoever asks; which verb may ask for it stands here.
    """
    held = ErasureRequest.objects.select_for_update().get(pk=request.pk)
    if State(held.state) not in states:
        raise IllegalMove(f"{what} This one is {State(held.state).label.lower()}.")
    return held


def _wishes_for_it(request: ErasureRequest) -> None:
    """Raise InvalidInput when acceptance would delete what the person only asked not to train on, or not to say.

    The form promises that these wishes delete nothing; a restriction of every place carries them out.
    """
    wishes = vault.opened(request).get("wishes") or [Wish.ERASE]
    if Wish.ERASE not in wishes and EVERYWHERE not in standing(request).restricted:
        raise InvalidInput(
            "The person did not ask for erasure, only that the data is not trained on or not said.",
            next_action="Restrict it in every place first: it is then kept out of training and answers, and nothing is "
            "deleted. Who wants erasure after all sends a request that says so.",
        )


def refuse(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Refuse the request: an exemption and reasons are owed (GDPR Art. 12(4), 17(3); LGPD Art. 18 §4)."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if reasons.exemption is None or not reasons.reason.strip():
        raise InvalidInput(
            "A refusal needs an exemption and reasons.", next_action="Name the article and write why it applies."
        )
    of_its_laws(request, reasons)
    needs_a_day(reasons, what="A refusal", on=today(request))
    with transaction.atomic():
        decision = write(request, DecisionKind.REFUSE, by, reasons)
        services.move(request, to=State.REFUSED, by=by)
    return decision


def keep(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Keep one artifact under an exemption: a partial refusal that the plan respects."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if reasons.exemption is None or not reasons.artifact or not reasons.reason.strip():
        raise InvalidInput(
            "Keeping an artifact needs the artifact, an exemption and reasons.", next_action="Fill in all three."
        )
    of_its_laws(request, reasons)
    check_open(request)
    return write(request, DecisionKind.KEEP, by, reasons)


def extend(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Extend the deadline once, inside the first period, with reasons (GDPR Art. 12(3))."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.reason.strip():
        raise InvalidInput("An extension needs reasons.", next_action="Write why the request is complex.")
    last_day = clocks.extend_by(request)
    if last_day is None:
        raise IllegalMove(
            "None of the laws of this case knows an extension.", next_action="Answer the request; the date holds."
        )
    with transaction.atomic():
        held = ErasureRequest.objects.select_for_update().get(pk=request.pk)
        if State(held.state) not in _UNANSWERED or held.extended or today(request) > last_day:
            raise IllegalMove(
                "A deadline can be extended once, while the request is open, and only before it has passed.",
                next_action="Answer the request.",
            )
        decision = write(request, DecisionKind.EXTEND, by, reasons)
        request.extended = True
        services.set_clock(request)
        request.save(update_fields=["extended", "nominal_on", "conservative_on", "promised_on"])
        notices.owe(request, Letter.EXTENDED, only_here={"reasons": reasons.reason})
    return decision


def approve(request: ErasureRequest, *, by: User, plan_digest: str, current_digest: str) -> Decision:
    """Endorse (officer), then approve (a second person): both bound to the digest of the plan they read."""
    if State(request.state) is not State.PLANNED:
        raise IllegalMove("Only a planned case can be approved.")
    if plan_digest != current_digest:
        raise PlanChanged("The plan changed since it was shown.", next_action="Read it again, then decide.")
    first = endorsement(request, plan_digest)
    if first is None:
        accounts.require(by, request.entity, [Role.OFFICER])
        return write(request, DecisionKind.ENDORSE, by, Reasons(), plan_digest=plan_digest)
    accounts.require(by, request.entity, [Role.APPROVER])
    if first.by_id == by.pk:
        raise SecondPersonNeeded("The plan was endorsed by the same person.")
    with transaction.atomic():
        decision = write(request, DecisionKind.APPROVE, by, Reasons(), plan_digest=plan_digest)
        services.move(request, to=State.APPROVED, by=by, reason=f"plan {plan_digest[:12]}")
    return decision


def endorsement(request: ErasureRequest, plan_digest: str) -> Decision | None:
    """The endorsement that waits for a second person: of this plan, in this round, and not used up by an approval.

    A plan whose proof failed comes back unchanged; then two people read it again, knowing what failed.
    """
    said = request.decisions.filter(kind__in=(DecisionKind.ENDORSE, DecisionKind.APPROVE), round=request.round)
    last = said.order_by("-id").first()
    return last if last and last.kind == DecisionKind.ENDORSE and last.plan_digest == plan_digest else None


def look_again(request: ErasureRequest, *, by: User, reason: str) -> Decision:
    """Send a planned case back to the trace; nothing else starts a search, and this accepts no request."""
    accounts.require(by, request.entity, [Role.OFFICER, Role.APPROVER])
    with transaction.atomic():
        _held_in(request, State.PLANNED, what="Searching again: only a case whose plan is not approved can be.")
        decision = write(request, DecisionKind.LOOK_AGAIN, by, Reasons(reason=reason))
        services.move(request, to=State.ACCEPTED, by=by)
    return decision


def sign_off(request: ErasureRequest, *, by: User, reason: str = "") -> Decision:
    """Sign the evidence off: the outcome letter goes out."""
    accounts.require(by, request.entity, [Role.OFFICER])
    with transaction.atomic():
        decision = write(request, DecisionKind.SIGN_OFF, by, Reasons(reason=reason))
        services.move(request, to=State.ANSWERED, by=by)
    return decision


def withdraw(request: ErasureRequest) -> Decision:
    """The person takes the request back, while nothing has been erased."""
    with transaction.atomic():
        decision = write(request, DecisionKind.WITHDRAW, None, Reasons())
        services.move(request, to=State.WITHDRAWN, by=services.DATA_SUBJECT)
    return decision


def challenge(request: ErasureRequest, *, reason: str) -> Decision:
    """The person says that it is still there: the case is looked at again.

    What was refused or forwarded goes back to the officer, who decides anew: a challenge accepts nothing by itself.
    """
    with transaction.atomic():
        # Held first: of two, a case is either forgotten or reopened, never reopened without its key.
        held = _held_in(request, State.ANSWERED, State.CLOSED, what="Challenging an answer: there is none yet.")
        # The person's own words may name what they still see: they are sealed with the case, not written to the log.
        key = vault.case_key(held)
        content = vault.decrypt(key, held.sealed)
        content.setdefault("challenges", []).append({"at": timezone.now().isoformat(), "words": reason[:4000]})
        request.sealed = vault.encrypt(key, content)
        request.save(update_fields=["sealed"])
        decision = write(request, DecisionKind.CHALLENGE, None, Reasons(reason="challenged by the data subject"))
        to = State.ACCEPTED if taken_up(request) else State.VERIFIED
        services.move(request, to=to, by=services.DATA_SUBJECT, reason="challenged")
    return decision
