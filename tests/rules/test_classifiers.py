"""What is planned for a classifier and what may be said of it: exact in time, else approximate with its limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from compliance.rules import planning
from compliance.rules.affected import Affected, Fact
from compliance.rules.claims import claim
from compliance.rules.proof import Evidence, MeasurementResult, StepResult
from compliance.rules.sentences import LANGUAGES, sentence, sentences
from compliance.rules.terms import ArtifactKind, ClaimLevel, StepStatus, Verdict
from compliance.rules.thresholds import CLASSIFIER, thresholds

MEASURED = ("membership_auc_distance", "found_at_one_percent", "accuracy_lost")


def planned(**facts: Fact) -> list[planning.PlannedStep]:
    """The steps of a classifier and its pictures."""
    model = Affected("faces", "Faces", ArtifactKind.MODEL, lineage=1, connector=CLASSIFIER, facts=facts)
    photos = Affected("photos", "Photos", ArtifactKind.DATASET, exact=3, connector="images")
    return list(planning.plan([photos, model], today=date(2026, 1, 5), derivations=[("photos", "faces")]))


def evidence(*, exact: bool, **verdicts: Verdict) -> Evidence:
    """A classifier that was treated, and what was measured."""
    action = "replay_model" if exact else "unlearn_model"
    return Evidence(
        artifact="faces",
        name="Faces",
        kind=ArtifactKind.MODEL,
        connector=CLASSIFIER,
        steps=(
            StepResult(action, StepStatus.DONE, level="rebuilt" if exact else "unlearned", exact=exact),
            StepResult("promote_model", StepStatus.DONE, level="promoted"),
        ),
        measurements=tuple(MeasurementResult(name, verdict, 0.0) for name, verdict in verdicts.items()),
    )


def test_what_can_be_trained_in_time_is_trained_before_the_pictures_go() -> None:
    steps = planned(exact=True, method="retrain", predicted=40, budget=3600)
    actions = [(step.artifact, step.action) for step in steps]
    assert actions.index(("faces", "replay_model")) < actions.index(("photos", "erase_records"))
    assert actions.index(("photos", "erase_records")) < actions.index(("faces", "promote_model"))
    assert not {"suppress_output", "unlearn_model"} & {action for _, action in actions}
    (made,) = [step for step in steps if step.action == "replay_model"]
    assert made.exact
    assert made.parameters == {
        "method": "retrain", "predicted": 40, "budget": 3600, "by": "unlearning job",
    }  # fmt: skip
    assert "40 s, of 3,600 s" in made.reason
    assert set(made.thresholds) == set(thresholds(ArtifactKind.MODEL, CLASSIFIER))


def test_parts_are_trained_again_and_an_unknown_time_is_said() -> None:
    (parts,) = [step for step in planned(exact=True, shards=5) if step.action == "replay_model"]
    assert "5 parts" in parts.reason
    (unknown,) = [step for step in planned(exact=True) if step.action == "replay_model"]
    assert "could not be predicted" in unknown.reason


def test_what_takes_too_long_is_approximated_and_the_plan_says_why_and_what_else() -> None:
    steps = planned(exact=False, method="oof_match", predicted=9000, budget=3600, references=16)
    (made,) = [step for step in steps if step.action == "unlearn_model"]
    assert made.exact is False
    assert "9,000 s, of 3,600 s" in made.reason
    assert "budget_seconds" in made.reason
    assert "16 small ones" in made.cost
    assert "replay_model" not in {step.action for step in steps}


def test_a_plan_says_what_the_next_request_will_miss_or_what_training_it_anew_takes() -> None:
    facts = {"exact": False, "method": "oof_match", "predicted": 9000, "budget": 3600, "references": 16, "folds": 5}
    for renew, said in ((False, "classifier folds; about 45,000 s"), (True, "before it serves: about 45,000 s")):
        (made,) = [step for step in planned(**facts, renew_folds=renew) if step.action == "unlearn_model"]
        assert said in made.reason and made.parameters["folds"] == 5
    without = [step.reason for step in planned(**{**facts, "folds": 0}) if step.action == "unlearn_model"]
    assert "out-of-fold" not in without[0]


def test_equal_to_a_retraining_is_erased_and_anything_less_is_not() -> None:
    passed = {"equals_a_retraining": Verdict.PASSED, "accuracy_lost": Verdict.PASSED}
    assert claim(evidence(exact=True, **passed)).level is ClaimLevel.ERASED
    for verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        found = claim(evidence(exact=True, **{**passed, "equals_a_retraining": verdict}))
        assert found.level is ClaimLevel.NOT_SHOWN
    assert claim(evidence(exact=True, accuracy_lost=Verdict.PASSED)).level is ClaimLevel.NOT_SHOWN
    assert claim(evidence(exact=True, equals_a_retraining=Verdict.PASSED)).level is ClaimLevel.ERASED


def test_an_approximate_route_is_mitigated_only_when_every_attack_is_decided() -> None:
    passed = dict.fromkeys(MEASURED, Verdict.PASSED)
    found = claim(evidence(exact=False, **passed))
    assert found.level is ClaimLevel.MITIGATED
    assert "may_be_undone" in found.notes
    for name in MEASURED:
        for verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
            short = claim(evidence(exact=False, **{**passed, name: verdict}))
            assert short.level is ClaimLevel.NOT_SHOWN
            assert ("not_enough_power" in short.notes) == (verdict is Verdict.INCONCLUSIVE)
    assert claim(evidence(exact=False)).level is ClaimLevel.NOT_SHOWN


def test_an_approximate_route_is_never_erased() -> None:
    every = dict.fromkeys((*MEASURED, "equals_a_retraining"), Verdict.PASSED)
    assert claim(evidence(exact=False, **every)).level is ClaimLevel.MITIGATED


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_tells_training_again_from_changing(language: str) -> None:
    erased = sentences(claim(evidence(exact=True, equals_a_retraining=Verdict.PASSED, accuracy_lost=Verdict.PASSED)))
    mitigated = sentences(claim(evidence(exact=False, **dict.fromkeys(MEASURED, Verdict.PASSED))), language)
    assert "Faces" in mitigated[0]
    assert mitigated[0] != erased[0]


def test_pictures_that_an_officer_left_are_excepted_from_what_is_called_erased() -> None:
    photos = Evidence(
        artifact="photos",
        name="Photos",
        kind=ArtifactKind.DATASET,
        connector="images",
        steps=(StepResult("erase_records", StepStatus.DONE, level="byte_checked"),),
        measurements=tuple(
            MeasurementResult(name, Verdict.PASSED, 0.0) for name in thresholds(ArtifactKind.DATASET, "images")
        ),
    )
    assert claim(photos).sentence_key == "erased"
    said = claim(replace(photos, left=True))
    assert said.sentence_key == "erased_except" and said.level is ClaimLevel.PARTLY
    for language in LANGUAGES:
        assert any("Photos" in text and len(text) > 100 for text in sentences(said, language))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_learned_from_pictures_that_stay_is_called_neither_erased_nor_mitigated(
    exact: bool, language: str
) -> None:
    shown = evidence(exact=exact, **dict.fromkeys((*MEASURED, "equals_a_retraining"), Verdict.PASSED))
    said = claim(replace(shown, left=True))
    assert said.level is ClaimLevel.PARTLY
    assert said.sentence_key == ("erased_trained_except" if exact else "mitigated_member_except")
    assert ("may_be_undone" in said.notes) is not exact
    assert sentence(said, language) != sentence(claim(shown), language)
