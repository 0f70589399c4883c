"""What may be said of a table's model: erased when it equals a fit without the person, else nothing."""

from __future__ import annotations

from datetime import date

import pytest

from compliance.rules import planning
from compliance.rules.affected import Affected
from compliance.rules.claims import claim
from compliance.rules.proof import Evidence, MeasurementResult, StepResult
from compliance.rules.terms import ArtifactKind, ClaimLevel, StepStatus, Verdict
from compliance.rules.thresholds import TABLE_MODEL, thresholds


def evidence(verdict: Verdict | None, *, promoted: bool = True, unread: bool = False) -> Evidence:
    """A model that was fitted anew, and what the audit said."""
    last = StepStatus.DONE if promoted else StepStatus.FAILED
    return Evidence(
        artifact="churn",
        name="Churn model",
        kind=ArtifactKind.MODEL,
        connector=TABLE_MODEL,
        steps=(
            StepResult("replay_model", StepStatus.DONE, level="rebuilt", exact=True),
            StepResult("promote_model", last, level="promoted"),
        ),
        measurements=(MeasurementResult("equals_a_fit_without", verdict, 1.0),) if verdict else (),
        unread=unread,
    )


def test_a_model_that_equals_a_fit_without_the_person_is_erased() -> None:
    assert claim(evidence(Verdict.PASSED)).level is ClaimLevel.ERASED


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INCONCLUSIVE, None])
def test_anything_less_is_not_shown_and_an_undecided_audit_is_said(verdict: Verdict | None) -> None:
    found = claim(evidence(verdict))
    assert found.level is ClaimLevel.NOT_SHOWN
    assert ("not_enough_power" in found.notes) == (verdict is Verdict.INCONCLUSIVE)


def test_a_model_that_does_not_serve_or_was_not_read_is_never_called_mitigated() -> None:
    assert claim(evidence(Verdict.PASSED, promoted=False)).level is ClaimLevel.NOT_SHOWN
    assert claim(evidence(Verdict.PASSED, unread=True)).level is ClaimLevel.NOT_SHOWN


def test_its_plan_fits_it_anew_before_the_rows_go_and_suppresses_nothing() -> None:
    model = Affected("churn", "Churn model", ArtifactKind.MODEL, lineage=1, connector=TABLE_MODEL)
    table = Affected("visits", "Visits", ArtifactKind.DATASET, exact=3, connector="files")
    steps = planning.plan([table, model], today=date(2026, 1, 5), derivations=[("visits", "churn")])
    actions = [(step.artifact, step.action) for step in steps]
    assert actions.index(("churn", "replay_model")) < actions.index(("visits", "erase_records"))
    assert actions.index(("visits", "erase_records")) < actions.index(("churn", "promote_model"))
    assert not {"suppress_output", "unlearn_model"} & {action for _, action in actions}
    (fit,) = [step for step in steps if step.action == "replay_model"]
    assert fit.exact
    assert set(fit.thresholds) == {"equals_a_fit_without"} == set(thresholds(ArtifactKind.MODEL, TABLE_MODEL))


def test_a_language_model_keeps_its_route_and_its_limits() -> None:
    model = Affected("answers", "Answers", ArtifactKind.MODEL, lineage=1, connector="model")
    actions = {step.action for step in planning.plan([model], today=date(2026, 1, 5))}
    assert {"suppress_output", "unlearn_model"} <= actions
    assert "replay_model" not in actions
