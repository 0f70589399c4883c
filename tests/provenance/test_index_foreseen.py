"""An index folder says before what an erase of chunks would do, and what of it is refused, without a path or a name."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from places import index
from test_connectors_index import EMBEDDED, coded, plain

from compliance.provenance.connectors import load
from compliance.provenance.connectors.index_outlook import foresee


def test_chunks_that_go_and_a_mention_that_is_blanked_are_foreseen(tmp_path: Path) -> None:
    place = index(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert foresee(place, ["2", "4"], ["3"])["level"] in ("scrubbed", "rewritten")
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("options", "mends"), [({}, False), ({"embedder": "hashed-words"}, True)])
def test_codes_that_they_weigh_on_are_partial_and_the_receipt_agrees(
    tmp_path: Path, options: dict[str, str], mends: bool
) -> None:
    place = coded(tmp_path / "codes", **options)
    told = foresee(place, ["2", "4"], [])
    assert (told["level"], told["mends"]) == ("partial", mends)
    receipt = load("vector_index").erase(place, records=["2", "4"])
    assert receipt.level == ("rewritten" if mends else "learned_kept")


def test_a_mention_that_cannot_be_blanked_among_codes_is_refused_with_what_to_do(tmp_path: Path) -> None:
    place = coded(tmp_path / "codes", **EMBEDDED)
    told = foresee(place, ["2", "4"], ["3"])
    assert told["level"] == "refused"
    assert "on_mention: erase" in told["why"]
    erased = coded(tmp_path / "whole", on_mention="erase", **EMBEDDED)
    assert foresee(erased, ["2", "4"], ["3"])["level"] == "partial"


def test_a_kind_from_which_nothing_goes_is_refused_and_its_path_is_not_said(tmp_path: Path) -> None:
    place, _ = plain(tmp_path / "lsh", "Flat", faiss.METRIC_L2)
    made = faiss.IndexLSH(64, 32)
    made.add(np.random.default_rng(1).normal(size=(12, 64)).astype(np.float32))
    faiss.write_index(made, str(tmp_path / "lsh" / "index.faiss"))
    told = foresee(place, ["1"], [])
    assert told["level"] == "refused"
    assert str(tmp_path) not in told["why"] and "rebuild" in told["why"]
