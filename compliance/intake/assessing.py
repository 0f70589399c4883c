"""What the officer decides beside yes and no: role and hold per artifact, restriction, identity, forward, the way back.

Each is a decision with its author, reason and day, and where the person has to hear of it, a letter. What holds now is
read by ``standing``, and the plan respects it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.intake import clocks, notices, recipients, services
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.intake.reasons import Reasons, check_open, needs_a_day, of_its_laws, today, write
from compliance.intake.standing import standing, taken_up
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.rules.errors import IllegalMove, InvalidInput
from compliance.rules.terms import EntityRole, Exemption, JobStatus, Law, Letter, Role, State


def set_role(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Say what the entity is for one artifact in this case: controller, processor or joint controller."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if reasons.role is None or not reasons.artifact or not reasons.reason.strip():
        raise InvalidInput("A role needs the artifact, the role and reasons.", next_action="Fill in all three.")
    check_open(request)
    return write(request, DecisionKind.ROLE, by, reasons)


def set_laws(request: ErasureRequest, *, by: User, laws: Sequence[Law], reason: str) -> Decision:
    """Name the laws that run on the case, the leading one first; the clocks are set anew."""
    accounts.require(by, request.entity, [Role.OFFICER])
    known = [Law(law) for law in request.entity.laws]
    if not laws or not set(laws) <= set(known) or not reason.strip():
        raise InvalidInput(
            "Naming the laws of a case needs at least one of the legal entity's own, and reasons.",
            next_action="Choose among the laws that the legal entity is registered with.",
        )
    with transaction.atomic():
        words = f"{', '.join(law.label for law in laws)}: {reason}"
        decision = write(request, DecisionKind.LAWS, by, Reasons(reason=words))
        request.law, request.laws = laws[0], [str(law) for law in laws]
        clocks.set_clock(request)
        request.save(update_fields=["law", "laws", "nominal_on", "conservative_on", "promised_on"])
    return decision


def restrict(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Restrict instead of erasing, as the person chose: stored, and used for nothing (GDPR Art. 18)."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.reason.strip():
        raise InvalidInput("A restriction needs reasons.", next_action="Write what the person chose, and when.")
    check_open(request)
    with transaction.atomic():
        decision = write(request, DecisionKind.RESTRICT, by, replace(reasons, exemption=Exemption.RESTRICTION))
        notices.owe(request, Letter.RESTRICTED)
    return decision


def hold(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Put a legal hold on one artifact, or on all: an exemption with a letter, a day, and an end by itself."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if reasons.exemption is None or not reasons.reason.strip():
        raise InvalidInput("A hold needs an exemption and reasons.", next_action="Name the article and the proceeding.")
    of_its_laws(request, reasons)
    needs_a_day(reasons, what="A hold", on=today(request))
    check_open(request)
    with transaction.atomic():
        decision = write(request, DecisionKind.HOLD, by, reasons)
        notices.owe(request, Letter.HELD)
    return decision


def release(request: ErasureRequest, *, artifact: str, by: User | None, reason: str = "") -> Decision:
    """End a hold: by an officer, or by the calendar; an answered case is looked at again."""
    if by is not None:
        accounts.require(by, request.entity, [Role.OFFICER])
    if artifact not in standing(request).held:
        raise IllegalMove("There is no such hold on this case.")
    state = State(request.state)
    if state in _AT_WORK:
        raise IllegalMove(
            "The approved plan is being carried out, and keeps what was held.",
            next_action="End the hold once the case is answered, or send the case back to its plan first.",
        )
    goes_on = _goes_on(request, state)
    with transaction.atomic():
        decision = write(request, DecisionKind.RELEASE, by, Reasons(artifact=artifact, reason=reason))
        if goes_on:
            if state in (State.ANSWERED, State.CLOSED):
                services.move(request, to=State.ACCEPTED, by=by or services.SYSTEM, reason="The legal hold has ended.")
            notices.owe(request, Letter.RESUMED)
    return decision


_AT_WORK = (State.APPROVED, State.MITIGATED, State.VALIDATED)
_ENDED = (State.REFUSED, State.FORWARDED, State.WITHDRAWN, State.LAPSED)


def _goes_on(request: ErasureRequest, state: State) -> bool:
    """Whether the end of a hold lets the case go on: one that was refused or forwarded since has nothing to go on."""
    return taken_up(request) if state is State.CLOSED else state not in _ENDED


def pause(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Ask for the least that shows who somebody is: once, promptly, with the doubt in words (GDPR Art. 12(6))."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.reason.strip() or not reasons.detail.strip():
        raise InvalidInput(
            "Asking for identity needs the doubt and the least that would help.", next_action="Write both."
        )
    if State(request.state) is not State.VERIFIED or clocks.pauses_of(request):
        raise IllegalMove(
            "Identity can be asked for once, and only before the request is decided.", next_action="Decide on it."
        )
    with transaction.atomic():
        decision = write(request, DecisionKind.PAUSE, by, reasons)
        _reset(request)
        notices.owe(request, Letter.IDENTITY)
    return decision


def resume(request: ErasureRequest, *, by: User | None, reason: str) -> Decision:
    """Identity was shown, or is no longer doubted: the clocks go on, moved by what the law allows."""
    if by is not None:
        accounts.require(by, request.entity, [Role.OFFICER])
    found = clocks.pauses_of(request)
    if not found or found[-1].answered_on is not None:
        raise IllegalMove("Nothing about identity is open on this case.")
    with transaction.atomic():
        decision = write(request, DecisionKind.RESUME, by, Reasons(reason=reason))
        _reset(request)
    return decision


def _reset(request: ErasureRequest) -> None:
    clocks.set_clock(request)
    request.save(update_fields=["nominal_on", "conservative_on", "promised_on"])


def excessive(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Refuse a manifestly unfounded or excessive request; the burden of showing it is ours (GDPR Art. 12(5))."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.reason.strip() or not reasons.detail.strip():
        raise InvalidInput(
            "Calling a request excessive needs reasons, and what shows it.",
            next_action="Write how many requests came when, and what they had in common.",
        )
    needs_a_day(reasons, what="A refusal", on=today(request))
    with transaction.atomic():
        decision = write(request, DecisionKind.EXCESSIVE, by, reasons)
        services.move(request, to=State.REFUSED, by=by)
    return decision


def cannot_identify(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Say that nobody can tell which data is the person's, and what would help (GDPR Art. 11(2), 12(2))."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.reason.strip() or not reasons.detail.strip():
        raise InvalidInput("This needs reasons, and what would help to identify the person.")
    with transaction.atomic():
        decision = write(request, DecisionKind.UNIDENTIFIED, by, reasons)
        services.move(request, to=State.REFUSED, by=by, letter=Letter.UNIDENTIFIED)
    return decision


def forward(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Pass a processor's case on to the controller, who decides (GDPR Art. 28(3)(e); LGPD Art. 18 §4 I).

    ``detail`` names the controller as the letter says it.
    """
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reasons.detail.strip():
        raise InvalidInput("A forward needs the controller's name.", next_action="Name who decides about the data.")
    with transaction.atomic():
        decision = write(request, DecisionKind.FORWARD, by, replace(reasons, role=EntityRole.PROCESSOR))
        recipients.note(request, name=reasons.detail, article=recipients.FORWARDED)
        services.move(request, to=State.FORWARDED, by=by)
    return decision


def instruct(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """The controller has told its processor to erase: a forwarded case is taken up on its instruction."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not request.decisions.filter(kind=DecisionKind.FORWARD).exists() or not reasons.reason.strip():
        raise InvalidInput(
            "An instruction needs a case that was forwarded, and the words or number of the instruction.",
            next_action="Write who instructed, when, and under which reference.",
        )
    with transaction.atomic():
        decision = write(request, DecisionKind.INSTRUCT, by, reasons)
        services.move(request, to=State.ACCEPTED, by=by, reason="instructed by the controller")
    return decision


def back_to_plan(request: ErasureRequest, *, by: User, reason: str) -> Decision:
    """Send approved work that has stopped (a model that may not be promoted, say) back to the plan."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if not reason.strip():
        raise InvalidInput("Going back to the plan needs reasons.", next_action="Write what has to change.")
    if Job.objects.of(request.pk).filter(status=JobStatus.RUNNING).exists():
        raise IllegalMove("The work is running.", next_action="Wait until it has stopped or ended.")
    if State(request.state) is not State.APPROVED:
        raise IllegalMove("Only an approved case can go back to its plan.")
    with transaction.atomic():
        decision = write(request, DecisionKind.REPLAN, by, Reasons(reason=reason))
        services.move(request, to=State.PLANNED, by=by)
        jobs.cancel_live(request.pk, reason="An officer sent the case back to its plan.")
    return decision
