"""What is to be done next on a case, by whom: the one panel that an officer looks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.intake import clocks, decisions
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation.models import Plan
from compliance.provenance import lifting
from compliance.provenance.models import Trace
from compliance.rules.terms import JobStatus, Role, State, Support, Verdict, Work
from compliance.web import assessment_forms
from compliance.web import decision_forms as forms


@dataclass(frozen=True)
class Offer:
    """A decision that this person may take now."""

    verb: str
    name: str
    form: forms.DecisionForm
    main: bool = False


@dataclass(frozen=True)
class Todo:
    """The next step in words, and what this person may do about it."""

    headline: str
    words: str
    tone: str = "busy"
    offers: tuple[Offer, ...] = ()
    tick: int = 0


@dataclass
class Desk:
    """What the panel is made from: the case, who looks, and forms that came back with errors."""

    case: ErasureRequest
    user: User
    plan: Plan | None
    jobs: list[Job]
    bound: dict[str, forms.DecisionForm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roles = accounts.roles(self.user, self.case.entity)
        self.state = State(self.case.state)

    def offer(self, verb: str, name: str, form: type[forms.DecisionForm], *, main: bool = False) -> tuple[Offer, ...]:
        """The decision, for officers; nothing for others."""
        if Role.OFFICER not in self.roles:
            return ()
        return (Offer(verb, name, self.bound.get(verb) or form(case=self.case), main),)

    def live(self) -> Job | None:
        """The job that is queued or running."""
        return next((job for job in self.jobs if job.status in (JobStatus.QUEUED, JobStatus.RUNNING)), None)

    def stopped(self) -> Job | None:
        """The newest job, when it needs a person and is still the work of the state in which the case stands."""
        newest = self.jobs[0] if self.jobs else None
        due = newest is not None and newest.work == self.case.stage.work and bool(self.case.stage.may_become)
        return newest if newest and due and newest.status == JobStatus.FAILED else None


def next_step(desk: Desk) -> Todo:
    """The panel for the case as it stands."""
    if desk.stopped():
        back = desk.offer("back-to-plan", "Back to the plan", assessment_forms.BackToPlan)
        words = "Cause and next action stand below. Nothing already done is lost."
        return Todo("The work has stopped", words, "bad", back if desk.state is State.APPROVED else ())
    if desk.state is State.VERIFIED:
        return _decide(desk)
    if desk.state is State.PLANNED:
        return _plan(desk)
    if desk.state is State.VALIDATED:
        return _sign_off(desk)
    headline, words, tone = _WAITING[desk.state]
    more = _early(desk) if desk.state in (State.RECEIVED, State.ACCEPTED, State.TRACED) else ()
    if desk.state is State.CLOSED and desk.case.decisions.filter(kind=DecisionKind.FORWARD).exists():
        more = desk.offer("instruct", "The controller told us to erase", assessment_forms.Instruct)
    if desk.state in (State.ANSWERED, State.CLOSED) and lifting.excludes(desk.case):
        more += desk.offer("lift", "The person is a customer again", forms.LiftExclusions)
    return Todo(headline, words, tone, more)


_WAITING: dict[State, tuple[str, str, str]] = {
    State.RECEIVED: (
        "The person confirms",
        "A code was sent to the address given. Until then nothing starts.",
        "proof",
    ),
    State.ACCEPTED: ("The system searches", "Every registered source and artifact is searched.", "busy"),
    State.TRACED: ("The system drafts the plan", "What was found becomes ordered steps.", "busy"),
    State.APPROVED: ("The system carries out the plan", "Each step leaves a receipt.", "busy"),
    State.MITIGATED: ("The system proves the result", "Each step is checked by another path.", "busy"),
    State.ANSWERED: ("The system looks again", "Sweeps after 7, 30 and 90 days, and what is scheduled.", "busy"),
    State.REFUSED: ("The refusal goes out", "The letter names reasons, article and authority.", "busy"),
    State.FORWARDED: ("The forward is recorded", "The controller was told and decides. The letter says so.", "busy"),
    State.CLOSED: ("Nothing is left to do", "The person may still challenge the answer.", "none"),
    State.WITHDRAWN: ("The person took the request back", "Nothing more happens.", "none"),
    State.LAPSED: ("The address was never confirmed", "Nothing more happens.", "none"),
}


def _early(desk: Desk) -> tuple[Offer, ...]:
    may = not desk.case.extended and clocks.extend_by(desk.case) is not None
    return desk.offer("extend", "Extend the deadline", forms.Extend) if may else ()


def _decide(desk: Desk) -> Todo:
    offers = desk.offer("accept", "Accept", forms.Accept, main=True)
    offers += desk.offer("refuse", "Refuse", forms.Refuse)
    offers += desk.offer("keep", "Keep one artifact", forms.Keep) + _early(desk)
    words = "Identity is confirmed. Accept on a ground, or refuse under an exemption."
    return Todo("Decide on the request", words if offers else "A privacy officer decides.", "warn", offers)


def _why_they_wait(case: ErasureRequest) -> str:
    """What supports the candidates, so that the officer knows what to look at."""
    found = Trace.objects.current(case).waiting()
    near = found.filter(support=Support.NEAR).count()
    others = "Only a name, or an identifier or text that proves nobody, supports them."
    alike = f"{near} of them nearly say what a text of the person says: an edited copy, or somebody else's letter."
    why = " ".join(filter(None, (others if near < found.count() else "", alike if near else "")))
    return f"{why} Say which are the person before the plan is approved; those that are not stay as they are."


def _plan(desk: Desk) -> Todo:
    waiting = Trace.objects.current(desk.case).waiting().count()
    later = desk.offer("keep", "Keep one artifact", forms.Keep)
    later += desk.offer("look-again", "Search again", forms.LookAgain) + _early(desk)
    if waiting:
        return Todo("Candidates wait for your tick", _why_they_wait(desk.case), "warn", later, tick=waiting)
    if desk.plan is not None and desk.plan.measurements.exists():
        return Todo("The proof fell short", _what_fell_short(desk.plan), "bad", later)
    return _approve(desk, later)


def _what_fell_short(plan: Plan) -> str:
    """Measured plans come back here only from a failed proof; their measurements stand, so another approval is idle."""
    failed = plan.measurements.filter(verdict=Verdict.FAILED).values_list("artifact__name", flat=True)
    where = ", ".join(sorted(set(failed))) or "at least one place"
    return (
        f"This plan was carried out and measured, and what it promised was not shown of: {where}. The results below "
        "say what was measured. Approving the same plan again would change nothing: mend the cause where it lies and "
        "search again, which plans and measures anew, or keep a place for a stated reason."
    )


def endorsement(case: ErasureRequest, plan: Plan | None) -> Decision | None:
    """The officer's endorsement of the plan as it is now."""
    if plan is None:
        return None
    found = case.decisions.filter(kind=DecisionKind.ENDORSE, plan_digest=plan.digest, round=case.round)
    return found.select_related("by").order_by("-id").first()


def _approve(desk: Desk, later: tuple[Offer, ...]) -> Todo:
    if desk.plan is None:
        return Todo("The plan is missing", "Search again, so that a plan is written.", "bad", later)
    first = decisions.endorsement(desk.case, desk.plan.digest)
    wanted = Role.APPROVER if first else Role.OFFICER
    may = wanted in desk.roles and not (first and first.by_id == desk.user.pk)
    form = desk.bound.get("approve") or forms.Approve(case=desk.case, initial={"plan_digest": desk.plan.digest})
    form.button = "Approve this plan" if first else "Endorse this plan"
    offer = (Offer("approve", "Approve" if first else "Endorse", form, main=True),) if may else ()
    if first:
        who = first.by.get_username() if first.by else "an officer"
        words = f"{who} has endorsed the plan. A second person with the approver's role approves it."
        return Todo("A second person approves", words, "warn", offer + later)
    words = "Read the plan below. Your endorsement holds for this plan alone: any change voids it."
    return Todo("Endorse the plan", words, "warn", offer + later)


def _sign_off(desk: Desk) -> Todo:
    reporting = any(job.work == Work.REPORT for job in desk.jobs if job == desk.live())
    ready = desk.case.reports.filter(round=desk.case.round).exists()
    if reporting or not ready:
        return Todo("The evidence is being written", "Then you read it and sign it off.", "busy")
    words = "Read results and report. With your signature the answer goes out."
    offers = desk.offer("sign-off", "Sign off", forms.SignOff, main=True)
    return Todo("Sign the evidence off", words if offers else "A privacy officer signs it off.", "warn", offers)
