"""The engineer's pages of unlearning jobs: curve, before and after, files; nobody else's."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.forgetting.models import Point
from compliance.jobs.models import Job
from compliance.rules.terms import JobStatus, Role
from tests.api.building import Company, company, unlearning_order

RESULT = {
    "gate": "pass",
    "exactness": "approximate",
    "method": "project_distil",
    "reasons": ["Every rule holds."],
    "cost": {"seconds": 1.25},
    "provenance": {"model_before": "a" * 64, "model_after": "b" * 64},
    "figures": [
        {"name": "probe recall", "value": 0.95, "n": 90, "low": None, "high": None, "note": ""},
        {"name": "probe recall", "value": 0.99, "n": 90, "low": None, "high": None, "note": "before"},
    ],
}


@pytest.fixture
def aurora(db: None) -> Company:
    return company("aurora")


def browser(at: Company, role: Role) -> Client:
    """Somebody with one role, signed in."""
    found = Client()
    found.force_login(at.staff[role])
    return found


def test_a_done_job_shows_what_came_out(aurora: Company) -> None:
    ordered = unlearning_order(aurora)
    ordered.result, ordered.artifacts = RESULT, [{"name": "model.safetensors", "bytes": 12, "sha256": "c" * 64}]
    ordered.save()
    Job.objects.filter(case_id=ordered.pk).update(status=JobStatus.DONE, fraction=1)
    for at, loss in enumerate((2.0, 1.0, 0.5)):
        Point.objects.create(job=ordered, fraction=at / 2, message=f"loss {loss}", figures={"loss": loss})
    page = browser(aurora, Role.ENGINEER).get(f"/models/jobs/{ordered.pk}/").content.decode()
    for words in ("Every rule holds.", "b" * 64, "model.safetensors", "probe recall", "loss, now 0.5", "1.2"):
        assert words in page, words
    assert page.count("<svg") == 2 and "Cancel this job" not in page
    assert "support" in browser(aurora, Role.ENGINEER).get("/models/jobs/").content.decode()


def test_a_waiting_job_asks_again_by_itself_and_can_be_cancelled(aurora: Company) -> None:
    ordered = unlearning_order(aurora)
    Job.objects.filter(case_id=ordered.pk).update(status=JobStatus.QUEUED)
    engineer = browser(aurora, Role.ENGINEER)
    assert "every 2s" in engineer.get(f"/models/jobs/{ordered.pk}/").content.decode()
    engineer.post(f"/models/jobs/{ordered.pk}/cancel/")
    part = engineer.get(f"/models/jobs/{ordered.pk}/progress/").content.decode()
    assert "Cancelled" in part and "every 2s" not in part


def test_only_engineers_of_the_company_see_it(aurora: Company) -> None:
    ordered = unlearning_order(aurora)
    assert browser(aurora, Role.OFFICER).get(f"/models/jobs/{ordered.pk}/").status_code == 404
    assert browser(company("boreal"), Role.ENGINEER).get(f"/models/jobs/{ordered.pk}/").status_code == 404
    assert Client().get(f"/models/jobs/{ordered.pk}/").status_code == 302
    assert "/models/jobs/" not in browser(aurora, Role.OFFICER).get("/officer/").content.decode()
