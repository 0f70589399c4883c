"""The data subject's way in: start, one question per page, check, send."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from compliance.intake import drafts, services
from compliance.intake.form import Clue, Submission, Upload
from compliance.intake.services import Identifier
from compliance.rules import asking
from compliance.rules.errors import NotAllowed, OubliError
from compliance.rules.terms import IdentifierKind, Requester
from compliance.web import answers, forms, gathering, knocking, steps
from compliance.web.pages import page, service_name

form_page = require_http_methods(["GET", "HEAD", "POST"])


def public(request: HttpRequest, template: str, context: dict[str, Any], *, code: int = 200) -> HttpResponse:
    """Render a public page under the company's name."""
    return page(request, template, {"service": service_name(), "language_next": request.path, **context}, code=code)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What this is, what happens, how long it takes."""
    return public(request, "subject/start.html", {})


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """Start an empty form; whoever comes by a bookmark or a reload is led to its beginning, and loses nothing."""
    if request.method != "POST":
        return redirect("web:start")
    return answers.save(request, redirect("web:step", steps.steps({})[0].slug), {"seen": []})


@form_page
@knocking.at("file", when=lambda request: bool(request.FILES))
@knocking.at("draft", when=lambda request: "save" in request.POST)
def step(request: HttpRequest, step: str) -> HttpResponse:
    """One question: show it, or keep its answer and go on."""
    values = answers.load(request)
    question = steps.find(step, values)
    if question is None:
        raise Http404
    if not values or "sent" in values:
        return redirect("web:start")
    if request.method != "POST":
        return _ask(request, question, values, _filled(question, values))
    if "save" in request.POST:
        return _save(request, question, values)
    form = _taken(request, question, values)
    if form.errors:
        return _ask(request, question, values, form, code=422)
    return answers.save(request, redirect(*_next(request, question, values)), values)


def _filled(question: steps.Step, values: dict[str, Any]) -> forms.Question:
    return question.form() if question.gathers else question.form(initial=values)


def _taken(request: HttpRequest, question: steps.Step, values: dict[str, Any]) -> forms.Question:
    """The form that was sent; where it has no errors its answer is among the values now."""
    form = question.form(request.POST, request.FILES)
    if form.is_valid():
        if question.gathers:
            gathering.keep(question, form, values)
        else:
            values.update(form.cleaned_data)
    if not form.errors and "add" not in request.POST and question.lacks(values):
        form.add_error("file" if question.gathers == "files" else "value", question.at_least)
    if not form.errors and question.slug not in values["seen"]:
        values["seen"].append(question.slug)
    return form


def _ask(
    request: HttpRequest, question: steps.Step, values: dict[str, Any], form: forms.Question, *, code: int = 200
) -> HttpResponse:
    order = [one.slug for one in steps.steps(values)]
    place = order.index(question.slug)
    context = {
        "form": form,
        "question": question,
        "place": place + 1,
        "total": len(order),
        "before": order[place - 1] if place else "",
        "checking": "check" in request.GET or "check" in request.POST,
        "items": question.items(values) if question.gathers else [],
        "full": len(values.get(question.gathers, [])) >= question.most,
        "quick_exit": values.get("requester") == Requester.AT_RISK or question.slug == "who",
    }
    return public(request, "subject/gather.html" if question.gathers else "subject/question.html", context, code=code)


def _next(request: HttpRequest, question: steps.Step, values: dict[str, Any]) -> tuple[str, ...]:
    if question.gathers and "add" in request.POST:
        return ("web:step", question.slug)
    if "check" in request.POST and steps.first_open(values) is None:
        return ("web:check",)
    following = steps.after(question, values)
    return ("web:step", following.slug) if following else ("web:check",)


def _save(request: HttpRequest, question: steps.Step, values: dict[str, Any]) -> HttpResponse:
    """Keep the form for later; what was typed on this page is kept too where it can be read."""
    _taken(request, question, values)
    code, until = drafts.keep(values)
    return answers.save(request, redirect("web:saved"), {"seen": [], "saved": code, "until": until.date().isoformat()})


@require_POST
def remove(request: HttpRequest, step: str) -> HttpResponse:
    """Take one item off a page's list, by its place in it."""
    values = answers.load(request)
    question = steps.find(step, values)
    if question is None or not question.gathers:
        raise Http404
    gathering.drop(question, values, place=request.POST.get("place", ""))
    response = redirect("web:step", question.slug)
    return answers.save(request, response, values) if values else redirect("web:start")


@form_page
@knocking.at("form")
def check(request: HttpRequest) -> HttpResponse:
    """Check your answers, then send: the answer is the same whether we know the person or not."""
    values = answers.load(request)
    missing = steps.first_open(values) if values else None
    if not values or missing or "sent" in values:
        return redirect("web:step", missing.slug) if missing and "sent" not in values else redirect("web:start")
    context = {"lines": steps.lines(values), "quick_exit": values.get("requester") == Requester.AT_RISK}
    if request.method != "POST":
        return public(request, "subject/check.html", context)
    try:
        receipt = services.submit(submission(values))
    except OubliError:
        trouble = _("We could not read one of your answers. Please check them, and change what is not right.")
        return public(request, "subject/check.html", {**context, "trouble": trouble}, code=422)
    done = {"seen": [], "sent": {"reference": receipt.reference, "secret": receipt.secret}}
    return answers.save(request, redirect("web:sent"), done)


def submission(values: dict[str, Any]) -> Submission:
    """The answers as the intake floor takes them."""
    entity = steps.entity_of(values)
    if entity is None:
        raise NotAllowed("Sending a request: no company was chosen.")
    return Submission(
        entity=entity,
        email=values["email"],
        name=values.get("name", ""),
        language=get_language() or "en",
        requester=Requester(values["requester"]),
        others=[Identifier(IdentifierKind(item["kind"]), item["value"]) for item in values.get("others", [])],
        details=values.get("details", ""),
        wishes=[asking.Wish(wish) for wish in values["wishes"]],
        clues=[Clue(asking.Clue(item["kind"]), item["value"]) for item in values.get("clues", [])],
        where=values.get("where", ""),
        whys=[asking.Why(why) for why in values.get("whys", [])],
        uploads=[Upload(**gathering.upload(item)) for item in values.get("files", [])],
    )


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Reference and secret, shown once; afterwards only that the letter has them."""
    receipt = answers.load(request).get("sent")
    response = public(request, "subject/sent.html", {"receipt": receipt, "language_next": "/"})
    return answers.forget(request, response) if request.method == "GET" else response
