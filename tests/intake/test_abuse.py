"""What a stranger tries with the form: to prove somebody else's address, to have letters sent, to move dates."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.accounts.models import User
from compliance.accounts.services import grant
from compliance.audit.models import Opening
from compliance.intake import decisions, services
from compliance.intake.addresses import mailbox
from compliance.intake.decisions import Reasons
from compliance.intake.models import Confirmation, ErasureRequest, Notice
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed, SecondPersonNeeded
from compliance.rules.terms import Exemption, Ground, Letter, Role, State
from compliance.worker import tasks
from tests.web import seeded

VICTIM = "victim@example.org"
TWO_READINGS = [
    "victim+ <attacker@evil.example> (@example.org",
    "victim+<attacker@evil.example>(@example.org",
    "victim+@evil.example＠example.org",
    "attacker@evil.example, victim@example.org",
    '"attacker@evil.example"@example.org',
    "attacker@evil.example (victim@example.org",
    "mailto:victim@example.org",
    "victim@example.org attacker",
    "victim..x@example.org",
]


@pytest.mark.parametrize("typed", TWO_READINGS)
def test_an_address_with_two_readings_gets_no_code(aurora: seeded.Company, typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.submit(services.Submission(entity=aurora.entity, email=typed))
    assert "victim" not in str(refused.value)
    assert not ErasureRequest.objects.exists()


@pytest.mark.parametrize("typed", TWO_READINGS[:3])
def test_both_doors_refuse_an_address_with_two_readings(aurora: seeded.Company, typed: str) -> None:
    client = Client()
    client.post("/request/")
    assert client.post("/request/email/", {"email": typed}).status_code == 422
    answer = client.post("/api/v1/requests/", {"email": typed}, content_type="application/json")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "typed", ["o'hara+news@example.org", " Alice@Example.ORG ", "jürgen@müller.example", "a.b_c@x-y.de"]
)
def test_a_bare_address_is_taken_as_it_is(typed: str) -> None:
    assert mailbox(typed) == typed.strip()


def test_a_flood_of_forms_is_no_flood_of_farewells(aurora: seeded.Company) -> None:
    for _ in range(8):
        services.submit(services.Submission(entity=aurora.entity, email=VICTIM))
    tasks.post_letters()
    assert len(mail.outbox) == 5
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    waiting = list(ErasureRequest.objects.order_by("received_at"))
    decisions.withdraw(waiting.pop())
    for request in waiting:
        services.lapse(request)
    owed = Counter(Notice.objects.filter(sent_at=None).values_list("kind", flat=True))
    assert owed == {Letter.ACKNOWLEDGED: 1, Letter.LAPSED: 5}


def test_a_strangers_words_reach_no_unconfirmed_address(aurora: seeded.Company) -> None:
    bait = "customer, your account is locked: http://evil.example"
    receipt = services.submit(services.Submission(entity=aurora.entity, email=VICTIM, name=bait, details=bait))
    code = seeded.code_of(receipt.request)
    tasks.post_letters()
    letter = mail.outbox[-1]
    assert letter.to == [VICTIM] and "evil.example" not in letter.message().as_string()
    assert code in str(letter.body)


def test_a_request_that_has_ended_has_no_date_to_move(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    decisions.withdraw(case)
    with pytest.raises(IllegalMove):
        decisions.extend(case, by=aurora.olga, reasons=Reasons(reason="It is complex."))
    assert not case.notices.filter(kind=Letter.EXTENDED).exists()


def test_what_an_officer_wrote_about_the_person_is_in_no_log(aurora: seeded.Company) -> None:
    words = "Nora Lind of Elm Street 4 still owes an invoice."
    accepted, refused = seeded.verified(aurora), seeded.verified(aurora, email=VICTIM)
    reasons = Reasons(
        ground=Ground.CONSENT_WITHDRAWN, exemption=Exemption.LEGAL_CLAIMS, reason=words, review_on=date(2030, 1, 2)
    )
    decisions.accept(accepted, by=aurora.olga, reasons=reasons)
    decisions.refuse(refused, by=aurora.olga, reasons=reasons)
    told = [opening.detail for opening in Opening.objects.all()]
    assert told and "Elm Street" not in str(told)
    assert accepted.decisions.get().reason == words


def test_a_plan_whose_proof_failed_wants_two_people_again(aurora: seeded.Company) -> None:
    case, digest = seeded.verified(aurora), "d" * 64

    def agree(by: User) -> str:
        return str(decisions.approve(case, by=by, plan_digest=digest, current_digest=digest).kind)

    decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    for state in (State.TRACED, State.PLANNED):
        services.move(case, to=state, by="system")
    assert (agree(aurora.olga), agree(aurora.bruno)) == ("endorse", "approve")
    for state in (State.MITIGATED, State.PLANNED):
        services.move(case, to=state, by="system")
    with pytest.raises(NotAllowed):
        agree(aurora.bruno)
    assert (agree(aurora.olga), agree(aurora.bruno)) == ("endorse", "approve")


def test_one_person_with_both_roles_never_says_both_words(aurora: seeded.Company) -> None:
    case, digest = seeded.verified(aurora), "d" * 64
    grant(aurora.olga, aurora.entity, Role.APPROVER)
    decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    for again in (False, True):
        if again:
            decisions.look_again(case, by=aurora.olga, reason="A system was missing.")
        for state in (State.TRACED, State.PLANNED):
            services.move(case, to=state, by="system")
        decisions.approve(case, by=aurora.olga, plan_digest=digest, current_digest=digest)
        with pytest.raises(SecondPersonNeeded):
            decisions.approve(case, by=aurora.olga, plan_digest=digest, current_digest=digest)


@pytest.mark.parametrize("at", ["verified", "refused", "answered"])
def test_searching_again_accepts_nothing(aurora: seeded.Company, at: str) -> None:
    """An approver who sends a case back to its search would else have it accepted: no ground, nobody's decision."""
    case = {
        "verified": lambda: seeded.verified(aurora),
        "refused": lambda: seeded.refused(aurora),
        "answered": lambda: seeded.answered(aurora, seeded.register(aurora.entity)),
    }[at]()
    if at == "refused":
        services.move(case, to=State.CLOSED, by=services.SYSTEM)
    before = (case.state, case.round, case.decisions.count())
    for who in (aurora.bruno, aurora.olga):
        with pytest.raises(IllegalMove, match="Searching again"):
            decisions.look_again(case, by=who, reason="A system was missing.")
    case.refresh_from_db()
    assert (case.state, case.round, case.decisions.count()) == before


def test_what_was_planned_refused_or_answered_is_not_accepted_once_more(aurora: seeded.Company) -> None:
    made = seeded.register(aurora.entity)
    refused = seeded.refused(aurora)
    services.move(refused, to=State.CLOSED, by=services.SYSTEM)
    planned = seeded.planned(aurora, made, email="planned@example.org")
    answered = seeded.answered(aurora, made, email="answered@example.org")
    for case in (refused, planned, answered):
        with pytest.raises(IllegalMove, match="waits for this decision"):
            decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))


def test_nobody_challenges_an_answer_that_was_not_given(aurora: seeded.Company) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity))
    with pytest.raises(IllegalMove, match="there is none yet"):
        decisions.challenge(case, reason="I still see my name.")
    assert case.decisions.filter(kind="challenge").count() == 0
