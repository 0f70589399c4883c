"""Shards and slices: forgetting is, to the bit, what training without the rows gives, and costs a part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from known_digits import Digits, digits_in

from unlearning.classifiers import networks
from unlearning.classifiers.examples import Examples, part_ids
from unlearning.classifiers.fitting import accuracy
from unlearning.classifiers.outcome import Recipe, weights_digest
from unlearning.classifiers.sisa import forget, train_sisa
from unlearning.cli import main
from unlearning.errors import InputError

FLAT = Recipe("mlp", {"inputs": 64, "classes": 10, "hidden": 32}, epochs=12, learning_rate=5e-3, batch=32)


@pytest.fixture(scope="module")
def rows(known: Digits) -> Examples:
    """Six hundred digits as plain numbers."""
    few = known.train.take(list(range(600)))
    return Examples(few.features.flatten(1), few.labels, few.ids, 10)


@pytest.mark.parametrize(("shards", "slices"), [(4, 1), (2, 3)])
def test_forgetting_equals_training_without_the_rows_to_the_bit(rows: Examples, shards: int, slices: int) -> None:
    parts = train_sisa(FLAT, rows, shards=shards, slices=slices, seed=1)
    before = weights_digest(parts.model())
    found = forget(parts, rows, rows.ids[:1])
    fresh = train_sisa(FLAT, part_ids(rows, rows.ids[:1])[1], shards=shards, slices=slices, seed=1)
    assert weights_digest(found.parts.model()) == weights_digest(fresh.model()) != before
    assert weights_digest(parts.model()) == before, "the parts that were given changed"
    assert len(found.shards) == 1 and found.passes < FLAT.epochs * len(rows)


def test_the_shards_together_know_the_digits_and_speak_in_probabilities(known: Digits, rows: Examples) -> None:
    model = train_sisa(FLAT, rows, shards=3).model()
    test = Examples(known.test.features.flatten(1), known.test.labels, known.test.ids, 10)
    assert accuracy(model, test) > 0.85
    assert torch.allclose(model(test.features[:5]).exp().sum(1), torch.ones(5), atol=1e-5)


def test_a_shard_without_rows_is_refused(rows: Examples) -> None:
    with pytest.raises(InputError, match="fewer shards"):
        train_sisa(FLAT, rows.take([0, 1, 2]), shards=50)


def test_the_command_trains_by_shards_and_forgets_exactly(tmp_path: Path) -> None:
    digits_in(tmp_path / "data")
    model, new, told = tmp_path / "m", tmp_path / "n", tmp_path / "u.json"
    words = ["--data", str(tmp_path / "data"), "--shards", "2", "--slices", "2", "--epochs", "3", "--out", str(model)]
    assert main(["classifier", "train", *words]) == 0
    recipe = networks.open_recipe(model)[0]
    assert recipe.build == "ensemble" and (model / "shard-1" / "slice-1" / "model.safetensors").is_file()
    (tmp_path / "ids").write_text("train-00003\n")
    words = ["--data", str(tmp_path / "data"), "--model", str(model), "--forget-ids", str(tmp_path / "ids")]
    assert main(["classifier", "unlearn", *words, "--out", str(new), "--json", str(told)]) == 0
    found = json.loads(told.read_text())
    assert found["method"] == "sisa" and found["exactness"] == "exact" and found["scope"] == "rows"
    same = [
        (model / name / "model.safetensors").read_bytes() == (new / name / "model.safetensors").read_bytes()
        for name in ("shard-0/slice-1", "shard-1/slice-1")
    ]
    assert sorted(same) == [False, True]
    assert main(["classifier", "unlearn", *words, "--out", str(tmp_path / "o"), "--method", "scrub"]) == 1
