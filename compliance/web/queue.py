"""The officer's queue: what is open, what is due, and the cases by deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compliance.accounts import services as accounts
from compliance.audit.models import Event
from compliance.intake import watching
from compliance.intake.models import ErasureRequest, RequestQuerySet
from compliance.jobs.models import Job
from compliance.rules import lifecycle
from compliance.rules.terms import JobStatus, State, Turn
from compliance.web import calendar_feed, looks
from compliance.web.staff import AUDIT_ROLES, CASE_ROLES, desk, entities, member, staff

ANSWERED = ("case.ANSWERED", "case.REFUSED", "case.FORWARDED")
WINDOW_DAYS, PAGE = 90, 50


@dataclass(frozen=True)
class Card:
    """One figure of the queue."""

    name: str
    figure: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One case of the queue."""

    case: ErasureRequest
    badge: looks.Badge
    due: looks.Badge
    done: int
    of: int
    stopped: bool
    turn: str
    law: str


@staff
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Cards, filters, and the table by legal deadline."""
    user = member(request)
    if not accounts.entities_of(user, CASE_ROLES) and accounts.entities_of(user, AUDIT_ROLES):
        return redirect("web:reports")
    now = timezone.now()
    cases = ErasureRequest.objects.of(entities(user, CASE_ROLES)).select_related("entity")
    chosen = {name: request.GET.get(name, "")[:40].strip() for name in ("state", "turn", "q")}
    listed = Paginator(_filtered(cases, chosen).by_deadline(), PAGE).get_page(request.GET.get("page"))
    context = {
        "here": "cases",
        "cards": _cards(cases, now),
        "rows": _rows(list(listed), now),
        "listed": listed,
        "chosen": chosen,
        "states": State.choices(),
        "turns": Turn.choices(),
        "unwatched": watching.silent(now=now),
        "feed": request.build_absolute_uri(reverse("web:calendar", args=[calendar_feed.token(user)])),
        "many": len({case.entity_id for case in listed}) > 1,
    }
    return desk(request, "officer/queue.html", context)


def _filtered(cases: RequestQuerySet, chosen: dict[str, str]) -> RequestQuerySet:
    """By reference, state or turn; without any, what is open."""
    if chosen["q"]:
        return cases.filter(reference__icontains=chosen["q"].upper().replace("\x00", ""))
    if chosen["state"] in set(State):
        return cases.filter(state=chosen["state"])
    if chosen["turn"] in set(Turn):
        return cases.filter(state__in=[row.state for row in lifecycle.TABLE.values() if row.turn == chosen["turn"]])
    return cases.open()


def _cards(cases: RequestQuerySet, now: datetime) -> list[Card]:
    today = now.date()
    unanswered = cases.open().exclude(state__in=[State.ANSWERED, State.REFUSED, State.FORWARDED])
    soon = unanswered.filter(promised_on__gte=today, promised_on__lte=today + timedelta(days=7)).count()
    overdue = unanswered.filter(promised_on__lt=today).count()
    waiting = _waiting_for_people(cases)
    days = _days_to_answer(cases, now)
    typical = ("under a day" if median(days) < 1 else f"{median(days):.1f} d") if days else "–"
    return [
        Card("Open cases", str(cases.open().count()), f"{waiting} wait for us to decide"),
        Card("Due in 7 days", str(soon), "by the promised date", "warn" if soon else ""),
        Card("Overdue", str(overdue), "promised date has passed", "bad" if overdue else ""),
        Card("Median time to answer", typical, f"{len(days)} in {WINDOW_DAYS} days"),
    ]


def _waiting_for_people(cases: RequestQuerySet) -> int:
    ours = [row.state for row in lifecycle.TABLE.values() if row.turn in (Turn.OFFICER, Turn.TWO_OFFICERS)]
    return cases.filter(state__in=ours).count()


def _days_to_answer(cases: RequestQuerySet, now: datetime) -> list[float]:
    """Days from receipt to the first answer, of the cases answered in the last 90 days."""
    since = now - timedelta(days=WINDOW_DAYS)
    answers = Event.objects.filter(kind__in=ANSWERED, at__gte=since).order_by("-at").values_list("case", "at")
    first = dict(answers)
    received = cases.filter(reference__in=list(first)).values_list("reference", "received_at")
    return [(first[reference] - at).total_seconds() / 86400 for reference, at in received]


def _rows(cases: list[ErasureRequest], now: datetime) -> list[Row]:
    jobs: dict[object, set[str]] = {}
    for case_id, status in Job.objects.filter(case_id__in=[case.pk for case in cases]).values_list("case_id", "status"):
        jobs.setdefault(case_id, set()).add(status)
    rows = []
    for case in cases:
        statuses, (done, of) = jobs.get(case.pk, set()), looks.rungs(case)
        ended = State(case.state) in looks.ENDED
        rows.append(
            Row(
                case=case,
                badge=looks.state_badge(case),
                due=looks.due_badge(case, now),
                done=done,
                of=of,
                stopped=JobStatus.FAILED in statuses and not ended and case.turn is Turn.SYSTEM,
                turn="System, working" if JobStatus.RUNNING in statuses else looks.turn_words(case),
                law=looks.law_words(case),
            )
        )
    return rows
