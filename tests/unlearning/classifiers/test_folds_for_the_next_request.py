"""A model that forgot has no out-of-fold models: new ones are trained for it, and the next request uses them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unlearning.classifiers import networks
from unlearning.classifiers.data import open_folder
from unlearning.classifiers.folds import people_of, train_folds
from unlearning.classifiers.outcome import weights_digest
from unlearning.cli import main

HERS, HIS = ("dark/0.png", "dark/1.png"), ("light/2.png",)


def pictures_in(home: Path) -> None:
    """Dark and light ones with noise, below train/ and test/, and whose they are."""
    chance = np.random.default_rng(3)
    for part in ("train", "test"):
        for base, name in ((0, "dark"), (140, "light")):
            (home / part / name).mkdir(parents=True)
            for number in range(16):
                pixels = chance.integers(base, base + 110, (32, 32), dtype=np.uint8)
                Image.fromarray(pixels).save(home / part / name / f"{number}.png")
    (home / "people.csv").write_text("".join(f"{i},ada\n" for i in HERS) + "".join(f"{i},bo\n" for i in HIS))


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The command; (exit code, everything that it said)."""
    code = main(["classifier", *map(str, words)])
    heard = capsys.readouterr()
    return code, heard.out + heard.err


def test_new_folds_never_saw_who_was_forgotten_and_serve_the_next_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, people = tmp_path / "pictures", ("--people", tmp_path / "pictures/people.csv")
    pictures_in(home)
    hers, his, report = tmp_path / "hers", tmp_path / "his", tmp_path / "report"
    hers.write_text("\n".join(HERS))
    his.write_text("\n".join(HIS))
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    data = ("--data", home)
    assert run(capsys, "train", *data, *people, "--out", first, "--folds", "2", "--epochs", "2")[0] == 0
    asked = ("--budget", "0s", "--json", report)
    before = ("--model", first, "--forget-ids", hers)
    assert run(capsys, "unlearn", *data, *people, *before, "--out", second, *asked)[0] == 0
    assert json.loads(report.read_text())["method"] == "oof_match"
    soon = ("--model", second, "--forget-ids", hers, "--folds", "2", "--out", tmp_path / "soon")
    assert run(capsys, "folds", *data, *people, *soon)[0] == 0  # while her rows are there still
    for row in HERS:
        (home / "train" / row).unlink()
    assert run(capsys, "plan", *data, *people, "--model", second, "--forget-ids", his, *asked)[0] == 0
    chosen = json.loads(report.read_text())["choices"][0]
    assert chosen["method"] == "neggrad_plus" and "classifier folds" in chosen["reason"]
    assert run(capsys, "folds", *data, *people, "--model", second, "--out", third, "--folds", "2")[0] == 0
    assert (third / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    for name in ("model.safetensors", "fold-0/model.safetensors", "fold-1/model.safetensors"):
        assert (third / name).read_bytes() == (tmp_path / "soon" / name).read_bytes()
    recipe, notes = networks.open_recipe(third)
    assert (notes["folds"], notes["by person"]) == (2, True)
    never = train_folds(recipe, open_folder(home).train, count=2, people=people_of(home / "people.csv"))
    for number, one in enumerate(never.models):
        kept = networks.load_weights(third / f"fold-{number}", recipe)
        mine = networks.build(recipe, seed=0)
        mine.load_state_dict(kept)
        assert weights_digest(mine) == weights_digest(one)
    out = tmp_path / "fourth"
    assert run(capsys, "unlearn", *data, *people, "--model", third, "--forget-ids", his, "--out", out, *asked)[0] == 0
    assert json.loads(report.read_text())["method"] == "oof_match"


def test_folds_that_nothing_can_use_are_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "pictures"
    pictures_in(home)
    data, made = ("--data", home), ("--epochs", "1", "--out", tmp_path / "model")
    code, said = run(capsys, "train", *data, *made, "--folds", "1")
    assert code == 1 and "two folds at least" in said and not (tmp_path / "model").exists()
    assert run(capsys, "train", *data, *made, "--shards", "2")[0] == 0
    for given, meant in (((), "--model is needed"), (("--model", tmp_path / "model"), "by shards")):
        code, said = run(capsys, "folds", *data, *given, "--out", tmp_path / "new")
        assert code == 1 and meant in said and not (tmp_path / "new").exists()
