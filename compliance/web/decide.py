"""Decisions of staff: one table from the verb in the address to its form and its service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.evidence import services as evidence
from compliance.intake import decisions
from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.provenance import lifting
from compliance.rules.errors import OubliError
from compliance.rules.terms import Role
from compliance.web import assessment
from compliance.web import case as case_page
from compliance.web import decision_forms as forms
from compliance.web.assessing import ASSESSING
from compliance.web.staff import case_or_404, member, staff

Act = Callable[[ErasureRequest, User, forms.DecisionForm], object]


@dataclass(frozen=True)
class Verb:
    """A decision: its form, what it does, and what the page says afterwards."""

    form: type[forms.DecisionForm]
    act: Act
    said: str


def _approve(case: ErasureRequest, by: User, form: forms.DecisionForm) -> object:
    return mitigation.approve(case, by=by, plan_digest=form.cleaned_data["plan_digest"])


VERBS: dict[str, Verb] = {
    "accept": Verb(
        forms.Accept,
        lambda case, by, form: decisions.accept(case, by=by, reasons=form.reasons()),
        "Accepted. The search has started.",
    ),
    "refuse": Verb(
        forms.Refuse,
        lambda case, by, form: decisions.refuse(case, by=by, reasons=form.reasons()),
        "Refused. The letter with the reasons goes out.",
    ),
    "keep": Verb(
        forms.Keep,
        lambda case, by, form: mitigation.keep(case, by=by, reasons=form.reasons()),
        "Noted: this artifact is kept under the exemption.",
    ),
    "extend": Verb(
        forms.Extend,
        lambda case, by, form: decisions.extend(case, by=by, reasons=form.reasons()),
        "Extended. The letter with the reasons goes out.",
    ),
    "approve": Verb(forms.Approve, _approve, "Your approval is recorded, bound to the plan's digest."),
    "look-again": Verb(
        forms.LookAgain,
        lambda case, by, form: decisions.look_again(case, by=by, reason=form.cleaned_data["reason"]),
        "The search runs again.",
    ),
    "sign-off": Verb(
        forms.SignOff,
        lambda case, by, form: evidence.sign_off(case, by=by, reason=form.cleaned_data["reason"]),
        "Signed off. The answer goes out.",
    ),
    "lift": Verb(
        forms.LiftExclusions,
        lambda case, by, form: lifting.lift(case, by=by, reason=form.cleaned_data["reason"]),
        "The identifiers may be used again. What was erased, byte for byte or as a text, stays out.",
    ),
    **{verb: Verb(form, act, said) for verb, (form, act, said) in ASSESSING.items()},
}


@staff
@require_POST
def decide(request: HttpRequest, reference: str, verb: str) -> HttpResponse:
    """Take a decision; what is wrong comes back as words on the case's page."""
    user, known = member(request), VERBS.get(verb)
    case = case_or_404(user, reference)
    if known is None:
        raise Http404
    form = known.form(request.POST, case=case)
    if not form.is_valid():
        render = assessment.render_assessment if _on_assessment(request) else case_page.render_case
        return render(request, case, bound={verb: form}, code=422)
    try:
        known.act(case, user, form)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, known.said)
    return redirect("web:assess" if _on_assessment(request) else "web:case", reference)


def _on_assessment(request: HttpRequest) -> bool:
    """Whether the form came from the assessment page, and goes back there."""
    return request.GET.get("from") == "assess"


@staff
@require_POST
def retry(request: HttpRequest, reference: str, job: UUID) -> HttpResponse:
    """Try a failed job again; the log says who did."""
    user = member(request)
    case = case_or_404(user, reference)
    row = Job.objects.of(case.pk).filter(pk=job).first()
    if row is None:
        raise Http404
    try:
        accounts.require(user, case.entity, [Role.OFFICER, Role.ENGINEER])
        with transaction.atomic():
            by = user.get_username()
            audit.record("job.retried", case=reference, entity=case.entity.slug, by=by, detail={"work": row.work})
            jobs.retry(row)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "It is tried again now.")
    return redirect("web:case", reference)
