"""A table's model is described from its files: a pickle is digested and never loaded, a damaged folder is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from compliance.provenance.connectors import NotErasableHere, Place, load
from compliance.rules.errors import DamagedArtifact, ModelUnreadable, SourceUnreachable

TRAP = b"cos\nsystem\n(S'touch fell-in'\ntR."  # a pickle that runs a command when it is loaded


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A model folder whose pickle bites."""
    recipe = {"estimator": "logistic", "shards": 1, "seed": 0, "rows": "0" * 64}
    (tmp_path / "model.pickle").write_bytes(TRAP)
    digest = hashlib.sha256(TRAP).hexdigest()
    (tmp_path / "table.json").write_text(json.dumps({**recipe, "weights": digest}))
    return Place("churn", "model", "table_model", str(tmp_path))


def test_it_is_described_without_loading_a_pickle(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.location)
    found = load("table_model").describe(place)
    assert (found.detail["estimator"], found.records) == ("logistic", 0)
    assert load("table_model").absent(place, [b"touch"]) == 1
    assert not Path("fell-in").exists()


def test_another_pickle_than_the_recipes_is_damage_and_no_recipe_is_no_model(place: Place) -> None:
    (Path(place.location) / "model.pickle").write_bytes(b"other")
    with pytest.raises(DamagedArtifact, match=r"table\.json"):
        load("table_model").describe(place)
    for content in ("[]", "{", '{"estimator": 3}'):
        (Path(place.location) / "table.json").write_text(content)
        with pytest.raises(ModelUnreadable):
            load("table_model").describe(place)


def test_nothing_is_erased_in_place_and_a_missing_folder_is_unreachable(place: Place) -> None:
    with pytest.raises(NotErasableHere):
        load("table_model").erase(place, records=["R-1"])
    gone = Place("churn", "model", "table_model", f"{place.location}/elsewhere")
    with pytest.raises(SourceUnreachable):
        load("table_model").describe(gone)
