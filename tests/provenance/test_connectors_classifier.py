"""A classifier is described from its files, all of them together; pickles are refused and damage is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from compliance.provenance.connectors import NotErasableHere, Place, load
from compliance.rules.errors import DamagedArtifact, ModelUnreadable, SourceUnreachable

FACTS = {"build": "strided_cnn", "options": {"classes": 2}, "epochs": 3, "learning_rate": 0.001, "batch": 64}
NOTES = {"seed": 5, "folds": 2, "by person": True}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A model folder with two out-of-fold models."""
    folder = tmp_path / "model"
    for part in (folder, folder / "fold-0", folder / "fold-1"):
        part.mkdir()
        save_file({"head": np.ones((2, 3), np.float32)}, part / "model.safetensors")
        (part / "classifier.json").write_text(json.dumps({**FACTS, "notes": NOTES}))
    return Place("Photos model", "model", "classifier", str(folder))


def test_it_is_described_with_how_it_was_trained(place: Place) -> None:
    found = load("classifier").describe(place)
    detail = found.detail
    assert (detail["architecture"], detail["parameters"], detail["seed"]) == ("strided_cnn", 6, 5)
    assert (detail["folds"], detail["by_person"], detail["shards"]) == (2, True, 0)
    assert set(detail["weights"]) == {"model.safetensors", "fold-0/model.safetensors", "fold-1/model.safetensors"}


def test_another_fold_is_another_model(place: Place) -> None:
    before = load("classifier").describe(place).digest
    save_file({"head": np.zeros((2, 3), np.float32)}, Path(place.location) / "fold-1/model.safetensors")
    assert load("classifier").describe(place).digest != before


def test_pickles_damage_and_foreign_recipes_are_refused_in_words(place: Place) -> None:
    folder = Path(place.location)
    for content in ("[]", "{", json.dumps({**FACTS, "notes": {"shards": 10**9}}), json.dumps({**FACTS, "epochs": "5"})):
        (folder / "classifier.json").write_text(content)
        with pytest.raises(ModelUnreadable, match="recipe"):
            load("classifier").describe(place)
    (folder / "classifier.json").write_text(json.dumps(FACTS))
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-4])
    with pytest.raises(DamagedArtifact, match="cut short"):
        load("classifier").describe(place)
    (folder / "model.safetensors").unlink()
    (folder / "model.pt").write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelUnreadable, match="pickled"):
        load("classifier").describe(place)


def test_nothing_is_erased_in_place_and_a_missing_folder_is_unreachable(place: Place) -> None:
    connector = load("classifier")
    with pytest.raises(NotErasableHere):
        connector.erase(place, records=["cat/1.png"])
    assert list(connector.find(place, [])) == list(connector.records(place, None)) == []
    assert connector.purge(place).digest_after == connector.describe(place).digest
    with pytest.raises(SourceUnreachable):
        connector.describe(Place("gone", "model", "classifier", f"{place.location}-gone"))
