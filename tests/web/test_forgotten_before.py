"""A plan that trains a model on says whom the model was made to forget in the same way before."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from compliance.intake.models import ErasureRequest
from compliance.mitigation import earlier
from compliance.mitigation.models import Plan, Step
from compliance.provenance.models import Artifact
from compliance.rules.terms import StepStatus
from tests.web import seeded


def done(case: ErasureRequest, model: Artifact, action: str, *, days_ago: int) -> None:
    """A step of the case's plan on the model, finished so many days ago."""
    plan = Plan.objects.filter(request=case).latest("number")
    at = timezone.now() - timedelta(days=days_ago)
    Step.objects.create(
        plan=plan, artifact=model, action=action, horizon="short_term", order=90, reason="-", planned={},
        status=StepStatus.DONE, receipt={"level": "done"}, started_at=at, finished_at=at,
    )  # fmt: skip


def _count(case: ErasureRequest, model: Artifact) -> int:
    return len(earlier.forgotten_before(case, model))


def test_cases_since_the_last_rebuild_are_counted_once_and_never_ones_own(aurora: seeded.Company) -> None:
    made = seeded.register(aurora.entity)
    model = made["support_lm"]
    first, second, third = (
        seeded.planned(aurora, made, email=f"{name}@example.org") for name in ("ana.one", "ben.two", "cleo.three")
    )
    assert _count(third, model) == 0
    done(first, model, "unlearn_model", days_ago=9)
    done(first, model, "unlearn_model", days_ago=8)
    done(second, model, "unlearn_model", days_ago=7)
    done(third, model, "unlearn_model", days_ago=6)
    assert _count(third, model) == 2
    assert _count(third, made["kb_index"]) == 0
    done(second, model, "replay_model", days_ago=5)
    assert _count(third, model) == 0
    done(first, model, "unlearn_model", days_ago=4)
    assert _count(third, model) == 1
