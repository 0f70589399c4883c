"""Cases bound into one run of a model: who may join, how long they wait, who does the work, who may leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from compliance.intake import decisions, services
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.jobs.progress import Unattended
from compliance.mitigation import together, turns
from compliance.mitigation.models import Membership, SharedRun, Step
from compliance.mitigation.tasks import NotYet, Task
from compliance.provenance.models import Artifact
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed
from compliance.rules.terms import JobStatus, State, StepStatus
from tests.web import seeded

NAMES = ("ana.one", "ben.two", "cleo.three")


@pytest.fixture
def made(aurora: seeded.Company) -> dict[str, Artifact]:
    return seeded.register(aurora.entity)


@pytest.fixture
def cases(aurora: seeded.Company, made: dict[str, Artifact]) -> list[ErasureRequest]:
    """Three planned cases that reach the same model."""
    return [seeded.planned(aurora, made, email=f"{name}@example.org") for name in NAMES]


def approve(firm: seeded.Company, case: ErasureRequest) -> None:
    digest = seeded.plan_of(case).digest
    for who in (firm.olga, firm.bruno):
        decisions.approve(case, by=who, plan_digest=digest, current_digest=digest)


def task_of(case: ErasureRequest) -> Task:
    fresh = ErasureRequest.objects.get(pk=case.pk)
    return Task(fresh, seeded.plan_of(fresh).steps.get(action="replay_model"), Unattended())


def bound(firm: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]) -> SharedRun:
    first, *others = cases
    slug = made["support_lm"].slug
    return together.bind(first, by=firm.olga, artifact=slug, references=[case.reference for case in others])


def at_work(case: ErasureRequest) -> None:
    """A worker holds the case's job."""
    until = timezone.now() + timedelta(hours=1)
    Job.objects.of(case.pk).live().update(status=JobStatus.RUNNING, lease_until=until)


def test_the_page_offers_the_others_and_binds_those_that_are_ticked(
    aurora: seeded.Company, cases: list[ErasureRequest], olga: Client
) -> None:
    first, second, third = cases
    page = olga.get(f"/officer/cases/{first.reference}/").content.decode()
    assert "2 other cases wait for this model: forget together in one run" in page
    asked = {"artifact": "aurora-support-lm", "case": [second.reference]}
    page = olga.post(f"/officer/cases/{first.reference}/together/bind/", asked, follow=True).content.decode()
    assert "shares one run with 1 other case" in page and "Take this case out" in page
    assert f'value="{third.reference}"' in page and f'value="{second.reference}"' not in page
    theirs = olga.get(f"/officer/cases/{second.reference}/").content.decode()
    assert "shares one run with 1 other case" in theirs and first.reference in theirs


def test_only_an_officer_of_the_company_binds(
    aurora: seeded.Company, cases: list[ErasureRequest], bruno: Client, stranger: Client
) -> None:
    first, second, _ = cases
    asked = {"artifact": "aurora-support-lm", "case": [second.reference]}
    address = f"/officer/cases/{first.reference}/together/bind/"
    assert stranger.post(address, asked).status_code == 404
    page = bruno.get(f"/officer/cases/{first.reference}/").content.decode()
    assert "wait for this model" in page and "together/bind/" not in page
    bruno.post(address, asked)
    with pytest.raises(NotAllowed):
        together.bind(first, by=aurora.bruno, artifact="aurora-support-lm", references=[second.reference])
    assert not SharedRun.objects.exists()


def test_the_api_says_who_could_join_binds_and_takes_out(aurora: seeded.Company, cases: list[ErasureRequest]) -> None:
    first, second, third = cases
    client = Client(headers={"Authorization": f"Token {Token.objects.create(user=aurora.olga).key}"})
    at = f"/api/v1/cases/{first.reference}/together/"
    (line,) = client.get(at).json()
    assert {case["reference"] for case in line["others"]} == {second.reference, third.reference}
    asked = {"artifact": line["artifact"], "cases": [second.reference]}
    assert client.post(f"{at}bind/", asked, content_type="application/json").status_code == 200
    (line,) = client.get(at).json()
    assert [case["reference"] for case in line["members"]] == [second.reference] and line["begins_by"]
    named = {"artifact": line["artifact"]}
    assert client.post(f"{at}leave/", named, content_type="application/json").status_code == 200
    assert client.get(at).json()[0]["run"] is None
    unknown = {"artifact": line["artifact"], "cases": ["OUB-AAAA-AAAA"]}
    assert client.post(f"{at}bind/", unknown, content_type="application/json").status_code == 422


def test_a_bound_case_waits_until_all_are_approved_and_then_one_does_the_work(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, _ = cases
    run = bound(aurora, made, [first, second])
    approve(aurora, first)
    with pytest.raises(NotYet, match="1 other case to be approved"):
        turns.turn(task_of(first))
    approve(aurora, second)
    at_work(first)
    task = task_of(first)
    assert turns.turn(task) == run and {case.pk for case in task.together} == {first.pk, second.pk}
    with pytest.raises(NotYet, match="A worker is at the run"):
        turns.turn(task_of(second))
    # The worker is killed: its lease runs out, and the next that comes takes the run up.
    Job.objects.of(first.pk).live().update(lease_until=timezone.now() - timedelta(seconds=1))
    assert turns.turn(task_of(second)) == run
    assert SharedRun.objects.get().holder == second.pk


def test_nobody_waits_past_the_reserve_before_the_earliest_promised_date(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, third = cases
    bound(aurora, made, cases)
    approve(aurora, first)
    approve(aurora, second)
    near = timezone.now().date() + timedelta(days=turns.RESERVE)
    ErasureRequest.objects.filter(pk=third.pk).update(promised_on=near)
    task = task_of(first)
    assert turns.turn(task) is not None
    assert {case.pk for case in task.together} == {first.pk, second.pk}
    assert Membership.objects.get(request=third).left_at


def test_a_case_whose_date_is_near_cannot_be_bound(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, _ = cases
    near = timezone.now().date() + timedelta(days=turns.RESERVE)
    ErasureRequest.objects.filter(pk=second.pk).update(promised_on=near)
    with pytest.raises(InvalidInput, match="cannot join"):
        bound(aurora, made, [first, second])
    with pytest.raises(InvalidInput, match="cannot wait"):
        bound(aurora, made, [ErasureRequest.objects.get(pk=second.pk), first])
    assert not SharedRun.objects.exists()


def test_a_case_that_goes_elsewhere_leaves_the_others_and_one_that_is_left_goes_alone(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, third = cases
    run = bound(aurora, made, cases)
    decisions.look_again(second, by=aurora.olga, reason="registered late")
    together.leave(third, by=aurora.olga, artifact=made["support_lm"].slug)
    approve(aurora, first)
    assert turns.turn(task_of(first)) is None
    assert not run.members.filter(left_at=None).exists()


def test_the_officer_begins_without_those_that_are_not_approved(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, third = cases
    bound(aurora, made, cases)
    slug = made["support_lm"].slug
    with pytest.raises(IllegalMove, match="none of its cases is approved"):
        together.call(first, by=aurora.olga, artifact=slug)
    approve(aurora, first)
    approve(aurora, second)
    together.call(third, by=aurora.olga, artifact=slug)
    task = task_of(second)
    assert turns.turn(task) is not None and third.pk not in {case.pk for case in task.together}


def test_a_second_model_is_not_made_while_the_first_does_not_serve(
    aurora: seeded.Company, cases: list[ErasureRequest]
) -> None:
    first, second, _ = cases
    approve(aurora, first)
    approve(aurora, second)
    at_work(first)
    made_by_first = task_of(first).step
    Step.objects.filter(pk=made_by_first.pk).update(
        status=StepStatus.DONE, receipt={"weights": "a"}, finished_at=timezone.now()
    )
    with pytest.raises(NotYet, match="has to serve first"):
        turns.turn(task_of(second))
    # A case that has stopped holds up nobody: what it made is made again before it may serve.
    Job.objects.of(first.pk).update(status=JobStatus.FAILED)
    assert turns.turn(task_of(second)) is None


def test_a_plan_drafted_after_the_run_goes_alone(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest]
) -> None:
    first, second, _ = cases
    bound(aurora, made, [first, second])
    approve(aurora, first)
    approve(aurora, second)
    task = task_of(first)
    turns.turn(task)
    services.move(task.request, to=State.PLANNED, by=services.SYSTEM)
    plan = seeded.plan_of(first)
    step = Step.objects.get(pk=task.step.pk)
    plan.pk, plan.number = None, plan.number + 1
    plan.save()
    step.pk, step.plan = None, plan
    step.save()
    assert Task(task.request, step, Unattended()).shared is None


def test_asking_who_could_join_costs_as_much_with_many_cases(
    aurora: seeded.Company, made: dict[str, Artifact], cases: list[ErasureRequest], django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        seeded.planned(aurora, made, email=f"more{number}@example.org")
    with django_assert_max_num_queries(12):
        (sharing,) = together.sharings(cases[0])
    assert len(sharing.others) == 5


def test_who_is_bound_while_the_run_begins_does_not_slip_into_it(
    aurora: seeded.Company,
    made: dict[str, Artifact],
    cases: list[ErasureRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = bound(aurora, made, cases[:2])
    for case in cases[:2]:
        approve(aurora, case)
    held = turns.hold_still

    def joined(artifact: int) -> None:
        """A third case, bound by another officer in the same moment: it is not approved, and its rows are not asked."""
        Membership.objects.create(run=run, request=cases[2])
        held(artifact)

    with monkeypatch.context() as patch:
        patch.setattr(turns, "hold_still", joined)
        with pytest.raises(NotYet, match="just joined"):
            turns.turn(task_of(cases[0]))
    run.refresh_from_db()
    assert run.begun_at is None
