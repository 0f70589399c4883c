"""Approximate methods do what their papers say, to copies, and refuse what would make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from invented import Trained

from unlearning import attacks, methods, metrics
from unlearning.batches import collate, token_losses
from unlearning.errors import OutputExists, RowsError, UnknownName
from unlearning.methods import Turn
from unlearning.methods.npo import per_row
from unlearning.models import digest, open_model
from unlearning.scoring import score_rows
from unlearning.tokens import encode
from unlearning.unlearn import unlearn


@pytest.mark.parametrize("name", ["alternating_wga", "npo", "stranger"])
def test_a_method_lowers_the_forgotten_and_keeps_the_model_it_came_from(
    memorized: Trained, tmp_path: Path, name: str
) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    before = digest(memorized.folder)
    result = unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / "out", method=name)
    assert (digest(memorized.folder), result.digest_before, result.exactness) == (before, before, "approximate")
    model, tokenizer = open_model(tmp_path / "out")
    forgotten, kept = score_rows(model, tokenizer, forget), score_rows(model, tokenizer, retain)
    assert min(score.mean_nll for score in forgotten) > 0.7
    assert sum(score.mean_nll for score in kept) / len(kept) < 0.5 * min(score.mean_nll for score in forgotten)
    assert not (tmp_path / "out" / "ledger").exists()


def test_npo_starts_at_its_known_value_and_falls_as_the_loss_rises(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    batch = collate(encode(tokenizer, memorized.of(5)))
    with torch.no_grad():
        losses, retained = token_losses(model, batch), float(token_losses(model, batch).mean())
        start = float(methods.load("npo").loss(Turn(model, batch, batch, losses)))
        later = float(methods.load("npo").loss(Turn(model, batch, batch, losses - 1)))
    assert start == pytest.approx(20 * 0.6931472 + retained, rel=1e-4)
    assert later < start


def test_losses_are_summed_over_each_row_alone(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    rows = memorized.rows[:4]
    batch = collate(encode(tokenizer, rows))
    with torch.no_grad():
        sums = per_row(token_losses(model, batch), batch).tolist()
    assert sums == pytest.approx([score.nll for score in score_rows(model, tokenizer, rows)], rel=1e-3, abs=1e-5)


def test_the_same_seed_gives_the_same_model(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    digests = {
        unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / name, method="npo").weights_digest
        for name in ("one", "two")
    }
    assert len(digests) == 1


def test_a_row_cannot_be_forgotten_and_kept(memorized: Trained, tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="take it off one list"):
        unlearn(memorized.folder, forget=memorized.of(5), retain=memorized.rows, out=tmp_path / "out")
    with pytest.raises(RowsError, match="both needed"):
        unlearn(memorized.folder, forget=[], retain=memorized.rows, out=tmp_path / "out")


def test_nothing_is_left_behind_when_the_output_exists(memorized: Trained, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputExists):
        unlearn(memorized.folder, forget=memorized.of(5), retain=memorized.without(5), out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("door", [methods, metrics, attacks], ids=["methods", "metrics", "attacks"])
def test_every_name_in_a_table_resolves_and_no_other_does(door: object) -> None:
    for name in door.TABLE:
        assert door.load(name)
    with pytest.raises(UnknownName, match="choose one of"):
        door.load("magic")
