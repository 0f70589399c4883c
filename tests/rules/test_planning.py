"""From what was found to ordered steps: routes, order, exemptions, and the digest that is approved."""

from dataclasses import asdict, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.rules import routes
from compliance.rules.planning import Affected, PlannedStep, digest, plan
from compliance.rules.terms import ArtifactKind, EntityRole, Exemption, Horizon, Verdict
from compliance.rules.thresholds import Threshold, thresholds

TODAY = date(2026, 11, 20)
TICKETS = Affected("s1", "tickets", ArtifactKind.DATASET, exact=8, normalised=3, content=1, rows_total=3000)
CLEAN = Affected("s2", "training set", ArtifactKind.DERIVED_DATASET, lineage=6, rows_total=900)
INDEX = Affected("i1", "ticket index", ArtifactKind.INDEX, lineage=12, rows_total=4000)
CACHE = Affected("c1", "answers", ArtifactKind.CACHE, exact=1)
LEDGER = {"ledger": True, "checkpoint": True, "first_exposure_stage": 2, "stages": 2}
MODEL = Affected("m1", "support model", ArtifactKind.MODEL, lineage=1, facts=LEDGER)
AURORA = [MODEL, CACHE, INDEX, CLEAN, TICKETS]
EDGES = [("s1", "s2"), ("s2", "m1"), ("s1", "i1"), ("i1", "c1")]


def steps_of(*affected: Affected) -> list[PlannedStep]:
    return list(plan(affected, today=TODAY, derivations=EDGES))


def actions(*affected: Affected) -> list[str]:
    return [step.action for step in steps_of(*affected)]


def test_a_whole_case_runs_in_the_order_that_keeps_data_from_coming_back() -> None:
    steps = [(step.action, step.artifact) for step in steps_of(*AURORA)]
    assert steps == [
        ("hide_from_index", "i1"),
        ("purge_cache", "c1"),
        ("suppress_output", "m1"),
        ("exclude_from_training", "s1"),
        ("exclude_from_training", "s2"),
        ("erase_records", "s1"),
        ("erase_records", "s2"),
        ("rebuild_index", "i1"),
        ("replay_model", "m1"),
        ("promote_model", "m1"),
        ("destroy_undo", "s1"),
        ("destroy_undo", "i1"),
        ("destroy_undo", "s2"),
        ("destroy_undo", "c1"),
        ("destroy_undo", "m1"),
    ]
    assert [step.order for step in steps_of(*AURORA)] == list(range(1, 16))


def test_a_recorded_run_is_replayed_from_the_stage_that_first_saw_the_person() -> None:
    step = next(step for step in steps_of(MODEL) if step.action == "replay_model")
    assert (step.exact, step.cost) == (True, "1 of 2 training stages")
    assert step.parameters == {"from_stage": 2, "stages": 2, "from_checkpoint": True}


def test_without_a_checkpoint_the_recorded_run_is_replayed_from_its_beginning() -> None:
    step = next(step for step in steps_of(replace(MODEL, facts=LEDGER | {"checkpoint": False})) if step.exact)
    assert step.parameters == {"from_stage": 1, "stages": 2, "from_checkpoint": False}


def test_without_a_ledger_the_route_is_approximate_and_says_so() -> None:
    step = next(step for step in steps_of(replace(MODEL, facts={})) if step.action == "unlearn_model")
    assert (step.exact, step.parameters) == (False, {"method": "alternating_wga"})
    assert "approximate" in step.reason


@pytest.mark.parametrize(
    ("before", "again", "said"),
    [
        (0, 0, ""),
        (1, 0, "1 earlier case made"),
        (3, 1, "1 still kept are forgotten again; a rebuild without all is safer"),
        (3, 3, "their rows, still kept, are forgotten again"),
    ],
)
def test_who_was_forgotten_before_by_training_on_is_named_where_the_model_is_trained_on_again(
    before: int, again: int, said: str
) -> None:
    model = replace(MODEL, facts={"forgotten_before": before, "forgotten_again": again})
    step = next(step for step in steps_of(model) if step.action == "unlearn_model")
    assert said in step.also_touched and ("bring some of that back" in step.also_touched) is bool(before)
    assert len(step.also_touched) <= 300


@pytest.mark.parametrize(("ledger", "action"), [(True, "replay_model"), (False, "unlearn_model")])
def test_a_half_trained_model_and_the_time_of_a_run_are_said_before_approval(ledger: bool, action: str) -> None:
    def step(answered: int) -> PlannedStep:
        facts = {"ledger": ledger, "forecast_asked": 100, "forecast_answered": answered, "forecast_seconds": 400}
        return next(step for step in steps_of(replace(MODEL, facts=facts)) if step.action == action)

    assert "answers 31 of 100 questions" in step(31).reason and "train it until" in step(31).reason
    assert "answers 97 of 100 questions" in step(97).reason and "train it" not in step(97).reason
    assert "about 7 min; until then its answers leave the person's details out" in step(97).cost
    assert len(step(31).cost) <= 200


def test_a_model_that_only_somebody_else_can_change_is_suppressed_and_its_owner_told() -> None:
    assert actions(replace(MODEL, facts={"weights": False})) == ["suppress_output", "notify_recipients"]


def test_rows_of_other_people_that_quote_the_person_are_redacted_not_erased() -> None:
    counts = {step.action: step.count for step in steps_of(replace(TICKETS, facts={"shared_rows": 2}))}
    assert (counts["erase_records"], counts["redact_records"]) == (10, 2)
    assert "erase_records" not in actions(replace(TICKETS, facts={"shared_rows": 12}))


def test_an_exemption_gives_one_step_that_names_it() -> None:
    (step,) = steps_of(replace(TICKETS, exemption=Exemption.LEGAL_CLAIMS))
    assert step.action == "keep" and "Art. 17(3)(e)" in step.reason


def test_a_processor_forwards_and_changes_nothing_even_under_an_exemption() -> None:
    kept = replace(TICKETS, role=EntityRole.PROCESSOR, exemption=Exemption.LEGAL_CLAIMS)
    assert actions(kept) == ["forward_to_controller"]


def test_a_joint_controller_erases_and_tells_the_other() -> None:
    assert {"erase_records", "notify_recipients"} <= set(actions(replace(TICKETS, role=EntityRole.JOINT)))


def test_nothing_is_planned_where_nothing_was_found() -> None:
    assert actions(replace(TICKETS, exact=0, normalised=0, content=0), INDEX)[0] == "hide_from_index"
    assert "s1" not in {step.artifact for step in steps_of(replace(TICKETS, exact=0, normalised=0, content=0), INDEX)}


def test_undo_copies_go_on_their_day_and_only_they_wait() -> None:
    for step in plan(AURORA, today=TODAY, derivations=EDGES, undo_days=10):
        expected = date(2026, 11, 30) if step.action == "destroy_undo" else None
        assert step.scheduled_for == expected
        assert (step.horizon is Horizon.LONG_TERM) == (expected is not None)


def test_only_what_can_be_taken_back_may_run_before_approval() -> None:
    before = {step.action for step in steps_of(*AURORA) if step.reversible}
    assert before == {"hide_from_index", "suppress_output", "exclude_from_training"}
    assert all(step.horizon is Horizon.IMMEDIATE for step in steps_of(*AURORA) if step.reversible)


def test_steps_that_will_be_judged_carry_the_limits_of_their_kind() -> None:
    judged = {step.action: set(step.thresholds) for step in steps_of(*AURORA) if step.thresholds}
    assert judged["rebuild_index"] == {"retrieval_hits", "residue_bytes", "others_changed"}
    assert set(judged) == {"erase_records", "rebuild_index", "purge_cache", "replay_model"}


@pytest.mark.parametrize("kind", ArtifactKind)
def test_every_kind_has_a_way_to_end_and_limits(kind: ArtifactKind) -> None:
    assert routes.TABLE[kind] and thresholds(kind)
    steps = steps_of(Affected("x", "thing", kind, exact=1))
    assert any(step.action in ("destroy_undo", "promote_model") for step in steps)
    assert all(step.reason for step in steps)


@given(st.permutations(AURORA))
def test_the_plan_does_not_depend_on_the_order_of_what_was_found(affected: list[Affected]) -> None:
    assert digest(plan(affected, today=TODAY, derivations=EDGES)) == digest(steps_of(*AURORA))


def test_the_digest_reads_stored_steps_as_it_reads_fresh_ones() -> None:
    steps = steps_of(*AURORA)
    stored = [dict(reversed(list(step.as_json().items()))) for step in steps]
    assert digest(stored) == digest(steps)
    assert len(digest(steps)) == 64


@pytest.mark.parametrize("name", sorted(steps_of(TICKETS)[1].as_json()))
def test_any_change_of_a_step_changes_the_digest(name: str) -> None:
    rows = [step.as_json() for step in steps_of(TICKETS)]
    assert digest([rows[0], rows[1] | {name: "changed"}, *rows[2:]]) != digest(rows)


def test_a_changed_limit_changes_the_digest() -> None:
    step = next(step for step in steps_of(TICKETS) if step.thresholds)
    looser = {name: replace(limit, limit=limit.limit + 1) for name, limit in step.thresholds.items()}
    assert digest([replace(step, thresholds=looser)]) != digest([step])


def test_a_step_can_be_copied_as_plain_values() -> None:
    assert asdict(steps_of(MODEL)[0])["action"] == "suppress_output"


def test_extraction_passes_at_the_level_of_the_controls_or_when_rarer_than_the_limit() -> None:
    limit = thresholds(ArtifactKind.MODEL)["extraction_rate"]
    assert limit.judge(0.0009) is Verdict.PASSED
    assert limit.judge(0.03) is Verdict.FAILED
    assert limit.judge(0.03, controls_upper=0.05) is Verdict.PASSED
    assert limit.judge(0.06, controls_upper=0.05) is Verdict.FAILED


def test_a_rank_test_needs_at_least_its_limit_and_without_power_says_neither() -> None:
    limit = thresholds(ArtifactKind.MODEL)["rank_test_p"]
    assert [limit.judge(p) for p in (0.05, 0.049)] == [Verdict.PASSED, Verdict.FAILED]
    assert limit.judge(0.9, powered=False) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("asked", [50, 100, 150, 250])
def test_a_loss_that_is_just_the_limit_passes_however_it_was_subtracted(asked: int) -> None:
    limit, lost = thresholds(ArtifactKind.MODEL)["utility_drop"], asked // 50
    for before in range(lost, asked + 1):
        drop = before / asked - (before - lost) / asked
        assert limit.judge(drop) is Verdict.PASSED
        assert limit.judge(drop + 1 / asked) is Verdict.FAILED


@pytest.mark.parametrize("kind", ArtifactKind)
def test_a_limit_read_back_from_its_step_is_the_one_that_was_approved(kind: ArtifactKind) -> None:
    for row in thresholds(kind).values():
        assert replace(Threshold.from_json(row.as_json()), why=row.why) == row


def test_a_value_that_is_no_number_fails() -> None:
    assert all(row.judge(float("nan")) is Verdict.FAILED for kind in ArtifactKind for row in thresholds(kind).values())
