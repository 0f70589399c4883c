"""What a letter says, gathered from the case: one function per letter, plain facts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from compliance.evidence import claiming
from compliance.intake import vault
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.mitigation.models import Leftover, Plan, Step
from compliance.rules import claims as claim_rules
from compliance.rules.jurisdictions import load as jurisdiction
from compliance.rules.sentences import day_in_words
from compliance.rules.terms import Exemption, Ground, Letter, StepStatus

Facts = dict[str, Any]


def letter_facts(
    request: ErasureRequest, letter: Letter, *, links: Mapping[str, str], only_here: Mapping[str, Any]
) -> Facts:
    """Everything the letter must say; the letter itself refuses to be written while a part is missing."""
    with override(request.language):
        common = _common(request, links)
        return {**common, **_BY_LETTER[letter](request, {**links, **only_here})}


def _common(request: ErasureRequest, links: Mapping[str, str]) -> Facts:
    entity = request.entity
    return {
        "reference": request.reference,
        "entity": entity.name,
        "contact": entity.contact,
        "authority": entity.authority,
        "law": request.law,
        "name": vault.opened(request)["name"],
        "status_url": links["status"],
        "court": _("the courts of the country where you live, or where we are established"),
    }


def _local(request: ErasureRequest, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(request.entity.time_zone)).date()


def _acknowledged(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {
        "received_on": _local(request, request.received_at),
        "expected_on": request.promised_on,
        "confirm_url": here.get("confirm", ""),
        "confirm_code": here.get("code", ""),
        "verification": _("you show that you control the address this letter was sent to"),
    }


def _accepted(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    decision = _last(request, DecisionKind.ACCEPT)
    at = decision.at if decision else timezone.now()
    ground = Ground(decision.ground).label if decision else ""
    return {"accepted_on": _local(request, at), "article": ground, "promised_on": request.promised_on}


def _extended(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    from compliance.intake.services import clock_of

    return {
        "reasons": [str(here.get("reasons", ""))],
        "new_date": request.promised_on,
        "first_period_ends": clock_of(request, extended=False).nominal,
        "sent_on": _local(request, timezone.now()),
    }


def _refused(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    decision = _last(request, DecisionKind.REFUSE)
    return {
        "reasons": [decision.reason] if decision else [],
        "article": Exemption(decision.exemption).label if decision else "",
        "rest": _("nothing else was asked"),
        "review_on": decision.review_on or _local(request, decision.at).replace(year=decision.at.year + 1)
        if decision
        else None,
        "no_other_use": _("it is kept for this purpose only"),
        "court": getattr(jurisdiction(request.law), "AUTHORITY_REMEDY", "")
        or _common(request, {"status": ""})["court"],
    }


def _withdrawn(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {"withdrawn_on": _local(request, timezone.now())}


def _lapsed(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {"lapsed_on": _local(request, timezone.now()), "form_url": here["status"].removesuffix("status/")}


def _outcome(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    plan = Plan.objects.filter(request=request, round=request.round).order_by("-number").first()
    if plan is None:
        return {}
    language = request.language if request.language in claim_rules.LANGUAGES else "en"
    found = claiming.claims_of(request, plan)
    return {
        "actions": _actions(plan) or [_("we looked in every registered place and found nothing to erase")],
        "claims": claiming.texts(found, language) or [_("no place holds data that we could tie to you")],
        "remains": _remains(plan, language),
        "recipients": _told(plan),
        "prevention": _("keyed fingerprints of what was erased are checked before new training and after restores"),
        "residual_risk": _risk(found, language),
    }


_BY_LETTER: Mapping[Letter, Callable[[ErasureRequest, Mapping[str, Any]], Facts]] = {
    Letter.ACKNOWLEDGED: _acknowledged,
    Letter.ACCEPTED: _accepted,
    Letter.EXTENDED: _extended,
    Letter.OUTCOME: _outcome,
    Letter.REFUSED: _refused,
    Letter.WITHDRAWN: _withdrawn,
    Letter.LAPSED: _lapsed,
}


def _last(request: ErasureRequest, kind: DecisionKind) -> Decision | None:
    return request.decisions.filter(kind=kind).order_by("-id").first()


def _actions(plan: Plan) -> list[str]:
    """What was done, one sentence a step that is done; what is open is no action."""
    words = {
        "erase_records": _("%(count)s records erased from %(name)s"),
        "redact_records": _("your data blanked in %(count)s records of other people in %(name)s"),
        "rebuild_index": _("%(count)s entries taken out of %(name)s, which was written anew"),
        "purge_cache": _("%(count)s stored answers removed from %(name)s"),
        "purge_log": _("%(count)s entries removed from %(name)s"),
        "replay_model": _("%(name)s trained again from its recorded run, without your data"),
        "unlearn_model": _("%(name)s changed so that it does not give your data"),
        "exclude_from_training": _("fingerprints written that keep your data in %(name)s from coming back"),
    }
    done = plan.steps.filter(status=StepStatus.DONE, action__in=words).select_related("artifact").order_by("order")
    return [
        words[step.action] % {"count": _count(step), "name": step.artifact.name if step.artifact else ""}
        for step in done
    ]


def _count(step: Step) -> int:
    receipt = step.receipt or {}
    return int(receipt.get("removed", 0)) + int(receipt.get("redacted", 0)) or step.count


def _remains(plan: Plan, language: str) -> list[str]:
    rows = Leftover.objects.filter(step__plan=plan, gone_at=None).select_related("step__artifact")
    said = [
        (_("an encrypted safety copy of what was removed from %(name)s") if row.kind == "undo" else
         _("the replaced version of %(name)s, out of service")) % {"name": row.step.artifact.name if row.step.artifact else ""}
        + ", " + _("until %(day)s") % {"day": day_in_words(row.goes_on, language)}
        for row in rows
    ]  # fmt: skip
    open_steps = plan.steps.filter(status__in=[StepStatus.WAITING, StepStatus.FAILED, StepStatus.UNKNOWN])
    said += [
        _("not finished yet: %(step)s (%(name)s)") % {"step": _step_words(step), "name": step.artifact.name}
        for step in open_steps.select_related("artifact")
        if step.artifact
    ]
    return said


def _step_words(step: Step) -> str:
    words = {"notify_recipients": _("telling those who received the data"), "forward_to_controller": _("passing it on")}
    return words.get(step.action, step.action.replace("_", " "))


def _told(plan: Plan) -> list[str]:
    steps = plan.steps.filter(action="notify_recipients").select_related("artifact")
    return [
        _("%(who)s (asked to erase; their answer is not here yet)") % {"who": recipient}
        for step in steps
        if step.artifact
        for recipient in step.artifact.recipients
    ]


def _risk(found: list[tuple[Any, Any]], language: str) -> str:
    """What is limited about the claims, each said once."""
    notes = [text for _artifact, claim in found for text in claim_rules.sentences(claim, language)[1:]]
    return " ".join(dict.fromkeys(notes)) or _("we know of no remaining risk beyond what is listed above")
