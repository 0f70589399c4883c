"""Several cases in one run of a model: what the case's page offers, and the officer's three buttons."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from compliance.accounts.models import User
from compliance.intake.models import ErasureRequest
from compliance.mitigation import together
from compliance.rules.errors import OubliError
from compliance.web.staff import case_or_404, member, staff

_Act = Callable[[ErasureRequest, User, str, list[str]], object]
VERBS: dict[str, tuple[_Act, str]] = {
    "bind": (
        lambda case, by, model, chosen: together.bind(case, by=by, artifact=model, references=chosen),
        "Bound. The model forgets these people in one run; each case keeps its own approval, proof and answer.",
    ),
    "leave": (
        lambda case, by, model, _: together.leave(case, by=by, artifact=model),
        "Taken out. The case goes alone, the others go on without it.",
    ),
    "begin": (
        lambda case, by, model, _: together.call(case, by=by, artifact=model),
        "The run begins with the cases that are approved.",
    ),
}


@staff
@require_POST
def decide(request: HttpRequest, reference: str, verb: str) -> HttpResponse:
    """Bind cases, take this one out of its run, or begin the run; what is wrong comes back as words."""
    user = member(request)
    case = case_or_404(user, reference)
    if verb not in VERBS:
        raise Http404
    act, said = VERBS[verb]
    chosen = [name for name in request.POST.getlist("case") if name.isprintable()]
    try:
        act(case, user, request.POST.get("artifact", "")[:100], chosen)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("web:case", reference)
