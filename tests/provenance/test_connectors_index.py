"""The index connector on a real FAISS folder, and the model connector on real safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import faiss
import numpy as np
import pytest
from places import ALICE, PATTERNS, RECORDS, index
from safetensors.numpy import save_file

from compliance.provenance.connectors import MARK, NotErasableHere, Place, load
from compliance.provenance.connectors.index_folder import chunks_of, opened
from compliance.rules.errors import ConfigurationError, DamagedArtifact, ModelUnreadable, SourceUnreachable
from retrieval import codes
from retrieval.embedders import HashedWords


def test_chunks_are_found_by_owner_by_text_and_by_document(tmp_path: Path) -> None:
    place = index(tmp_path)
    found = {(match.record, match.owner) for match in load("vector_index").find(place, [ALICE])}
    assert found == {("2", True), ("4", True), ("3", False)}
    assert {match.record for match in load("vector_index").find_derived(place, ["P-2"])} == {"2", "4"}


def test_the_index_keeps_all_other_vectors_bit_for_bit(tmp_path: Path) -> None:
    place = index(tmp_path)
    before = {number: opened(place).vectors([number]).tobytes() for number in (1, 5)}
    gone = [opened(place).vectors([number]).tobytes() for number in (2, 3, 4)]
    receipt = load("vector_index").erase(place, records=["2", "4"], redactions={"3": [ALICE]})
    assert (receipt.removed, receipt.redacted, receipt.remaining) == (2, 1, 0)
    assert receipt.others_untouched
    assert {number: opened(place).vectors([number]).tobytes() for number in (1, 5)} == before
    assert sorted(chunks_of(place)) == [1, 3, 5]
    assert MARK in chunks_of(place)[3].text
    load("vector_index").purge(place)
    assert load("vector_index").absent(place, [*PATTERNS, *gone]) == 0


def test_erasing_from_an_index_twice_changes_nothing_more(tmp_path: Path) -> None:
    place = index(tmp_path)
    orders = {"records": ["2", "4"], "redactions": {"3": [ALICE]}}
    first = load("vector_index").erase(place, **orders)
    second = load("vector_index").erase(place, **orders)
    assert (second.removed, second.redacted, second.remaining) == (0, 0, 0)
    assert second.digest_after == first.digest_after
    assert second.others_untouched


def coded(folder: Path, **options: str) -> Place:
    """An index that keeps codes of 8 bits a number, as somebody made it: no manifest names its embedder."""
    folder.mkdir()
    vectors = HashedWords(64).embed([str(row["body"]) for row in RECORDS])
    made = faiss.index_factory(64, "IDMap2,SQ8")
    made.train(vectors)
    made.add_with_ids(vectors, np.array([row["n"] for row in RECORDS]))
    faiss.write_index(made, str(folder / "index.faiss"))
    rows = [
        {"id": row["n"], "document": row["parent"], "text": row["body"], "source": "tickets", "owner": row["email"]}
        for row in RECORDS
    ]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Place("index", "index", "vector_index", str(folder), {"subject_fields": ["owner"], **options})


def test_an_index_of_codes_loses_chunks_and_owes_its_ranges_without_an_embedder(tmp_path: Path) -> None:
    place = coded(tmp_path / "codes")
    gone = [held.content for held in codes.held(Path(place.location), [2, 4])]
    receipt = load("vector_index").erase(place, records=["2", "4"])
    assert (receipt.removed, receipt.remaining, receipt.level) == (2, 0, "logically_deleted")
    assert receipt.others_untouched
    assert "still kept" in receipt.notes[0] and "embedder" in receipt.notes[0]
    assert load("vector_index").absent(place, gone) == 0
    purged = load("vector_index").purge(place, gone)
    assert (purged.level, "still kept" in " ".join(purged.notes)) == ("logically_deleted", True)


def test_an_index_of_codes_is_learned_again_with_the_artifacts_embedder(tmp_path: Path) -> None:
    place = coded(tmp_path / "codes", embedder="hashed-words")
    receipt = load("vector_index").erase(place, records=["2", "4"])
    assert (receipt.removed, receipt.level) == (2, "rewritten")
    assert receipt.others_untouched
    assert "learned again" in receipt.notes[0]
    assert load("vector_index").purge(place, [b"no such bytes"]).level == "byte_checked"
    assert sorted(chunks_of(place)) == [1, 3, 5]


def test_no_chunk_of_an_index_of_codes_is_blanked(tmp_path: Path) -> None:
    place = coded(tmp_path / "codes", embedder="hashed-words")
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        load("vector_index").erase(place, records=["2"], redactions={"3": [ALICE]})
    assert sorted(chunks_of(place)) == [1, 2, 3, 4, 5]


def test_a_truncated_index_is_refused_by_name(tmp_path: Path) -> None:
    place = index(tmp_path)
    file = next(Path(place.location).rglob("index.faiss"))
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(DamagedArtifact, match="index"):
        load("vector_index").describe(place)


def test_a_missing_index_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="no index folder"):
        load("vector_index").describe(Place("index", "index", "vector_index", str(tmp_path / "none")))


def model(folder: Path) -> Place:
    folder.mkdir()
    save_file({"a": np.ones((3, 4), np.float32), "b": np.zeros(5, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    return Place("assistant", "model", "model", str(folder))


def test_a_model_is_described_by_its_weights(tmp_path: Path) -> None:
    place = model(tmp_path / "model")
    described = load("model").describe(place)
    assert described.detail["parameters"] == 17
    assert described.detail["ledger"] is False
    save_file({"a": np.ones((3, 4), np.float32), "b": np.ones(5, np.float32)}, tmp_path / "model" / "model.safetensors")
    assert load("model").describe(place).digest != described.digest


def test_a_model_cannot_be_edited_record_by_record(tmp_path: Path) -> None:
    with pytest.raises(NotErasableHere, match="is a model: it is made anew without the records"):
        load("model").erase(model(tmp_path / "model"), records=["1"])


def test_missing_pickled_and_truncated_weights_are_three_clear_errors(tmp_path: Path) -> None:
    place = model(tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(DamagedArtifact, match="cut short"):
        load("model").describe(place)
    weights.unlink()
    with pytest.raises(ModelUnreadable, match="no weights"):
        load("model").describe(place)
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelUnreadable, match="pickled"):
        load("model").describe(place)
