"""What the letters about an officer's decision say: refusal, identity, hold, restriction, forward."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from compliance.evidence import letters, remedies
from compliance.evidence.phrases import phrase
from compliance.intake.clocks import clock_of
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.provenance.models import Artifact
from compliance.rules.jurisdictions import load as jurisdiction
from compliance.rules.sentences import article, day_in_words
from compliance.rules.terms import Channel, Exemption, Law, Told

Facts = dict[str, Any]
_REFUSALS = (DecisionKind.REFUSE, DecisionKind.EXCESSIVE)


def refused(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """A refusal: under an exemption, or because the request is manifestly unfounded or excessive."""
    decision = last(request, *_REFUSALS)
    if decision is None:
        return {}
    return {
        "reasons": [text for text in (decision.reason, decision.detail) if text],
        "article": article_of(decision),
        "rest": phrase("nothing_else", _language(request)),
        "review_on": decision.review_on,
        "no_other_use": phrase("no_other_use", _language(request)),
        "court": court(request),
    }


def identity(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """Why there is doubt, the least that would help, that it is destroyed, and what becomes of the date."""
    decision, language = last(request, DecisionKind.PAUSE), _language(request)
    if decision is None:
        return {}
    stops = jurisdiction(request.law).PAUSES
    day = day_in_words(clock_of(request, extended=request.extended).promised, language)
    return {
        "reasons": [decision.reason],
        "asked": decision.detail,
        "destroyed": phrase("destroyed", language),
        "effect": phrase("pause_counts" if stops else "pause_does_not_count", language, day=day),
    }


def unidentified(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """Why nobody could be identified, and what would help (GDPR Art. 11(2), 12(2))."""
    decision = last(request, DecisionKind.UNIDENTIFIED)
    if decision is None:
        return {}
    return {
        "reasons": [decision.reason],
        "would_help": decision.detail,
        "article": article_of(decision),
        "court": court(request),
    }


def forwarded(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """To whom the request went, and when (GDPR Art. 28(3)(e); LGPD Art. 18 §4 I)."""
    decision = last(request, DecisionKind.FORWARD)
    if decision is None:
        return {}
    return {
        "controller": decision.detail,
        "forwarded_on": _local(request, decision.at),
        "told": _reached(request, decision.detail),
        "article": article_of(decision),
    }


def _reached(request: ErasureRequest, controller: str) -> bool:
    """Whether our message is under way to the controller, or somebody told them by hand."""
    row = request.recipients.filter(name=controller[:300]).first()
    return row is not None and not (Channel(row.channel) is Channel.BY_HAND and Told(row.state) is Told.TO_TELL)


def held(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """What is held, why, and the day on which the request goes on by itself."""
    decision = last(request, DecisionKind.HOLD)
    if decision is None:
        return {}
    return {
        "places": _places(decision),
        "reasons": [decision.reason],
        "article": article_of(decision),
        "review_on": decision.review_on,
    }


def resumed(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """That the hold has ended, where, and when."""
    decision = last(request, DecisionKind.RELEASE)
    return {"places": _places(decision), "resumed_on": _local(request, decision.at)} if decision else {}


def restricted(request: ErasureRequest, here: Mapping[str, Any]) -> Facts:
    """What is kept without being used, as the person chose (GDPR Art. 18)."""
    decision = last(request, DecisionKind.RESTRICT)
    if decision is None:
        return {}
    return {"places": _places(decision), "reasons": [decision.reason], "article": article_of(decision)}


def last(request: ErasureRequest, *kinds: DecisionKind) -> Decision | None:
    """The newest decision of these kinds."""
    return request.decisions.filter(kind__in=kinds).order_by("-id").first()


def article_of(decision: Decision) -> str:
    """The article that a decision rests on, in the letter's language."""
    language, law = _language(decision.request), Law(decision.request.law)
    if decision.exemption:
        return article(Exemption(decision.exemption), language)
    name = "forward" if decision.kind == DecisionKind.FORWARD else decision.kind
    suffix = f"_{law}" if law in (Law.LGPD, Law.CCPA) and not (name == "forward" and law is Law.CCPA) else ""
    return phrase(f"{name}_article{suffix}", language)


def court(request: ErasureRequest) -> str:
    """Where somebody may go who does not agree, beside the authority: a sentence."""
    return remedies.court(Law(request.law), _language(request))


def _places(decision: Decision) -> list[str]:
    if not decision.artifact:
        return [phrase("every_place", _language(decision.request))]
    found = Artifact.objects.filter(slug=decision.artifact).values_list("name", flat=True)
    return list(found) or [decision.artifact]


def _language(request: ErasureRequest) -> str:
    return letters.spoken(request.language)


def _local(request: ErasureRequest, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(request.entity.time_zone)).date()
