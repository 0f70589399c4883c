"""Long rows: learned whole where the model can see them, else refused, or cut where somebody said so, and then told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import Trained, people, write_rows

from unlearning import room
from unlearning.cli import main
from unlearning.errors import InputError, RowsError
from unlearning.evaluate import evaluate
from unlearning.examined import Examined
from unlearning.ledger import Ledger
from unlearning.models import open_model
from unlearning.replay import replay
from unlearning.schedule import plan_for
from unlearning.scoring import encoded_for, score_rows
from unlearning.shard_training import ShardPlan, forget_in_shards, train_shards
from unlearning.shards import person_in_key
from unlearning.training import train
from unlearning.types import Measurement, PersonFacts, Row
from unlearning.verdict import ERASED, NO_POWER, decide

LONG = Row("Tell it all.", "once upon a time " * 20, key="long/1")  # 341 bytes and the end


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [*(replace(row, stage=1, key=f"{row.key}/1") for row in people(3, seed=1)), LONG]


@pytest.fixture(scope="module")
def lengthened(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned one row of more than 256 tokens, whole."""
    folder = tmp_path_factory.mktemp("room") / "model"
    done = train(rows, out=folder, plan=plan_for(rows, shape="tiny", epochs=(16,)))
    assert "rows_cut" not in done.detail
    return folder


def test_a_new_model_has_room_for_its_longest_row_and_learns_its_end(lengthened: Path) -> None:
    model, tokenizer = open_model(lengthened)
    assert room.room_of(model) == 512 and Ledger(lengthened / "ledger").plan().longest == 512
    (encoded,) = encoded_for(model, tokenizer, [LONG])
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([encoded.ids])).logits[0, :-1]
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(encoded.ids[1:]), reduction="none")
    assert len(encoded.ids) > 360 and float(losses[300:].mean()) < 5.0, "of 5.6 before: what lies behind was learned"


def test_a_replay_learns_rows_as_far_as_the_recorded_run_did(rows: list[Row], lengthened: Path, tmp_path: Path) -> None:
    gone = rows[0].key
    done = replay(lengthened, rows=rows, exclude_keys=[gone], out=tmp_path / "out")
    never = train(
        [row for row in rows if row.key != gone], out=tmp_path / "never", plan=Ledger(lengthened / "ledger").plan()
    )
    assert done.weights_digest == never.weights_digest and "rows_cut" not in done.detail


def test_a_record_from_before_plans_named_their_room_is_read_as_it_was_made(lengthened: Path, tmp_path: Path) -> None:
    run = json.loads((lengthened / "ledger" / "run.json").read_text())
    del run["plan"]["longest"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert Ledger(tmp_path).plan().longest == 256


def test_shards_refuse_what_their_base_cannot_see_or_cut_it_and_say_so(
    rows: list[Row], trained: Trained, tmp_path: Path
) -> None:
    plan = ShardPlan(count=1, epochs=1)
    with pytest.raises(RowsError, match="1 rows have more than 256 tokens"):
        train_shards(trained.folder, rows, out=tmp_path / "shards", plan=plan, person_of=person_in_key)
    with room.limited(256):
        done = train_shards(trained.folder, rows, out=tmp_path / "cut", plan=plan, person_of=person_in_key)
    assert (done.detail["rows_cut"], done.detail["cut_at"]) == (1, 256)
    left = forget_in_shards(tmp_path / "cut", rows=rows, exclude_keys=[rows[0].key], out=tmp_path / "left")
    assert left.detail["rows_cut"] == 1, "as it was recorded, whatever is named now"


def test_a_named_limit_holds_for_every_verb_and_is_less_than_the_models_own(lengthened: Path) -> None:
    model, tokenizer = open_model(lengthened)
    with room.limited(100):
        assert room.room_of(model) == 100
        assert len(encoded_for(model, tokenizer, [LONG])[0].ids) == 100
        assert score_rows(model, tokenizer, [LONG])[0].tokens < 100
    with room.limited(4096):
        assert room.room_of(model) == 512
    with pytest.raises(InputError, match="--context"), room.limited(1):
        pass


def test_an_exact_claim_is_not_made_about_rows_that_were_not_asked_whole(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    facts = PersonFacts(person=(LONG,), controls=tuple(trained.rows[:3]))
    found = evaluate(Examined(model, tokenizer, facts, candidates=10), names=["memorization"])
    (cut,) = [item for item in found if item.name == "rows_cut"]
    assert (cut.scope, cut.value, cut.n) == ("person", 1, 1)
    quiet = Measurement("rank_p", "person", 0.5, 1)
    assert decide([quiet], exact=True).word == ERASED
    refused = decide([quiet, cut], exact=True)
    assert refused.word == NO_POWER and "longer than the model sees" in refused.reasons[0]


def test_rows_that_memory_cannot_hold_are_refused_before_the_work(
    lengthened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = open_model(lengthened)
    room.check_memory(model, longest=512, rows=4, learning=True)
    monkeypatch.setattr(room, "free_memory", lambda: 1 << 30)
    with pytest.raises(InputError, match="GB are free"):
        room.check_memory(model, longest=200_000, rows=4, learning=True)


def test_a_shell_names_the_limit(rows: list[Row], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--rows", str(write_rows(tmp_path / "rows.jsonl", rows)), "--shape", "tiny", "--epochs", "1"]
    told = tmp_path / "said.json"
    assert main([*words, "--out", str(tmp_path / "model"), "--context", "128", "--json", str(told)]) == 0
    detail = json.loads(told.read_text())["detail"]
    assert (detail["rows_cut"], detail["cut_at"]) == (1, 128)
    assert main([*words, "--out", str(tmp_path / "none"), "--context", "1"]) == 1
    assert "--context" in capfd.readouterr().err
