"""The administrators' page: who works for a company, in which roles, and how safely they sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from compliance.accounts import second_factor, staffing
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.rules.errors import InvalidInput, OubliError
from compliance.rules.terms import Role
from compliance.web.staff import desk, entities, member, staff

_EXPLAINED = {
    Role.OFFICER: "decides about requests, answers people",
    Role.APPROVER: "approves plans; never their own",
    Role.ENGINEER: "sees jobs and models, no identifiers",
    Role.AUDITOR: "reads reports and the log",
    Role.ADMINISTRATOR: "staffs the office; decides nothing",
}


@staff
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Everybody, company by company; a form for each change."""
    user = member(request)
    mine = entities(user, (Role.ADMINISTRATOR,))
    if request.method == "POST":
        return _changed(request, user, mine)
    context = {
        "here": "staff",
        "companies": [(entity, staffing.colleagues(entity, by=user)) for entity in mine],
        "roles": [(role, role.label, words) for role, words in _EXPLAINED.items()],
        "required": second_factor.required(),
    }
    return desk(request, "officer/colleagues.html", context)


def _changed(request: HttpRequest, user: User, mine: Iterable[LegalEntity]) -> HttpResponse:
    entity = next((one for one in mine if one.slug == request.POST.get("entity")), None)
    verb = _VERBS.get(request.POST.get("verb", ""))
    if entity is None or verb is None:
        raise Http404
    try:
        with transaction.atomic():
            said = verb(request, user, entity)
    except OubliError as error:
        messages.error(request, str(error))
    except OSError:  # smtplib's errors too
        messages.error(
            request, "This is done, but the e-mail did not go. Ask who runs this installation about EMAIL_URL."
        )
    else:
        messages.success(request, said)
    return redirect("web:colleagues")


def _roles(request: HttpRequest) -> list[Role]:
    return [Role(value) for value in request.POST.getlist("role") if value in set(Role)]


def _invite(request: HttpRequest, user: User, entity: LegalEntity) -> str:
    name, roles = request.POST.get("name", ""), _roles(request)
    staffing.administer(user, name)
    person, fresh = staffing.invite(name, email=request.POST.get("email", ""), entity=entity, roles=roles)
    _note("staff.roles_given", entity, user, person, roles)
    if not fresh:
        return f"{person.get_username()} had an account already, and has the roles now."
    _send_link(person, entity)
    return f"{person.get_username()} was sent a link to choose a password. It is good for three days."


def _withdraw(request: HttpRequest, user: User, entity: LegalEntity) -> str:
    staffing.administer(user, _named(request))
    roles = _roles(request)
    if not roles:
        raise InvalidInput("Nothing was taken away.", next_action="Choose what to take away.")
    person = staffing.withdraw(_named(request), entity, roles)
    _note("staff.roles_taken", entity, user, person, roles)
    return f"{person.get_username()} no longer holds: {', '.join(role.label for role in roles)}."


def _reset(request: HttpRequest, user: User, entity: LegalEntity) -> str:
    person = staffing.reset(_named(request), entity, by=user)
    _note("staff.reset", entity, user, person, ())
    _send_link(person, entity)
    return f"{person.get_username()} was signed out everywhere and sent a link to choose a new password."


def _close(request: HttpRequest, user: User, entity: LegalEntity) -> str:
    if request.POST.get("sure") != "yes":
        raise InvalidInput("Nothing was closed.", next_action="Tick that the account is to end, then press again.")
    person = staffing.close(_named(request), entity, by=user)
    _note("staff.closed", entity, user, person, ())
    return f"The account of {person.get_username()} is closed."


_VERBS: dict[str, Callable[[HttpRequest, User, LegalEntity], str]] = {
    "invite": _invite,
    "withdraw": _withdraw,
    "reset": _reset,
    "close": _close,
}


def _named(request: HttpRequest) -> str:
    return request.POST.get("name", "").strip()


def _note(kind: str, entity: LegalEntity, user: User, person: User, roles: Iterable[Role]) -> None:
    """In the log, and in the mailboxes of those who would notice a stranger among them."""
    detail = {"account": person.get_username(), "roles": [str(role) for role in roles]}
    audit.record(kind, case="", entity=entity.slug, by=user.get_username(), detail=detail)
    told = User.objects.filter(memberships__entity=entity, memberships__role__in=[Role.OFFICER, Role.ADMINISTRATOR])
    addresses = set(
        told.exclude(email="")
        .exclude(pk__in=[user.pk, person.pk])
        .filter(is_active=True)
        .values_list("email", flat=True)
    )
    held = ", ".join(role.label for role in roles)
    words = f"{user.get_username()} changed an account of {entity.name}: {person.get_username()}"
    what = {"staff.roles_given": f"now also {held}", "staff.roles_taken": f"no longer {held}"}
    body = f"{words}, {what.get(kind, kind.partition('.')[2])}.\n\n{settings.OUBLI_SITE}/officer/staff/\n"
    transaction.on_commit(
        lambda: [
            send_mail("Staff changed", body, settings.DEFAULT_FROM_EMAIL, [one], fail_silently=True)
            for one in addresses
        ]
    )


def _send_link(person: User, entity: LegalEntity) -> None:
    body = (
        f"You are asked to work on privacy requests of {entity.name}. Your user name is {person.get_username()}.\n\n"
        f"Choose a password here, within three days:\n{staffing.link(person)}\n"
    )
    transaction.on_commit(
        lambda: send_mail("Your account for privacy requests", body, settings.DEFAULT_FROM_EMAIL, [person.email])
    )
