"""The assessment page: who we are for each artifact, what is kept and until when, what stops or ends the case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from compliance.accounts import services as accounts
from compliance.intake import clocks
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.intake.standing import EVERYWHERE, Standing, standing
from compliance.provenance.models import Artifact
from compliance.rules.deadlines import Clock
from compliance.rules.terms import EntityRole, Exemption, Law, Role, State
from compliance.web import assessment_forms as forms
from compliance.web import looks
from compliance.web.decision_forms import DecisionForm, Keep
from compliance.web.staff import case_or_404, desk, member, staff

_OPEN = (State.VERIFIED, State.ACCEPTED, State.TRACED, State.PLANNED)


@dataclass(frozen=True)
class Question:
    """A decision that may be taken on this page: when, and what it means."""

    verb: str
    name: str
    words: str
    form: type[DecisionForm]
    when: Callable[[ErasureRequest], bool]

    @property
    def writes(self) -> bool:
        """Whether the decision writes a letter."""
        return self.verb in ("hold", "restrict", "ask-identity", "excessive", "cannot-identify", "forward")


def _open(case: ErasureRequest) -> bool:
    return State(case.state) in _OPEN


def _undecided(case: ErasureRequest) -> bool:
    return State(case.state) is State.VERIFIED


def _asked(case: ErasureRequest) -> bool:
    found = clocks.pauses_of(case)
    return bool(found) and found[-1].answered_on is None


QUESTIONS: tuple[Question, ...] = (
    Question("role", "Role for an artifact", "Controller, processor or joint controller.", forms.SetRole, _open),
    Question("keep", "Keep one artifact", "An exemption, with reasons and a day.", Keep, _open),
    Question("hold", "Legal hold", "Kept until a day; then the case goes on by itself.", forms.Hold, _open),
    Question("restrict", "Restrict instead of erase", "Stored, used for nothing: GDPR Art. 18.", forms.Restrict, _open),
    Question("laws", "Laws that apply", "Each has its clock; the earliest date leads.", forms.SetLaws, _open),
    Question(
        "ask-identity",
        "Ask who it is",
        "Once, promptly, with the doubt in words: GDPR Art. 12(6).",
        forms.AskIdentity,
        lambda case: _undecided(case) and not clocks.pauses_of(case),
    ),
    Question("identity-shown", "Identity was shown", "The clock goes on.", forms.IdentityShown, _asked),
    Question(
        "excessive",
        "Manifestly unfounded or excessive",
        "A refusal; we bear the burden of showing it: GDPR Art. 12(5).",
        forms.Excessive,
        _undecided,
    ),
    Question(
        "cannot-identify",
        "Cannot identify the person",
        "Say why, and what would help: GDPR Art. 11(2), 12(2).",
        forms.CannotIdentify,
        _undecided,
    ),
    Question(
        "forward",
        "Forward to the controller",
        "All of it is held for somebody else, who decides: GDPR Art. 28(3)(e).",
        forms.Forward,
        _undecided,
    ),
)


@dataclass(frozen=True)
class ArtifactRow:
    """One artifact as it was assessed."""

    artifact: Artifact
    role: str
    decided: bool
    kept: str
    until: date | None
    why: str


def rows(case: ErasureRequest) -> list[ArtifactRow]:
    """Every registered artifact of the entity with what holds for it in this case."""
    now = standing(case)
    found = Artifact.objects.filter(entity=case.entity, retired_at=None).order_by("name")
    return [_row(case, artifact, now) for artifact in found]


def _row(case: ErasureRequest, artifact: Artifact, now: Standing) -> ArtifactRow:
    exemption = now.exemption_of(artifact.slug)
    kinds = (DecisionKind.KEEP, DecisionKind.HOLD, DecisionKind.RESTRICT)
    said = case.decisions.filter(kind__in=kinds, artifact__in=(artifact.slug, EVERYWHERE)).order_by("-id").first()
    held = now.held.get(artifact.slug) or now.held.get(EVERYWHERE)
    decision = (held or said) if exemption else None
    label = "" if exemption is None else exemption.label
    return ArtifactRow(
        artifact=artifact,
        role=now.role_of(artifact.slug, EntityRole(artifact.role)).label,
        decided=artifact.slug in now.roles,
        kept=f"Hold: {label}" if held else label,
        until=decision.review_on if decision else None,
        why=decision.reason if decision else "",
    )


@dataclass(frozen=True)
class ClockRow:
    """The three dates of one law."""

    law: str
    clock: Clock
    leads: bool


def clock_rows(case: ErasureRequest) -> list[ClockRow]:
    """Every clock that runs; the one with the earliest promised date leads."""
    running = clocks.clocks_of(case)
    first = min(running, key=lambda clock: clock.promised)
    return [ClockRow(Law(clock.law).label, clock, clock is first) for clock in running]


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """The assessment of a case."""
    return render_assessment(request, case_or_404(member(request), reference))


def render_assessment(
    request: HttpRequest, case: ErasureRequest, *, bound: dict[str, DecisionForm] | None = None, code: int = 200
) -> HttpResponse:
    """Render the page; ``bound`` holds forms that came back with errors."""
    bound, now = bound or {}, standing(case)
    officer = Role.OFFICER in accounts.roles(member(request), case.entity)
    offers = [(q, bound.get(q.verb) or q.form(case=case)) for q in QUESTIONS if officer and q.when(case)]
    holds = [(hold, forms.Release(case=case, initial={"artifact": slug})) for slug, hold in now.held.items()]
    context = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "rows": rows(case),
        "clocks": clock_rows(case),
        "pauses": clocks.pauses_of(case),
        "offers": offers,
        "holds": holds if officer else [],
        "earlier": _earlier(case),
        "restriction": Exemption.RESTRICTION.label,
    }
    return desk(request, "officer/assess.html", context, code=code)


def _earlier(case: ErasureRequest) -> list[ErasureRequest]:
    """Other requests from the same address to the same entity: facts for whoever calls a request excessive."""
    same = ErasureRequest.objects.filter(entity=case.entity, person_key=case.person_key).exclude(pk=case.pk)
    return list(same.order_by("-received_at")[:20])
