"""Grounds, exemptions, days and clocks of decisions, one rule a test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.audit.models import Event
from compliance.intake import assessing, clocks, decisions, reasons
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.intake.reasons import Reasons, check_open, needs_a_day, of_its_laws, today
from compliance.intake.standing import EVERYWHERE, Standing, standing, taken_up
from compliance.rules import jurisdictions
from compliance.rules.deadlines import Pause
from compliance.rules.errors import IllegalMove, InvalidInput
from compliance.rules.terms import EntityRole, Exemption, Ground, Law, Requester, State
from tests.web import seeded

LAST = date(2031, 5, 6)


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """A case that waits for the officer."""
    return seeded.verified(aurora)


def noted(case: ErasureRequest, firm: seeded.Company, kind: DecisionKind, **given: Any) -> None:
    """A decision's row, as the services write it."""
    author = None if kind in (DecisionKind.RELEASE, DecisionKind.RESUME, DecisionKind.CHALLENGE) else firm.olga
    reasons.write(case, kind, author, Reasons(**given))


def test_a_ground_or_an_exemption_counts_under_its_own_laws_only(case: ErasureRequest) -> None:
    for law in Law:
        case.law, case.laws = law, [str(law)]
        rules = jurisdictions.load(law)
        for given, known, word in (
            *((Reasons(ground=ground), ground in rules.GROUNDS, "ground") for ground in Ground),
            *((Reasons(exemption=term), term in rules.EXEMPTIONS, "exemption") for term in Exemption),
        ):
            if known:
                of_its_laws(case, given)
                continue
            with pytest.raises(InvalidInput, match=f"no {word} under the law of this case[.] Choose another"):
                of_its_laws(case, given)


def test_with_two_laws_the_grounds_of_either_count(case: ErasureRequest) -> None:
    case.laws = ["gdpr", "lgpd"]
    of_its_laws(case, Reasons(ground=Ground.LGPD_CONSENT, exemption=Exemption.LEGAL_CLAIMS))
    of_its_laws(case, Reasons())


def test_a_review_is_on_a_later_day() -> None:
    assert needs_a_day(Reasons(review_on=LAST), what="A hold", on=LAST - timedelta(days=1)) == LAST
    for day in (None, LAST, LAST - timedelta(days=1)):
        with pytest.raises(InvalidInput, match=r"^A hold needs a day on which it is looked at again, later than today"):
            needs_a_day(Reasons(review_on=day), what="A hold", on=LAST)


def test_today_is_the_controllers_day(case: ErasureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 6, 1, 22, 30, tzinfo=UTC))
    assert today(case) == date(2026, 6, 2), "half past midnight in Berlin"


def test_the_plan_is_open_until_it_is_approved(case: ErasureRequest) -> None:
    for state in State:
        case.state = state
        if state in (State.VERIFIED, State.ACCEPTED, State.TRACED, State.PLANNED):
            check_open(case)
            continue
        with pytest.raises(
            IllegalMove, match=r"^The plan of this case has been approved already[.] Send the case back"
        ):
            check_open(case)


def test_a_decision_is_a_row_and_an_event_without_its_words(case: ErasureRequest, aurora: seeded.Company) -> None:
    given = Reasons(
        ground=Ground.OBJECTION,
        exemption=Exemption.LEGAL_CLAIMS,
        reason="Words.",
        artifact="tickets",
        review_on=LAST,
        role=EntityRole.JOINT,
        detail="More.",
    )
    row = reasons.write(case, DecisionKind.HOLD, aurora.olga, given, plan_digest="d" * 64)
    said = (row.ground, row.exemption, row.reason, row.artifact, row.review_on, row.role, row.detail, row.plan_digest)
    assert said == ("17-1-c", "17-3-e", "Words.", "tickets", LAST, "joint", "More.", "d" * 64)
    assert (row.kind, row.by, row.round, row.request_id) == ("hold", aurora.olga, case.round, case.pk)
    assert timedelta(0) <= timezone.now() - row.at < timedelta(seconds=20)
    event = Event.objects.get(kind="decision.hold")
    assert (event.case, event.entity, event.actor) == (case.reference, "aurora", "olga")
    assert event.words() == {
        "ground": "17-1-c",
        "exemption": "17-3-e",
        "artifact": "tickets",
        "plan": "d" * 64,
        "role": "joint",
        "review_on": "2031-05-06",
    }


def test_a_decision_belongs_to_the_round_in_which_it_was_taken(case: ErasureRequest, aurora: seeded.Company) -> None:
    case.round = 3
    assert reasons.write(case, DecisionKind.ROLE, aurora.olga, Reasons(role=EntityRole.JOINT, artifact="a")).round == 3


def test_a_decision_without_anything_says_nothing(case: ErasureRequest, aurora: seeded.Company) -> None:
    row = reasons.write(case, DecisionKind.REPLAN, aurora.olga, Reasons())
    assert (row.ground, row.exemption, row.reason, row.artifact, row.role, row.detail, row.plan_digest) == ("",) * 7
    assert set(Event.objects.get(kind="decision.replan").words().values()) == {""}


@pytest.mark.parametrize(
    ("kind", "who"),
    [(DecisionKind.RELEASE, "system"), (DecisionKind.RESUME, "system"), (DecisionKind.CHALLENGE, "data subject")],
)
def test_who_decided_without_a_member_of_staff_is_named(case: ErasureRequest, kind: DecisionKind, who: str) -> None:
    reasons.write(case, kind, None, Reasons())
    assert Event.objects.get(kind=f"decision.{kind}").actor == who


def test_the_last_word_about_an_artifact_holds(case: ErasureRequest, aurora: seeded.Company) -> None:
    keep, hold = Exemption.LEGAL_OBLIGATION, Exemption.LEGAL_CLAIMS
    noted(case, aurora, DecisionKind.KEEP, artifact="a", exemption=keep)
    noted(case, aurora, DecisionKind.HOLD, artifact="a", exemption=hold, review_on=LAST)
    noted(case, aurora, DecisionKind.RESTRICT, artifact="b", exemption=Exemption.RESTRICTION)
    now = standing(case)
    assert (now.exemption_of("a"), now.exemption_of("b"), now.exemption_of("c")) == (hold, Exemption.RESTRICTION, None)
    noted(case, aurora, DecisionKind.RELEASE, artifact="a")
    assert standing(case).exemption_of("a") is keep
    noted(case, aurora, DecisionKind.HOLD, artifact=EVERYWHERE, exemption=hold, review_on=LAST)
    now = standing(case)
    assert now.exemption_of("a") is now.exemption_of("z") is hold
    noted(case, aurora, DecisionKind.RELEASE, artifact="a")
    assert standing(case).exemption_of("a") is hold, "a hold on all ends with its own release"
    noted(case, aurora, DecisionKind.RELEASE, artifact=EVERYWHERE)
    noted(case, aurora, DecisionKind.RESTRICT, artifact=EVERYWHERE, exemption=Exemption.RESTRICTION)
    now = standing(case)
    assert (now.exemption_of("a"), now.exemption_of("z")) == (keep, Exemption.RESTRICTION)


def test_the_last_word_is_the_latest_in_time_not_the_last_row(case: ErasureRequest, aurora: seeded.Company) -> None:
    keep, later = Exemption.LEGAL_OBLIGATION, Exemption.EXPRESSION
    noted(case, aurora, DecisionKind.KEEP, artifact="a", exemption=later)
    noted(case, aurora, DecisionKind.KEEP, artifact="a", exemption=keep)
    first, second = case.decisions.order_by("id")
    case.decisions.filter(pk=first.pk).update(at=second.at + timedelta(minutes=1))
    assert standing(case).exemption_of("a") is later


def test_a_case_is_taken_up_until_it_is_turned_away_and_again_once_it_is_instructed(
    case: ErasureRequest, aurora: seeded.Company
) -> None:
    assert taken_up(case) is True, "nothing was decided: nobody turned it away"
    given = {"ground": Ground.OBJECTION, "exemption": Exemption.LEGAL_CLAIMS, "reason": "r", "detail": "d"}
    turned = (DecisionKind.REFUSE, DecisionKind.EXCESSIVE, DecisionKind.UNIDENTIFIED, DecisionKind.FORWARD)
    for away in turned:
        noted(case, aurora, away, review_on=LAST, **given)
        assert taken_up(case) is False, away
        noted(case, aurora, DecisionKind.CHALLENGE, reason="Still there.")
        assert taken_up(case) is False, "a challenge alone carries nothing out"
        back = DecisionKind.INSTRUCT if away is DecisionKind.FORWARD else DecisionKind.ACCEPT
        noted(case, aurora, back, **given)
        assert taken_up(case) is True, back


def test_of_two_words_the_later_one_says_whether_a_case_is_taken_up(
    case: ErasureRequest, aurora: seeded.Company
) -> None:
    noted(case, aurora, DecisionKind.REFUSE, exemption=Exemption.LEGAL_CLAIMS, reason="r", review_on=LAST)
    noted(case, aurora, DecisionKind.ACCEPT, ground=Ground.OBJECTION)
    refused, accepted = case.decisions.order_by("id")
    case.decisions.filter(pk=refused.pk).update(at=accepted.at + timedelta(minutes=1))
    assert taken_up(case) is False, "written down first, taken last"
    case.decisions.filter(pk=refused.pk).update(at=accepted.at)
    assert taken_up(case) is True, "at the same moment: the one written down last"


def test_a_role_is_the_registers_until_it_is_decided_or_instructed(
    case: ErasureRequest, aurora: seeded.Company
) -> None:
    processor, joint = EntityRole.PROCESSOR, EntityRole.JOINT
    assert standing(case).role_of("a", processor) is processor
    noted(case, aurora, DecisionKind.ROLE, artifact="a", role=joint)
    noted(case, aurora, DecisionKind.ROLE, artifact="b", role=processor)
    now = standing(case)
    assert (now.role_of("a", processor), now.role_of("b", joint)) == (joint, processor)
    noted(case, aurora, DecisionKind.INSTRUCT, reason="Order 7.")
    now = standing(case)
    assert (now.role_of("a", processor), now.role_of("b", joint)) == (joint, EntityRole.CONTROLLER)
    case.decisions.all().delete()
    case.requester = Requester.CONTROLLER
    assert standing(case).role_of("c", processor) is EntityRole.CONTROLLER
    assert Standing().role_of("c", joint) is joint and not Standing().instructed


def test_the_laws_of_a_case_are_the_officers_else_the_entitys(case: ErasureRequest) -> None:
    case.entity.laws = ["gdpr", "swiss_fadp"]
    assert clocks.laws_of(case) == [Law.GDPR, Law.SWISS_FADP]
    case.laws = ["lgpd"]
    assert clocks.laws_of(case) == [Law.GDPR, Law.LGPD]
    case.law = Law.LGPD
    assert clocks.laws_of(case) == [Law.LGPD]


def test_the_leading_clock_is_the_earliest_promise_and_is_written_down(case: ErasureRequest) -> None:
    case.received_at = datetime(2026, 1, 30, 11, tzinfo=UTC)
    case.entity.laws = ["gdpr", "lgpd"]
    both = clocks.clocks_of(case)
    assert [clock.law for clock in both] == [Law.GDPR, Law.LGPD]
    clock = clocks.set_clock(case)
    assert clock.law is Law.LGPD
    dates = (case.nominal_on, case.conservative_on, case.promised_on)
    assert (
        dates == (clock.nominal, clock.conservative, clock.promised) == (date(2026, 2, 14),) * 2 + (date(2026, 2, 13),)
    )
    case.entity.laws = ["gdpr"]
    case.extended = True
    assert clocks.set_clock(case).nominal == date(2026, 4, 30)
    assert clocks.clock_of(case, extended=False).nominal == date(2026, 3, 2)
    assert clocks.clocks_of(case)[0].nominal == date(2026, 4, 30)
    assert clocks.clocks_of(case, extended=False)[0].nominal == date(2026, 3, 2)


def test_the_clock_knows_the_entitys_region_and_size(case: ErasureRequest) -> None:
    case.received_at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert clocks.clock_of(case, extended=False).nominal == date(2026, 6, 4)
    case.entity.subdivision = "BY"
    assert clocks.clock_of(case, extended=False).nominal == date(2026, 6, 5), "Corpus Christi"
    case.law, case.entity.laws = Law.LGPD, ["lgpd"]
    before = clocks.clock_of(case, extended=False).nominal
    case.entity.small_agent = True
    assert clocks.clock_of(case, extended=False).nominal == before + timedelta(days=15)


def test_an_extension_is_announced_inside_the_first_period_of_every_law_that_knows_one(case: ErasureRequest) -> None:
    case.received_at = datetime(2026, 1, 30, 11, tzinfo=UTC)
    case.entity.laws = ["gdpr", "lgpd"]
    assert clocks.extend_by(case) == date(2026, 3, 2)
    case.entity.laws = ["gdpr", "ccpa"]
    assert clocks.extend_by(case) == date(2026, 3, 2)
    case.extended = True
    assert clocks.extend_by(case) == date(2026, 3, 2), "as if it were not extended"
    case.law, case.entity.laws = Law.LGPD, ["lgpd", "swiss_fadp"]
    assert clocks.extend_by(case) is None


def test_pauses_are_read_in_pairs_in_local_days(case: ErasureRequest, aurora: seeded.Company) -> None:
    assert clocks.pauses_of(case) == ()
    noted(case, aurora, DecisionKind.RESUME)
    noted(case, aurora, DecisionKind.PAUSE, reason="r", detail="d")
    times = [datetime(2026, 6, 1, 9, tzinfo=UTC), datetime(2026, 6, 2, 22, 30, tzinfo=UTC)]
    for row, at in zip(case.decisions.order_by("id"), times, strict=True):
        case.decisions.filter(pk=row.pk).update(at=at)
    assert clocks.pauses_of(case) == (Pause(date(2026, 6, 3)),), "after midnight in Berlin; an answer before counts not"
    noted(case, aurora, DecisionKind.RESUME)
    noted(case, aurora, DecisionKind.RESUME)
    late = case.decisions.order_by("id")[2]
    case.decisions.filter(pk=late.pk).update(at=datetime(2026, 6, 10, 9, tzinfo=UTC))
    assert clocks.pauses_of(case) == (Pause(date(2026, 6, 3), date(2026, 6, 10)),)


def test_a_pause_moves_the_clocks_of_its_own_case_alone(case: ErasureRequest, aurora: seeded.Company) -> None:
    other = seeded.verified(aurora, email="second@example.org")
    received = datetime(2026, 6, 1, 11, tzinfo=UTC)
    case.received_at = other.received_at = received
    noted(case, aurora, DecisionKind.PAUSE, reason="r", detail="d")
    noted(case, aurora, DecisionKind.ROLE, artifact="a", role=EntityRole.JOINT)
    noted(case, aurora, DecisionKind.RESUME)
    for row, day in zip(case.decisions.order_by("id"), (3, 4, 10), strict=True):
        case.decisions.filter(pk=row.pk).update(at=received.replace(day=day))
    assert clocks.pauses_of(case) == (Pause(date(2026, 6, 3), date(2026, 6, 10)),), "a role in between answers nothing"
    assert clocks.pauses_of(other) == ()
    assert clocks.clock_of(case).nominal == date(2026, 7, 8)
    assert clocks.clock_of(other).nominal == date(2026, 7, 1)


def test_pauses_are_read_in_the_order_of_their_days(case: ErasureRequest, aurora: seeded.Company) -> None:
    noted(case, aurora, DecisionKind.RESUME)
    noted(case, aurora, DecisionKind.PAUSE, reason="r", detail="d")
    for row, day in zip(case.decisions.order_by("id"), (9, 2), strict=True):
        case.decisions.filter(pk=row.pk).update(at=datetime(2026, 6, day, 12, tzinfo=UTC))
    assert clocks.pauses_of(case) == (Pause(date(2026, 6, 2), date(2026, 6, 9)),)


def test_extending_is_refused_late_twice_and_where_no_law_knows_it(
    case: ErasureRequest, aurora: seeded.Company
) -> None:
    ErasureRequest.objects.filter(pk=case.pk).update(received_at=timezone.now() - timedelta(days=40))
    case.refresh_from_db()
    with pytest.raises(IllegalMove, match="before it has passed"):
        decisions.extend(case, by=aurora.olga, reasons=Reasons(reason="Complex."))
    case.received_at = timezone.now()
    case.law, case.entity.laws = Law.LGPD, ["lgpd"]
    with pytest.raises(IllegalMove, match="knows an extension"):
        decisions.extend(case, by=aurora.olga, reasons=Reasons(reason="Complex."))


def test_a_pause_is_asked_for_once(case: ErasureRequest, aurora: seeded.Company) -> None:
    assessing.pause(case, by=aurora.olga, reasons=Reasons(reason="Doubt.", detail="A number."))
    with pytest.raises(IllegalMove, match="once"):
        assessing.pause(case, by=aurora.olga, reasons=Reasons(reason="Doubt.", detail="A number."))
    assessing.resume(case, by=None, reason="Shown.")
    with pytest.raises(IllegalMove, match="Nothing about identity"):
        assessing.resume(case, by=None, reason="Shown.")
