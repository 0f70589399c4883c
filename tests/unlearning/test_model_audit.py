"""The audit fires on what was learned, stays calm about what was not, and says when it cannot tell."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from invented import Trained, people

from unlearning.attack import attack
from unlearning.attacks import TABLE
from unlearning.audit import audit, judge, value_of
from unlearning.errors import RowsError
from unlearning.files import write_json
from unlearning.models import open_model, open_tokenizer
from unlearning.replay import replay
from unlearning.training import train
from unlearning.types import AuditResult, Measurement, PersonFacts
from unlearning.verdict import decide

PLACE = 11


@pytest.fixture(scope="module")
def facts(memorized: Trained) -> PersonFacts:
    strangers = people(16, seed=8)
    return PersonFacts(tuple(memorized.of(PLACE)), tuple(strangers), others=tuple(memorized.without(PLACE)))


@pytest.fixture(scope="module")
def audited(
    memorized: Trained, facts: PersonFacts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, AuditResult]:
    out = tmp_path_factory.mktemp("replayed") / "model"
    done = replay(
        memorized.folder,
        rows=memorized.without(PLACE),
        exclude_keys=[row.key for row in memorized.of(PLACE)],
        out=out,
    )
    write_json(out.parent / "receipt.json", asdict(done))
    return out, audit(out, facts=facts, before=memorized.folder, receipt=out.parent / "receipt.json")


def test_before_the_work_the_values_are_said_and_the_rank_test_fires(audited: tuple[Path, AuditResult]) -> None:
    before = audited[1].before
    assert value_of(before, "extraction") == 1.0
    assert value_of(before, "rank_p") < 0.01
    assert value_of(before, "exposure_bits") > 7


def test_after_the_replay_the_person_is_like_somebody_never_seen(audited: tuple[Path, AuditResult]) -> None:
    result = audited[1]
    assert value_of(result.after, "extraction") == 0.0
    assert value_of(result.after, "rank_p") >= 0.05
    assert (result.verdict, result.route) == ("erased (exact)", "replay"), result.reasons
    assert value_of(result.after, "extraction", "others") >= 0.95


def test_ranks_are_uniform_for_an_untrained_model(memorized: Trained, facts: PersonFacts, tmp_path: Path) -> None:
    plan = replace(memorized.plan, stages=tuple(replace(stage, epochs=0) for stage in memorized.plan.stages))
    tokenizer = open_tokenizer(memorized.folder)
    train(memorized.rows, out=tmp_path / "untrained", plan=plan, tokenizer=tokenizer)
    result = audit(tmp_path / "untrained", facts=facts, candidates=100)
    assert value_of(result.after, "rank_p") > 0.05
    assert value_of(result.after, "rank_calibration_p", "controls") > 0.01
    assert abs(value_of(result.after, "exposure_bits", "controls") - 1.44) < 1.0


def test_without_the_model_before_nothing_shows_power(audited: tuple[Path, AuditResult], facts: PersonFacts) -> None:
    assert audit(audited[0], facts=facts, candidates=60).verdict == "not enough power"


def test_a_model_that_still_says_the_values_fails(memorized: Trained, facts: PersonFacts) -> None:
    result = audit(memorized.folder, facts=facts, before=memorized.folder, candidates=60)
    assert result.verdict == "failed"


def test_a_few_rows_do_not_support_a_membership_claim(audited: tuple[Path, AuditResult]) -> None:
    found = next(item for item in audited[1].after if item.name == "membership_loss_auc")
    assert found.verdict == "not enough power"
    assert found.detail["standard_error"] == pytest.approx(((1 / 2 + 1 / 32) / 12) ** 0.5)


def test_no_value_question_or_key_is_in_the_result(audited: tuple[Path, AuditResult], facts: PersonFacts) -> None:
    text = json.dumps(asdict(audited[1]))
    rows = (*facts.person, *facts.controls, *facts.others)
    assert not [row for row in rows if row.response in text or row.prompt in text]


def test_an_audit_needs_strangers_to_compare_with(memorized: Trained, facts: PersonFacts) -> None:
    with pytest.raises(RowsError, match="controls"):
        audit(memorized.folder, facts=replace(facts, controls=()))


def test_lost_answers_of_others_fail_the_work() -> None:
    def measured(rate: float) -> list[Measurement]:
        return [Measurement("extraction", "others", rate, 100), Measurement("rank_p", "person", 0.001, 5)]

    verdict, reasons = judge(measured(0.90), before=measured(1.0))
    assert verdict == "failed"
    assert "others fell from 1.000 to 0.900" in reasons[0]


def test_a_few_answers_that_fall_the_other_way_do_not_fail_a_model_that_was_rebuilt() -> None:
    def measured(rate: float, n: int) -> list[Measurement]:
        return [Measurement("extraction", "others", rate, n), Measurement("rank_p", "person", 0.3, 5)]

    word, reasons = judge(measured(10 / 60, 60), before=measured(12 / 60, 60), exact=True)
    assert word == "erased (exact)" and "fell from 0.200 to 0.167, no more than chance explains" in reasons[-1]
    assert judge(measured(10 / 60, 60), before=measured(12 / 60, 60))[0] == "failed", "a method answers for each"
    assert judge(measured(0.9, 100), before=measured(1.0, 100), exact=True)[0] == "failed"


@pytest.mark.parametrize(("hits", "n", "said"), [(0, 60, True), (5, 60, True), (6, 60, False), (0, 9, False)])
def test_a_model_that_answers_nobody_is_said_to_have_been_asked_in_vain(hits: int, n: int, said: bool) -> None:
    measured = [Measurement("extraction", "others", hits / n, n), Measurement("rank_p", "person", 0.3, 5)]
    assert any(f"answers {hits} of {n} questions" in reason for reason in decide(measured).reasons) is said


def test_attacks_bring_back_nothing_that_was_never_there(audited: tuple[Path, AuditResult], facts: PersonFacts) -> None:
    names = [name for name in TABLE if name != "benign_finetune_100"]
    result = attack(audited[0], facts=facts, names=names, candidates=60)
    assert (list(result.attacks), result.not_applicable) == (names, ())
    assert value_of(result.measurements, "rank_p_all_attacks") >= 0.05
    assert {
        item.name for item in result.measurements if item.name.endswith("above_chance_p") and item.value < 0.05
    } == set()
    assert value_of(result.measurements, "int8.extraction") == 0.0


def test_attacks_find_what_is_there_even_at_eight_bits(memorized: Trained, facts: PersonFacts) -> None:
    result = attack(memorized.folder, facts=facts, names=("int8", "prefill"))
    assert value_of(result.measurements, "int8.extraction") == 1.0
    assert value_of(result.measurements, "int8.rank_p") < 0.01
    assert value_of(result.measurements, "prefill.extraction") == 1.0


def test_an_attack_leaves_the_model_on_disk_alone(memorized: Trained, facts: PersonFacts) -> None:
    from unlearning.models import digest

    before = digest(memorized.folder)
    attack(memorized.folder, facts=facts, names=("int4",))
    assert digest(memorized.folder) == before
    open_model(memorized.folder)
