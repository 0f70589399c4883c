"""Ways besides replay: the company's own retraining, checkpoint arithmetic, a searched dose, a reasoned choice."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from invented import Trained, people

import unlearning
from unlearning.arithmetic import Weights, subtract
from unlearning.auto import choose, forget_by_choice
from unlearning.budget import Budget
from unlearning.errors import InputError, ModelError, RowsChanged, RowsError, Waiting
from unlearning.ledger import Ledger
from unlearning.models import open_model, open_tokenizer, weights_digest
from unlearning.retraining import retrain
from unlearning.scoring import score_rows
from unlearning.training import train
from unlearning.tuning import tune

PROGRAM = """
from pathlib import Path
rows, out, source = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
from unlearning.ledger import Ledger
from unlearning.models import open_tokenizer
from unlearning.rows import read_rows
from unlearning.training import train
train(read_rows(rows, keyed=True), out=out, plan=Ledger(source / "ledger").plan(), tokenizer=open_tokenizer(source))
"""


def test_the_companys_own_command_gives_the_bytes_of_never_seen(trained: Trained, tmp_path: Path) -> None:
    here = Path(unlearning.__file__).parents[1]
    (tmp_path / "program.py").write_text(f"import sys; sys.path.insert(0, {str(here)!r})\n{PROGRAM}")
    command = f"{sys.executable} {tmp_path / 'program.py'} {{rows}} {{out}} {trained.folder}"
    keys = {row.key for row in trained.of(11)}
    result = retrain(trained.folder, rows=trained.rows, exclude_keys=keys, out=tmp_path / "new", command=command)
    tokenizer = open_tokenizer(trained.folder)
    control = train(trained.without(11), out=tmp_path / "control", plan=trained.plan, tokenizer=tokenizer)
    assert result.weights_digest == control.weights_digest
    ordered = (tmp_path / "new.order" / "rows.jsonl").read_text()
    assert not [row for row in trained.of(11) if row.response in ordered]


def test_a_pipeline_that_takes_days_is_waited_for_and_its_receipt_is_checked(trained: Trained, tmp_path: Path) -> None:
    keys, out = {row.key for row in trained.of(11)}, tmp_path / "new"
    with pytest.raises(Waiting, match="call again later"):
        retrain(trained.folder, rows=trained.rows, exclude_keys=keys, out=out)
    wanted = json.loads((tmp_path / "new.order" / "order.json").read_text())["rows_sha256"]
    shutil.copytree(trained.folder, out)
    with pytest.raises(ModelError, match="nothing was retrained"):
        retrain(trained.folder, rows=trained.rows, exclude_keys=keys, out=out)
    shutil.rmtree(out)
    train(trained.without(11), out=out, plan=trained.plan, tokenizer=open_tokenizer(trained.folder))
    with pytest.raises(ModelError, match=r"receipt\.json does not name"):
        retrain(trained.folder, rows=trained.rows, exclude_keys=keys, out=out)
    (out / "receipt.json").write_text(json.dumps({"rows_sha256": wanted}))
    assert retrain(trained.folder, rows=trained.rows, exclude_keys=keys, out=out).detail["by"] == "receipt"


def test_an_order_for_other_rows_is_not_taken_over(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(Waiting):
        retrain(trained.folder, rows=trained.rows, exclude_keys={trained.rows[0].key}, out=tmp_path / "new")
    with pytest.raises(RowsChanged, match="other rows"):
        retrain(trained.folder, rows=trained.rows, exclude_keys={trained.rows[1].key}, out=tmp_path / "new")
    with pytest.raises(RowsError):
        retrain(trained.folder, rows=trained.rows, exclude_keys={"nobody"}, out=tmp_path / "none")


@pytest.mark.parametrize(
    ("command", "cause"),
    [("train --now", "must hold"), ("nothing-there {rows} {out}", "correct the command"), ("'{rows} {out}", "match")],
)
def test_a_command_that_cannot_run_is_refused(trained: Trained, tmp_path: Path, command: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        retrain(
            trained.folder, rows=trained.rows, exclude_keys={trained.rows[0].key}, out=tmp_path / "n", command=command
        )
    assert not (tmp_path / "n").exists()


def test_a_command_that_fails_leaves_no_model(trained: Trained, tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'raise SystemExit(3)' {{rows}} {{out}}"
    with pytest.raises(ModelError, match="code 3"):
        retrain(
            trained.folder, rows=trained.rows, exclude_keys={trained.rows[0].key}, out=tmp_path / "n", command=command
        )
    assert not (tmp_path / "n").exists()


def test_subtracting_from_a_checkpoint_lowers_the_person_and_keeps_the_others(
    memorized: Trained, tmp_path: Path
) -> None:
    forget, retain = memorized.of(11), memorized.without(11)
    checkpoint = Ledger(memorized.folder / "ledger").checkpoint(1)
    weights = Weights(forget=1.0, steps=40)
    subtract(memorized.folder, checkpoint=checkpoint, forget=forget, retain=retain, out=tmp_path / "o", weights=weights)
    model, tokenizer = open_model(tmp_path / "o")
    gone, kept = score_rows(model, tokenizer, forget), score_rows(model, tokenizer, retain)
    assert min(score.mean_nll for score in gone) > 0.4
    assert sum(score.mean_nll for score in kept) / len(kept) < 0.5 * min(score.mean_nll for score in gone)


def test_a_checkpoint_of_another_shape_is_refused(memorized: Trained, trained: Trained, tmp_path: Path) -> None:
    rows = {"forget": memorized.of(11), "retain": memorized.without(11)}
    with pytest.raises(ModelError, match="not a checkpoint of this model"):
        subtract(memorized.folder, checkpoint=trained.folder, **rows, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_tuning_finds_a_dose_no_worse_than_the_methods_own(memorized: Trained) -> None:
    found = tune(memorized.folder, forget=memorized.of(5), retain=memorized.without(5), trials=2)
    own = found.trials[0]
    assert len(found.trials) == 2
    assert found.best.score == min(trial.score for trial in found.trials) <= own.score
    assert (own.rounds, own.learning_rate) == (8, pytest.approx(5e-4))


def test_tuning_keeps_to_its_budget(memorized: Trained) -> None:
    rows = {"forget": memorized.of(5), "retain": memorized.without(5)}
    assert len(tune(memorized.folder, **rows, trials=9, budget=Budget(steps=1)).trials) == 1


def test_a_recorded_run_is_replayed_and_the_choice_says_why(trained: Trained, tmp_path: Path) -> None:
    done = forget_by_choice(trained.folder, forget=trained.of(11), retain=trained.without(11), out=tmp_path / "out")
    assert (done.verb, done.exactness, done.detail["route"]) == ("replay", "exact", "replay")
    assert "Replay is exact" in str(done.detail["why"])
    tokenizer = open_tokenizer(trained.folder)
    control = train(trained.without(11), out=tmp_path / "control", plan=trained.plan, tokenizer=tokenizer)
    assert done.weights_digest == control.weights_digest == weights_digest(tmp_path / "out")


def test_without_records_or_time_a_pilot_decides(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(11), memorized.without(11)
    hurried = choose(memorized.folder, forget=forget, retain=retain, deadline=0.0, pilots=["npo"])
    assert hurried.route == "approximate"
    assert any("the deadline is 0 s" in reason for reason in hurried.why)
    bare = Path(shutil.copytree(memorized.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("ledger")))
    piloted = choose(bare, forget=forget, retain=retain, pilots=["npo", "gradient_difference"])
    assert (piloted.route, piloted.seconds > 0) == ("approximate", True)
    assert sum(reason.startswith("Pilot of") for reason in piloted.why) == 2
    partly = choose(memorized.folder, forget=forget, retain=retain[2:], pilots=["npo"])
    assert any("rows were not given" in reason for reason in partly.why)
    strange = choose(memorized.folder, forget=people(2, seed=77), retain=retain, deadline=0.0, pilots=["npo"])
    assert any("cannot be replayed" in reason for reason in strange.why)
