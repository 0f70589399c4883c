"""What a letter says, gathered from the case: one function per letter, plain facts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from compliance.evidence import deciding_facts, letters, unfinished
from compliance.evidence.phrases import known, phrase
from compliance.intake import own_words, vault
from compliance.intake.clocks import clock_of, extend_by, laws_of
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.intake.recipients import FORWARDED
from compliance.mitigation import carried
from compliance.mitigation.models import Leftover, Plan, Step
from compliance.provenance import services as provenance
from compliance.provenance.classifiers import IMAGES
from compliance.provenance.connectors.pictures.people import PREFIX as LINES
from compliance.provenance.looking import TEXTS
from compliance.provenance.models import Artifact
from compliance.rules import claims as claim_rules
from compliance.rules.proof import Claim
from compliance.rules.sentences import article, day_in_words
from compliance.rules.terms import ClaimLevel, Ground, IdentifierKind, Letter, StepStatus, Support, Told
from compliance.rules.thresholds import BY_JOB
from compliance.validation import claiming

Facts = dict[str, Any]


def letter_facts(
    request: ErasureRequest, letter: Letter, *, links: Mapping[str, str], only_here: Mapping[str, Any]
) -> Facts:
    """Everything the letter must say; the letter itself refuses to be written while a part is missing."""
    said = {**_common(request, links), **_BY_LETTER[letter](request, {**links, **only_here})}
    return {**said, "own_words": own_words.of(request, letter)}


def _common(request: ErasureRequest, links: Mapping[str, str]) -> Facts:
    entity = request.entity
    return {
        "reference": request.reference,
        "entity": entity.name,
        "contact": entity.contact,
        "authority": entity.authority,
        "law": request.law,
        "laws": [str(law) for law in laws_of(request)],
        # Whoever types somebody else's address types the name too: until it is confirmed, none of their words go there.
        "name": vault.opened(request)["name"] if request.verified_at else "",
        "status_url": links["status"],
        "court": deciding_facts.court(request),
    }


def _local(request: ErasureRequest, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(request.entity.time_zone)).date()


def _acknowledged(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {
        "received_on": _local(request, request.received_at),
        "expected_on": request.promised_on,
        "confirm_url": here.get("confirm", ""),
        "confirm_code": here.get("code", ""),
        "verification": phrase("verification", spoken(request)),
    }


def _code(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {"confirm_code": here.get("code", "")}


def _accepted(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    decision = _last(request, DecisionKind.ACCEPT)
    at = decision.at if decision else timezone.now()
    ground = article(Ground(decision.ground), spoken(request)) if decision else ""
    return {"accepted_on": _local(request, at), "article": ground, "promised_on": request.promised_on}


def _extended(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {
        "reasons": [str(here.get("reasons", ""))],
        "new_date": request.promised_on,
        "first_period_ends": extend_by(request) or clock_of(request, extended=False).nominal,
        "sent_on": _local(request, timezone.now()),
    }


def _withdrawn(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {"withdrawn_on": _local(request, timezone.now())}


def _lapsed(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    return {"lapsed_on": _local(request, timezone.now()), "form_url": here["status"].removesuffix("status/")}


def _outcome(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    plan = Plan.objects.filter(request=request, round=request.round).order_by("-number").first()
    if plan is None:
        return {}
    language = spoken(request)
    found = claiming.claims_of(request, plan)
    told = _told(plan, language)
    return {
        "actions": _actions(carried.plans_since_answer(plan), language)
        or [phrase("decided" if found else "searched", language)],
        "claims": claiming.texts(found, language) or [phrase("no_claim", language)],
        "kept": _kept(request, found, language),
        "others": declined(request, language),
        "remains": _remains(plan, language),
        "recipients": told,
        "untold": not told and any(artifact.recipients for artifact, _ in found),
        "looked": _looked(request, language),
        "prevention": phrase("prevention" if _excluded(carried.plans_since_answer(plan)) else "search_again", language),
        "case_file": phrase("case_file", language, days=settings.OUBLI_RETENTION_DAYS),
        "residual_risk": _risk(found, language),
    }


def _looked(request: ErasureRequest, language: str) -> str:
    """What was looked for, and what that cannot find: a claim reaches no further than the search did."""
    held = {str(needle["kind"]) for needle in vault.opened(request).get("needles", [])}
    kinds = [phrase(f"kind:{kind}", language) for kind in IdentifierKind if kind in held]
    told = "looked_by_name" if IdentifierKind.NAME in held else "looked_without_name"
    said = [phrase("looked", language, kinds=", ".join(kinds))] if kinds else []
    return " ".join([*said, phrase(told, language), phrase("left_alone", language)])


def spoken(request: ErasureRequest) -> str:
    """The language of the letters of a case: the person's, or English where letters have no such language."""
    return letters.spoken(request.language)


def _kept(request: ErasureRequest, found: list[tuple[Artifact, Claim]], language: str) -> list[str]:
    """The officer's reason for every place that is kept, and the day on which it is looked at again."""
    said = []
    for artifact, claim in found:
        kinds = (DecisionKind.KEEP, DecisionKind.HOLD, DecisionKind.RESTRICT)
        row = request.decisions.filter(kind__in=kinds, artifact__in=(artifact.slug, "")).order_by("-id").first()
        if claim.level is not ClaimLevel.KEPT or row is None:
            continue
        day = day_in_words(row.review_on, language) if row.review_on else ""
        key = "kept_until" if day else "kept_because"
        said.append(phrase(key, language, name=artifact.name, reason=row.reason, day=day))
    return said


def declined(request: ErasureRequest, language: str) -> list[str]:
    """What looked like the person's text or picture and was left, because an officer said that it is not: by place.

    What only bears the same name, or a detail that is not proven, is neither placed nor counted: whoever proves a
    mailbox alone would learn where records of that name are held.
    """
    said = []
    for artifact, text, count in provenance.declined(request):
        parts = {"declined_text": count} if text else {}
        if artifact.connector == IMAGES:
            parts = {"declined_pictures": count} if text else _declined_pictures(request, artifact)
        said += [phrase(key, language, name=artifact.name, count=number) for key, number in parts.items() if number]
    return said


def left_by_name(request: ErasureRequest) -> list[tuple[str, int]]:
    """Places with records that only bear the person's name, or an unproven detail, and how many: not for letters."""
    every = [row for row, _ in provenance.opened_traces(request) if row.candidate and not row.ticked]
    said = []
    for artifact, text, count in provenance.declined(request):
        pictures = sum(row.artifact_id == artifact.pk and row.support == Support.NAME for row in every)
        number = 0 if text else pictures if artifact.connector == IMAGES else count
        said += [(artifact.name, number)] if number else []
    return said


def _declined_pictures(request: ErasureRequest, artifact: Artifact) -> dict[str, int]:
    """Pictures that were left, and lines that name others too and still stand."""
    every = ((row, str(content["record"])) for row, content in provenance.opened_traces(request))
    left = [(row, name) for row, name in every if row.artifact_id == artifact.pk and row.candidate and not row.ticked]
    others = [name for row, name in left if row.support not in (*TEXTS, Support.NAME)]
    lines = sum(name.startswith(LINES) for name in others)
    return {"declined_pictures": len(others) - lines, "declined_lines": lines}


def _excluded(plans: list[Plan]) -> bool:
    return Step.objects.filter(plan__in=plans, action="exclude_from_training", status=StepStatus.DONE).exists()


_BY_LETTER: Mapping[Letter, Callable[[ErasureRequest, Mapping[str, Any]], Facts]] = {
    Letter.ACKNOWLEDGED: _acknowledged,
    Letter.CODE: _code,
    Letter.ACCEPTED: _accepted,
    Letter.EXTENDED: _extended,
    Letter.OUTCOME: _outcome,
    Letter.REFUSED: deciding_facts.refused,
    Letter.IDENTITY: deciding_facts.identity,
    Letter.UNIDENTIFIED: deciding_facts.unidentified,
    Letter.FORWARDED: deciding_facts.forwarded,
    Letter.HELD: deciding_facts.held,
    Letter.RESUMED: deciding_facts.resumed,
    Letter.RESTRICTED: deciding_facts.restricted,
    Letter.WITHDRAWN: _withdrawn,
    Letter.LAPSED: _lapsed,
}


def _last(request: ErasureRequest, kind: DecisionKind) -> Decision | None:
    return request.decisions.filter(kind=kind).order_by("-id").first()


def _actions(plans: list[Plan], language: str) -> list[str]:
    """What was done, one sentence for an action at a place; what is open is no action.

    A plan that took over from another does the same steps again and finds nothing left: their counts are one.
    """
    done = Step.objects.filter(plan__in=plans, status=StepStatus.DONE, artifact__isnull=False).select_related(
        "artifact"
    )
    counts: dict[tuple[str, str], int] = {}
    for step in done.order_by("plan__number", "order"):
        if step.artifact and known(step.action):
            place = _done_key(step), step.artifact.name
            changed = "removed" in (step.receipt or {})
            counts[place] = counts.get(place, 0) + _count(step) if changed else max(counts.get(place, 0), _count(step))
    said = [phrase(key, language, name=name, count=count) for (key, name), count in counts.items()]
    return list(dict.fromkeys(said))


def _done_key(step: Step) -> str:
    """What was done; a model that a job trained again has no recorded run to speak of."""
    by_job = f"{step.action}:job"
    return by_job if step.artifact and step.artifact.connector in BY_JOB and known(by_job) else step.action


def _count(step: Step) -> int:
    receipt = step.receipt or {}
    if "removed" in receipt:  # what was really done, also when that is less than what was planned
        return int(receipt["removed"]) + int(receipt.get("redacted", 0))
    return step.count


def _remains(plan: Plan, language: str) -> list[str]:
    left = Leftover.objects.filter(step__plan__request=plan.request_id, gone_at=None)  # of earlier rounds as well
    rows = left.select_related("step__artifact").order_by("id")
    said = [
        phrase(row.kind, language, name=row.step.artifact.name, day=day_in_words(row.goes_on, language))
        for row in rows
        if row.step.artifact
    ]
    opened = (StepStatus.WAITING, StepStatus.FAILED, StepStatus.UNKNOWN)
    said += [
        phrase("open", language, step=_step_words(step, language), name=step.artifact.name)
        for step in (*carried.steps_before(plan), *plan.steps.select_related("artifact"))
        if step.artifact and step.status in opened
    ]
    return list(dict.fromkeys(said))


def _step_words(step: Step, language: str) -> str:
    key = f"open:{step.action}"
    return phrase(key, language) if known(key) else unfinished.in_words(step.action, language)


def _told(plan: Plan, language: str) -> list[str]:
    """Those who were really told, and how far each is; who is still to be told stands among what remains."""
    rows = plan.request.recipients.exclude(state=Told.TO_TELL).exclude(article=FORWARDED)
    said = []
    for row in rows:
        key = "told" if row.state == Told.REQUESTED else f"told_{row.state}"
        when = row.verified_at or row.confirmed_at
        day = day_in_words(when.date(), language) if when else ""
        said.append(phrase(key, language, name=row.name, day=day))
    return list(dict.fromkeys(said))


def _risk(found: list[tuple[Artifact, Claim]], language: str) -> str:
    """What is limited about the claims, each said once."""
    notes = [text for _, claim in found for text in claim_rules.sentences(claim, language)[1:]]
    return " ".join(dict.fromkeys(notes)) or phrase("no_risk", language)
