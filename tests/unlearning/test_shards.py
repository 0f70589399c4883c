"""Forgetting in shards costs one shard and gives the bytes of shards that never had the person."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from invented import TEXT, people

from unlearning.adapters import Lora
from unlearning.auto import forget_by_choice
from unlearning.errors import LedgerError, ModelError, RowsChanged
from unlearning.models import open_model
from unlearning.schedule import plan_for
from unlearning.scoring import score_rows
from unlearning.shard_training import ShardPlan, forget_in_shards, train_shards
from unlearning.shards import ADAPTER, Shards, merge
from unlearning.tokens import make_tokenizer
from unlearning.training import train
from unlearning.types import Row

ROWS = people(12, seed=4)


def person_of(row: Row) -> str:
    return row.key.rsplit("-", 1)[0]


@dataclass(frozen=True)
class Made:
    base: Path
    folder: Path
    person: str

    def rows(self, *, without: bool) -> list[Row]:
        return [row for row in ROWS if not without or person_of(row) != self.person]

    def keys(self) -> list[str]:
        return [row.key for row in ROWS if person_of(row) == self.person]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("shards")
    clean = people(6, seed=50)
    train(clean, out=folder / "base", plan=plan_for(clean, shape="tiny", epochs=(30,)), tokenizer=make_tokenizer(TEXT))
    plan = ShardPlan(count=3, epochs=60, learning_rate=2e-2, lora=Lora(rank=8, alpha=16), key=bytes(range(32)))
    train_shards(folder / "base", ROWS, out=folder / "shards", plan=plan, person_of=person_of)
    return Made(folder / "base", folder / "shards", person_of(ROWS[0]))


def adapters(folder: Path) -> list[bytes]:
    return [(folder / f"shard-{number:02d}" / ADAPTER).read_bytes() for number in range(3)]


def test_forgetting_retrains_one_shard_to_the_bytes_of_never_seen(made: Made, tmp_path: Path) -> None:
    result = forget_in_shards(
        made.folder, rows=ROWS, exclude_keys=made.keys(), out=tmp_path / "out", person_of=person_of
    )
    never = train_shards(
        made.base, made.rows(without=True), out=tmp_path / "never", like=made.folder, person_of=person_of
    )
    number = Shards(made.folder).number_of(made.person)
    before, after = adapters(made.folder), adapters(tmp_path / "out")
    assert [one == other for one, other in zip(before, after, strict=True)] == [place != number for place in range(3)]
    assert result.weights_digest == never.weights_digest
    assert result.detail["shards_trained"] == 1
    assert result.steps == Shards(made.folder).plans()[number].steps
    with pytest.raises(LedgerError, match="nothing to do"):
        forget_in_shards(tmp_path / "out", rows=ROWS, exclude_keys=made.keys(), out=tmp_path / "again")


def test_a_person_is_known_by_their_own_shard_alone(made: Made) -> None:
    shards, mine = Shards(made.folder), [row for row in ROWS if person_of(row) == made.person]
    own = shards.number_of(made.person)
    losses = []
    for number in range(3):
        model, tokenizer = shards.open_shard(number)
        losses.append(sum(score.nll for score in score_rows(model, tokenizer, mine)))
    assert losses[own] == min(losses)
    assert sorted(losses)[1] > 1.05 * losses[own]


def test_a_merged_export_is_a_plain_model_that_knows_more_than_the_base(made: Made, tmp_path: Path) -> None:
    merge(made.folder, tmp_path / "merged", weight=0.5)
    losses = []
    for folder in (made.base, tmp_path / "merged"):
        model, tokenizer = open_model(folder)
        losses.append(sum(score.nll for score in score_rows(model, tokenizer, ROWS)))
    assert losses[1] < losses[0]


def test_the_last_person_of_a_shard_leaves_an_adapter_that_changes_nothing(made: Made, tmp_path: Path) -> None:
    shards = Shards(made.folder)
    number = shards.number_of(made.person)
    gone = [row.key for row in ROWS if shards.number_of(person_of(row)) == number]
    forget_in_shards(made.folder, rows=ROWS, exclude_keys=gone, out=tmp_path / "out", person_of=person_of)
    model, tokenizer = Shards(tmp_path / "out").open_shard(number)
    base, _ = open_model(made.base)
    assert [s.nll for s in score_rows(model, tokenizer, ROWS)] == pytest.approx(
        [s.nll for s in score_rows(base, tokenizer, ROWS)], abs=1e-4
    )


def test_rows_that_stay_must_be_those_of_the_shard(made: Made, tmp_path: Path) -> None:
    number = Shards(made.folder).number_of(made.person)
    other = next(
        row for row in ROWS if person_of(row) != made.person and Shards(made.folder).number_of(person_of(row)) == number
    )
    rest = [row for row in ROWS if row is not other]
    with pytest.raises(RowsChanged, match="1 rows that stay are missing"):
        forget_in_shards(made.folder, rows=rest, exclude_keys=made.keys(), out=tmp_path / "out", person_of=person_of)
    assert not (tmp_path / "out").exists()


def test_shards_on_another_base_are_refused(made: Made, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.folder, tmp_path / "copy"))
    config = folder / "base" / "config.json"
    config.write_text(config.read_text().replace("{", '{"note": 1,', 1))
    with pytest.raises(ModelError, match="not the one that the shards stand on"):
        Shards(folder).open_for(made.person)


def test_auto_forgets_in_a_shard_where_the_model_was_trained_with_shards(made: Made, tmp_path: Path) -> None:
    rows = [replace(row, key=f"{person_of(row)}/{row.kind}") for row in ROWS[:12]]
    train_shards(made.base, rows, out=tmp_path / "shards", plan=ShardPlan(count=3, epochs=2, key=bytes(range(32))))
    gone = rows[:2]
    done = forget_by_choice(tmp_path / "shards", forget=gone, retain=rows[2:], out=tmp_path / "out")
    assert (done.exactness, done.detail["route"], done.detail["shards_trained"]) == ("exact", "shards", 1)
    assert "1 of them saw the rows" in str(done.detail["why"])
    with pytest.raises(LedgerError, match="no shard saw"):
        forget_by_choice(tmp_path / "shards", forget=people(1, seed=90), retain=rows, out=tmp_path / "none")
    with pytest.raises(ModelError, match="a folder of shards"):
        open_model(tmp_path / "shards")
