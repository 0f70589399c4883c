"""A case that was planned anew before anybody was answered: its answer says what every plan did, and proves it."""

from __future__ import annotations

from compliance.evidence import facts, gathering
from compliance.evidence.letters import render_letter
from compliance.intake import decisions
from compliance.jobs import services as jobs
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Plan
from compliance.rules.claims import CHANGING
from compliance.rules.terms import Letter, State, StepStatus
from compliance.worker import tasks
from tests.worker.small_company import House
from tests.worker.test_truthful import finish, verifies

LINKS = {"status": "http://localhost/status/"}


def outcome(house: House) -> str:
    """The text of the answer as the case stands now."""
    said = facts.letter_facts(house.case, Letter.OUTCOME, links=LINKS, only_here={})
    return render_letter(Letter.OUTCOME, house.case.language, said).text


def fall_short_once(house: House) -> None:
    """Carried out, then the person is written down again by somebody, so that the proof fails; then that is gone."""
    house.planned()
    house.approve()
    job = jobs.claim("test")
    assert job is not None and tasks.perform(job) and house.state() is State.MITIGATED
    path = house.folder / "raw" / "tickets.jsonl"
    clean = path.read_bytes()
    path.write_bytes(clean + b'{"id": "T-planted", "body": "Write to %s"}\n' % house.person.email.encode())
    house.work()
    assert house.state() is State.PLANNED, house.stopped()
    path.write_bytes(clean)


def test_what_an_earlier_plan_erased_is_in_the_answer_and_proven_anew(records: House) -> None:
    fall_short_once(records)
    first = Plan.objects.get(request=records.case)
    done = first.steps.filter(action__in=CHANGING, status=StepStatus.DONE)
    erased = {s.artifact.name: (s.receipt or {})["removed"] for s in done.filter(action="erase_records") if s.artifact}
    assert erased and all(erased.values())
    decisions.look_again(records.case, by=records.users["olga.demo"], reason="A colleague had written it down again.")
    records.work()
    plan = mitigation.current_plan(records.case)
    assert plan is not None and plan.round == 2 and not plan.steps.filter(action__in=CHANGING).exists()
    finish(records)
    text = outcome(records)
    for name, count in erased.items():
        assert f"records from {name}: {count}." in text, text
    assert "We have no record" not in text and ": 0." not in text
    remains = text.partition("What remains")[2].partition("\n\n\n")[0]
    assert "not told them yet" in text and "Support tickets" in remains and "tell" in remains
    treated = {step.artifact.slug for step in done if step.artifact}
    facts_of_it = gathering.gather(records.case, plan)
    assert treated <= {claim.artifact for claim in facts_of_it.claims if claim.measurements}
    assert treated <= {row.artifact for row in facts_of_it.measurements if row.threshold and row.verdict}
    assert verifies(records)
