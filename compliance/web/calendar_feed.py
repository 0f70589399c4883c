"""Dates for calendars (RFC 5545): a feed of one's own for staff, and one file a case; references and dates only."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import date, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_safe
from icalendar import Alarm, Calendar, Event

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.intake import clocks
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.rules.terms import State
from compliance.web.staff import CASE_ROLES, case_or_404, member, staff

_ANSWERED = (State.ANSWERED, State.REFUSED, State.FORWARDED, State.CLOSED, State.WITHDRAWN, State.LAPSED)
_SALT = "oubli.calendar"


def token(user: User) -> str:
    """What opens somebody's feed: it changes with their password, and ends with their account."""
    return Signer(salt=_SALT).sign(f"{user.pk}.{_mark(user)}")


def _mark(user: User) -> str:
    return salted_hmac(_SALT, user.password).hexdigest()[:32]


@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """The feed of whoever holds the key: every open case of their legal entities."""
    user = _holder(key)
    cases = ErasureRequest.objects.of(accounts.entities_of(user, CASE_ROLES)).open().select_related("entity")
    return _file(_events(cases.by_deadline()[:1000]), "cases.ics")


def _holder(key: str) -> User:
    try:
        pk, _, mark = Signer(salt=_SALT).unsign(key).partition(".")
    except BadSignature:
        raise Http404 from None
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None or not hmac.compare_digest(mark, _mark(user)):
        raise Http404
    return user


@staff
@require_safe
def of_case(request: HttpRequest, reference: str) -> HttpResponse:
    """The dates of one case."""
    case = case_or_404(member(request), reference)
    return _file(_events([case]), f"{reference}.ics")


def _file(events: Iterable[Event], name: str) -> HttpResponse:
    calendar = Calendar()
    calendar.add("prodid", "-//Oubli//Deadlines//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Requests")
    for event in events:
        calendar.add_component(event)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store, private"}
    return HttpResponse(calendar.to_ical(), content_type="text/calendar; charset=utf-8", headers=headers)


def _events(cases: Iterable[ErasureRequest]) -> Iterable[Event]:
    for case in cases:
        if State(case.state) not in _ANSWERED:
            clock = clocks.clock_of(case, extended=case.extended)
            yield _event(case, case.promised_on, "answer due", clock.article, alarm=True)
            for day, words in ((clock.refuse_by, "refuse by"), (clocks.extend_by(case), "extend by")):
                if day and not (case.extended and words == "extend by"):
                    yield _event(case, day, words, clock.article)
        reviews = case.decisions.filter(review_on__isnull=False, kind__in=_REVIEWED)
        for decision in reviews:
            if decision.review_on:
                yield _event(case, decision.review_on, f"look again: {decision.get_kind_display().lower()}", "")


_REVIEWED = (DecisionKind.REFUSE, DecisionKind.KEEP, DecisionKind.HOLD, DecisionKind.EXCESSIVE)


def _event(case: ErasureRequest, day: date, words: str, article: str, *, alarm: bool = False) -> Event:
    event = Event()
    host = urlsplit(settings.OUBLI_SITE).hostname or "localhost"
    event.add("uid", f"{case.reference}-{words.replace(' ', '-').replace(':', '')}@{host}")
    event.add("summary", f"{case.reference}: {words}")
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("dtstamp", timezone.now())
    event.add("description", article)
    event.add("url", f"{settings.OUBLI_SITE}/officer/cases/{case.reference}/")
    event.add("class", "CONFIDENTIAL")
    if alarm:
        bell = Alarm()
        bell.add("action", "DISPLAY")
        bell.add("description", f"{case.reference}: {words} in three days")
        bell.add("trigger", timedelta(days=-3))
        event.add_component(bell)
    return event
