"""The data subject's way in: start, one question per page, check, send, confirm the address."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from compliance.intake import services
from compliance.intake.services import Identifier, Submission
from compliance.rules.errors import NotAllowed, OubliError
from compliance.rules.terms import IdentifierKind
from compliance.web import answers, forms, steps
from compliance.web.pages import page, service_name

MOST_IDENTIFIERS = 10
form_page = require_http_methods(["GET", "HEAD", "POST"])


def public(request: HttpRequest, template: str, context: dict[str, Any], *, code: int = 200) -> HttpResponse:
    """Render a public page under the company's name."""
    return page(request, template, {"service": service_name(), "language_next": request.path, **context}, code=code)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What this is, what happens, how long it takes."""
    return public(request, "subject/start.html", {"several": len(steps.steps()) > len(steps.QUESTIONS)})


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Start an empty form."""
    return answers.save(request, redirect("web:step", steps.steps()[0].slug), {"seen": []})


@form_page
def step(request: HttpRequest, step: str) -> HttpResponse:
    """One question: show it, or keep its answer and go on."""
    question = steps.find(step)
    if question is None:
        raise Http404
    values = answers.load(request)
    if not values:
        return redirect("web:start")
    if request.method != "POST":
        return _ask(request, question, values, _filled(question, values))
    form = question.form(request.POST)
    if not form.is_valid():
        return _ask(request, question, values, form, code=422)
    _keep(values, question, form.cleaned_data)
    response = redirect(*_next(request, question, values))
    return answers.save(request, response, values)


def _filled(question: steps.Step, values: dict[str, Any]) -> forms.Question:
    return question.form() if question is steps.OTHERS else question.form(initial=values)


def _ask(
    request: HttpRequest, question: steps.Step, values: dict[str, Any], form: forms.Question, *, code: int = 200
) -> HttpResponse:
    order = steps.steps()
    place = order.index(question)
    kinds = dict(forms.OTHER_KINDS)
    context = {
        "form": form,
        "question": question,
        "place": place + 1,
        "total": len(order),
        "before": order[place - 1].slug if place else "",
        "checking": "check" in request.GET or "check" in request.POST,
        "others": [(kinds[item["kind"]], item["value"]) for item in values.get("others", [])],
        "full": len(values.get("others", [])) >= MOST_IDENTIFIERS,
    }
    template = "subject/identifiers.html" if question is steps.OTHERS else "subject/question.html"
    return public(request, template, context, code=code)


def _keep(values: dict[str, Any], question: steps.Step, data: dict[str, Any]) -> None:
    """Add the answer; further identifiers gather, and the same one twice counts once."""
    if question is steps.OTHERS:
        item = {"kind": data.get("kind", ""), "value": data.get("value", "")}
        others = values.setdefault("others", [])
        if item["value"] and item not in others and len(others) < MOST_IDENTIFIERS:
            others.append(item)
    else:
        values.update(data)
    if question.slug not in values["seen"]:
        values["seen"].append(question.slug)


def _next(request: HttpRequest, question: steps.Step, values: dict[str, Any]) -> tuple[str, ...]:
    if question is steps.OTHERS and "add" in request.POST:
        return ("web:step", question.slug)
    if "check" in request.POST:
        return ("web:check",)
    following = steps.after(question)
    return ("web:step", following.slug) if following else ("web:check",)


@require_POST
def remove_identifier(request: HttpRequest) -> HttpResponse:
    """Take one further identifier off the list, by its place in it."""
    values = answers.load(request)
    others = values.get("others", [])
    place = request.POST.get("place", "")
    if place.isascii() and place.isdigit() and int(place[:4]) < len(others):
        del others[int(place[:4])]
    response = redirect("web:step", steps.OTHERS.slug)
    return answers.save(request, response, values) if values else redirect("web:start")


@form_page
def check(request: HttpRequest) -> HttpResponse:
    """Check your answers, then send: the answer is the same whether we know the person or not."""
    values = answers.load(request)
    missing = steps.first_open(values) if values else None
    if not values or missing or "sent" in values:
        return redirect("web:step", missing.slug) if missing else redirect("web:start")
    if request.method != "POST":
        return public(request, "subject/check.html", {"lines": steps.lines(values)})
    try:
        receipt = services.submit(_submission(values))
    except OubliError:
        trouble = _("We could not read one of your answers. Please check them, and change what is not right.")
        return public(request, "subject/check.html", {"lines": steps.lines(values), "trouble": trouble}, code=422)
    done = {"seen": [], "sent": {"reference": receipt.reference, "secret": receipt.secret}}
    return answers.save(request, redirect("web:sent"), done)


def _submission(values: dict[str, Any]) -> Submission:
    entity = steps.entity_of(values)
    if entity is None:
        raise NotAllowed("Sending a request: no company was chosen.")
    others = [Identifier(IdentifierKind(item["kind"]), item["value"]) for item in values.get("others", [])]
    return Submission(
        entity=entity,
        email=values["email"],
        name=values.get("name", ""),
        language=get_language() or "en",
        others=others,
        details=values.get("details", ""),
    )


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Reference and secret, shown once; afterwards only that the letter has them."""
    receipt = answers.load(request).get("sent")
    response = public(request, "subject/sent.html", {"receipt": receipt, "language_next": "/"})
    return answers.forget(request, response) if request.method == "GET" else response


@form_page
def confirm(request: HttpRequest) -> HttpResponse:
    """The code from the letter: opening the link only shows a button, pressing it consumes the code."""
    if request.method != "POST":
        given = {name: request.GET.get(name, "")[:40] for name in ("reference", "code")}
        from_link = all(given.values())
        return public(
            request, "subject/confirm.html", {"form": forms.ConfirmCode(initial=given), "from_link": from_link}
        )
    form = forms.ConfirmCode(request.POST)
    form.use_required_attribute = False
    if form.is_valid():
        try:
            services.confirm(form.cleaned_data["reference"], form.cleaned_data["code"])
        except OubliError:
            form.add_error("code", _("That reference and code do not fit together, or the code has run out."))
        else:
            return redirect("web:confirmed")
    return public(request, "subject/confirm.html", {"form": form, "from_link": False}, code=422)


@require_safe
def confirmed(request: HttpRequest) -> HttpResponse:
    """The address is proven; what happens next."""
    return public(request, "subject/confirmed.html", {})
