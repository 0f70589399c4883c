"""The verbs of the assessment: form, service, and what the page says afterwards."""

from __future__ import annotations

from collections.abc import Callable

from compliance.accounts.models import User
from compliance.intake import assessing
from compliance.intake.models import ErasureRequest
from compliance.mitigation import assessing as planned
from compliance.web import assessment_forms as forms
from compliance.web.decision_forms import DecisionForm

Act = Callable[[ErasureRequest, User, DecisionForm], object]
_Service = Callable[..., object]


def _with_reasons(service: _Service) -> Act:
    return lambda case, by, form: service(case, by=by, reasons=form.reasons())


def _laws(case: ErasureRequest, by: User, form: DecisionForm) -> object:
    chosen = form.chosen() if isinstance(form, forms.SetLaws) else []
    return assessing.set_laws(case, by=by, laws=chosen, reason=form.cleaned_data["reason"])


def _because(service: _Service) -> Act:
    return lambda case, by, form: service(case, by=by, reason=form.cleaned_data["reason"])


def _release(case: ErasureRequest, by: User, form: DecisionForm) -> object:
    given = form.cleaned_data
    return planned.release(case, artifact=given["artifact"], by=by, reason=given["reason"])


ASSESSING: dict[str, tuple[type[DecisionForm], Act, str]] = {
    "role": (forms.SetRole, _with_reasons(planned.set_role), "The role is noted; the plan follows it."),
    "laws": (forms.SetLaws, _laws, "The laws are noted; the clocks were set anew."),
    "hold": (forms.Hold, _with_reasons(planned.hold), "On hold. The letter goes out; the case goes on on its day."),
    "release": (forms.Release, _release, "The hold has ended. The letter goes out."),
    "restrict": (forms.Restrict, _with_reasons(planned.restrict), "Restricted. The letter goes out."),
    "ask-identity": (forms.AskIdentity, _with_reasons(assessing.pause), "The question goes out."),
    "identity-shown": (forms.IdentityShown, _because(assessing.resume), "Noted. The clock goes on."),
    "excessive": (
        forms.Excessive,
        _with_reasons(assessing.excessive),
        "Refused. The letter with the reasons goes out.",
    ),
    "cannot-identify": (
        forms.CannotIdentify,
        _with_reasons(assessing.cannot_identify),
        "Answered. The letter says what would help.",
    ),
    "forward": (forms.Forward, _with_reasons(assessing.forward), "Forwarded. The receipt and the letter are written."),
    "instruct": (forms.Instruct, _with_reasons(assessing.instruct), "On instruction: the search has started."),
    "back-to-plan": (forms.BackToPlan, _because(planned.back_to_plan), "Back at the plan, drafted anew."),
}
