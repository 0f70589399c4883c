"""What happens to a case while something else is under way with it: nothing is lost, nothing goes that came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from compliance.intake import additions, decisions, identity, proofs, services, vault
from compliance.intake import retention as retaining
from compliance.intake.ledgers import Outgoing
from compliance.intake.models import CaseKey, DecisionKind, ErasureRequest
from compliance.intake.papers import Retention
from compliance.intake.reasons import Reasons
from compliance.jobs.progress import Unattended
from compliance.provenance import services as provenance
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import IllegalMove, NotFoundHere
from compliance.rules.terms import IdentifierKind, State
from compliance.worker import oblivion, outgoing
from tests.web import seeded

pytestmark = pytest.mark.django_db
PHONE = "+49 30 901820"


@pytest.fixture
def aurora(db: None) -> seeded.Company:
    return seeded.company()


class Meanwhile(Unattended):
    """A worker's progress, and what somebody else does just before its work is written down."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def commit(self) -> AbstractContextManager[None]:
        """Somebody acts, then a plain transaction begins."""

        @contextmanager
        def later() -> Iterator[None]:
            self.act()
            with transaction.atomic():
                yield

        return later()


def fresh(case: ErasureRequest) -> ErasureRequest:
    """The case as another process reads it."""
    return ErasureRequest.objects.select_related("entity").get(pk=case.pk)


def test_what_the_person_adds_and_proves_while_the_search_runs_is_kept(aurora: seeded.Company) -> None:
    case = seeded.accepted(aurora)

    def speak() -> None:
        additions.add(fresh(case), words="It is in the chat of 3 May.")
        key = identity.key_of(IdentifierKind.PHONE, PHONE)
        assert proofs.mark(fresh(case), [key], proven_by=ProvenBy.SIGN_IN) == 1

    provenance.trace(fresh(case), Meanwhile(speak))
    content = vault.opened(fresh(case))
    assert [row["words"] for row in content["additions"]] == ["It is in the chat of 3 May."]
    assert {row["value"]: row["proven"] for row in content["identifiers"]}[PHONE] is True
    assert content["needles"], "and the search remembers what it looked for"


def test_a_case_that_is_challenged_while_others_are_forgotten_is_not_forgotten(
    aurora: seeded.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    services.move(case, to=State.CLOSED, by=services.SYSTEM)
    Retention.objects.filter(request=case).update(ends_on=timezone.now().date())
    due = retaining.due

    def listed(today: date) -> list[ErasureRequest]:
        found = due(today)
        decisions.challenge(fresh(case), reason="I still see my name.")
        return found

    monkeypatch.setattr(retaining, "due", listed)
    assert oblivion.forget_due() == 0
    assert CaseKey.objects.get(request=case).destroyed_at is None
    assert vault.opened(fresh(case))["challenges"] and fresh(case).state == State.ACCEPTED


def test_a_challenge_of_a_case_that_has_just_been_forgotten_is_refused_and_seals_nothing(
    aurora: seeded.Company,
) -> None:
    case = seeded.verified(aurora)
    decisions.withdraw(case)
    ErasureRequest.objects.filter(pk=case.pk).update(state=State.CLOSED)
    opened = fresh(case)  # the person's page was loaded
    oblivion.forget(fresh(case), by="test")
    with pytest.raises(NotFoundHere):
        decisions.challenge(opened, reason="I still see my name.")
    assert (fresh(case).state, bytes(fresh(case).sealed)) == (State.CLOSED, b"")


def test_two_officers_who_extend_at_once_extend_once(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    first, second = fresh(case), fresh(case)
    decisions.extend(first, by=aurora.olga, reasons=Reasons(reason="Forty systems."))
    with pytest.raises(IllegalMove):
        decisions.extend(second, by=aurora.olga, reasons=Reasons(reason="Forty systems."))
    assert case.decisions.filter(kind=DecisionKind.EXTEND).count() == 1
    assert case.notices.filter(kind="extended").count() == 1


def test_a_message_that_one_worker_sends_is_not_sent_by_another(
    aurora: seeded.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = seeded.verified(aurora)
    row = Outgoing.objects.create(
        kind=Outgoing.Kind.DRP, request=case, url="https://agent.example/", status="x", due_at=timezone.now()
    )
    seen_before, called = Outgoing.objects.get(pk=row.pk), list[int]()

    def call(mine: Outgoing) -> dict[str, object]:
        called.append(mine.pk)
        if len(called) == 1:
            assert outgoing.send(seen_before) == outgoing.send(Outgoing.objects.get(pk=row.pk)) == 0, "another worker"
        return {}

    monkeypatch.setattr(outgoing, "_call", call)
    assert outgoing.send(Outgoing.objects.get(pk=row.pk)) == 1
    assert called == [row.pk]


def test_a_worker_that_dies_while_it_calls_leaves_the_message_due_again(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    row = Outgoing.objects.create(
        kind=Outgoing.Kind.DRP, request=case, url="https://agent.example/", status="x", due_at=timezone.now()
    )
    assert outgoing.taken(row)
    row.refresh_from_db()
    assert row.sent_at is None and timezone.now() < row.due_at < timezone.now() + timedelta(minutes=5)


def test_a_message_has_the_same_number_however_often_it_is_sent(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    made = [
        Outgoing.objects.create(kind=Outgoing.Kind.DRP, request=case, url=url, status="x", due_at=timezone.now())
        for url in ("https://one.example/", "https://two.example/")
    ]
    again = [outgoing.number(Outgoing.objects.get(pk=row.pk)) for row in made]
    assert [outgoing.number(row) for row in made] == again and len(set(again)) == 2
