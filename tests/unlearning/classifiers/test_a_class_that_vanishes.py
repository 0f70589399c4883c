"""A folder of faces: whoever goes takes a class along, and the new model is the one that never had it."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unlearning.classifiers import commands, networks
from unlearning.classifiers.data import open_folder
from unlearning.errors import InputError
from unlearning.types import silent

NAMES = ("ada", "bea", "cleo")
ASKED = {
    "folds": 0, "people": None, "shards": 1, "slices": 1, "without_class": None, "epochs": 2, "seed": 4, "budget": "",
    "module": None,
    "forget_class": None, "forget_ids": None, "model": None, "method": "auto", "references": [], "shadows": 0,
    "out": None,
}  # fmt: skip


def ran(verb: str, **given: Any) -> Any:
    """A verb of the command line."""
    return commands.COMMANDS[verb](Namespace(**{**ASKED, **given}), silent)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder for each of three people, eight pictures to learn from and four held out."""
    chance = np.random.default_rng(5)
    for part, count in (("train", 8), ("test", 4)):
        for label, name in enumerate(NAMES):
            home = tmp_path / "faces" / part / name
            home.mkdir(parents=True)
            for number in range(count):
                levels = chance.integers(0, 90, (32, 32), dtype=np.uint8)
                levels[10 * label : 10 * label + 10] += 150
                Image.fromarray(levels).save(home / f"{number}.png")
    return tmp_path / "faces"


def listed(faces: Path, names: tuple[str, ...]) -> Path:
    """A list of every training picture in these folders."""
    path = faces.parent / "ids"
    path.write_text("".join(f"{i}\n" for i in open_folder(faces).train.ids if i.split("/")[0] in names))
    return path


@pytest.mark.parametrize("shards", [1, 2])
def test_a_class_that_loses_its_last_picture_goes_and_the_rest_is_what_training_without_it_gives(
    faces: Path, tmp_path: Path, shards: int
) -> None:
    ran("train", data=faces, out=tmp_path / "model", shards=shards)
    ids = listed(faces, ("bea",))
    if shards == 1:  # in a model of parts the parts are trained again, and nothing is to be chosen
        chosen = ran("plan", data=faces, model=tmp_path / "model", forget_ids=ids, budget="0s").choices
        assert [one.method for one in chosen] == ["retrain"]
    found = ran("unlearn", data=faces, model=tmp_path / "model", forget_ids=ids, out=tmp_path / "new")
    assert (found.exactness, found.parameters) == ("exact", {"classes": 2})
    assert "1 of the classes" in found.reasons[0]
    for part in ("train", "test"):
        shutil.rmtree(faces / part / "bea")
    ran("train", data=faces, out=tmp_path / "never", shards=shards)
    weights = {p.relative_to(tmp_path / "new"): p.read_bytes() for p in (tmp_path / "new").rglob("*.safetensors")}
    assert weights == {path: (tmp_path / "never" / path).read_bytes() for path in weights}
    again = listed(faces, ("ada",))
    again.write_text(again.read_text().splitlines()[0])  # the new model and the folder agree on what a class is
    assert ran("unlearn", data=faces, model=tmp_path / "new", forget_ids=again, out=tmp_path / "newer").exactness
    assert networks.open_recipe(tmp_path / "newer")[0].build == networks.open_recipe(tmp_path / "new")[0].build


def test_no_other_method_takes_a_class_away_and_one_class_is_no_classifier(faces: Path, tmp_path: Path) -> None:
    ran("train", data=faces, out=tmp_path / "model", epochs=1)
    asked = {"data": faces, "model": tmp_path / "model", "out": tmp_path / "new"}
    with pytest.raises(InputError, match="cannot take a class's answer away"):
        ran("unlearn", forget_ids=listed(faces, ("bea",)), method="neggrad_plus", **asked)
    with pytest.raises(InputError, match="withdraw the model"):
        ran("unlearn", forget_ids=listed(faces, ("bea", "ada")), **asked)
    assert not (tmp_path / "new").exists()
