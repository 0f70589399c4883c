"""Stores in folders: each keeps every promise of the contract, on real files written by its own library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.provenance.connectors import Place, SourceChanged, load
from compliance.provenance.connectors.borrowed import package
from compliance.rules.errors import ConfigurationError, MissingPart, SourceUnreachable
from tests.provenance import contract
from tests.provenance.places import ALICE, PATTERNS
from tests.provenance.stores import EMBEDDED, STORES, Made


@pytest.fixture(params=sorted(STORES))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    return STORES[request.param](tmp_path)


@pytest.mark.parametrize("promise", contract.PROMISES, ids=lambda promise: promise.__name__)
def test_a_store_keeps_its_promise(made: Made, promise: Callable[[Made], object]) -> None:
    promise(made)


def test_a_person_is_erased_from_a_store_and_nobody_else(made: Made, tmp_path: Path) -> None:
    contract.erases_her_and_nobody_else(made, tmp_path / "undo.jsonl")


@pytest.mark.parametrize("name", sorted(STORES))
def test_a_store_that_is_not_there_is_said_to_be_away(name: str, tmp_path: Path) -> None:
    options = {**STORES[name](tmp_path).place.options}
    away = f"sqlite:///{tmp_path}/away.db" if name == "iceberg" else str(tmp_path / "away")
    with pytest.raises(SourceUnreachable, match="away"):
        load(name).describe(Place("away", "dataset", name, away, options))
    assert not (tmp_path / "away").exists()


def test_without_a_purge_a_store_is_only_logically_deleted(tmp_path: Path) -> None:
    made = STORES["chroma"](tmp_path)
    contract.erase_alice(made, contract.keys_of(made))
    assert load("chroma").absent(made.place, PATTERNS) > 0


def test_what_somebody_else_changes_meanwhile_takes_the_erasure_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compliance.provenance.connectors import delta

    made = STORES["delta"](tmp_path)
    real = delta.Table.apply

    def with_a_late_writer(self: delta.Table, edit: object, check: object) -> None:
        import deltalake

        other = deltalake.DeltaTable(made.place.location)
        other.update(updates={"body": "'changed'"}, predicate="id = 'T-1'")
        self._table.update_incremental()
        real(self, edit, check)  # type: ignore[arg-type]

    monkeypatch.setattr(delta.Table, "apply", with_a_late_writer)
    from compliance.rules.errors import ProofFailed

    with pytest.raises((ProofFailed, SourceChanged)):
        contract.erase_alice(made, contract.keys_of(made))
    assert dict(made.bodies())["T-1"] == "changed"
    assert len(made.bodies()) == 5


def test_a_blanked_text_gets_another_vector_and_others_keep_theirs(tmp_path: Path) -> None:
    import lancedb

    made = STORES["lancedb"](tmp_path)

    def vectors() -> dict[str, object]:
        table = lancedb.connect(made.place.location).open_table("tickets")
        return {row["id"]: row["vector"] for row in table.to_arrow().to_pylist()}

    before = {
        row["id"]: row["vector"]
        for row in lancedb.connect(made.place.location).open_table("tickets").to_arrow().to_pylist()
    }
    contract.erase_alice(made, contract.keys_of(made))
    after = {
        row["id"]: row["vector"]
        for row in lancedb.connect(made.place.location).open_table("tickets").to_arrow().to_pylist()
    }
    assert after["T-3"] != before["T-3"]
    assert (after["T-1"], after["T-5"]) == (before["T-1"], before["T-5"])


def test_a_text_cannot_be_blanked_without_an_embedder(tmp_path: Path) -> None:
    made = STORES["lancedb"](tmp_path)
    options = {name: value for name, value in made.place.options.items() if name not in EMBEDDED}
    place = Place("tickets", "index", "lancedb", made.place.location, {**options, "text_field": "body"})
    with pytest.raises(ConfigurationError, match="embedder"):
        load("lancedb").erase(place, redactions={"T-3": [ALICE]})


def test_a_package_that_is_missing_is_named_with_its_remedy() -> None:
    with pytest.raises(MissingPart, match="pip install frobnicate"):
        package("frobnicate", Place("x", "dataset", "delta", "x"))
