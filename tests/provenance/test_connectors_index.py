"""The index connector on a real FAISS folder, and the model connector on real safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import ALICE, PATTERNS, RECORDS, index
from safetensors.numpy import save_file

from compliance.provenance.connectors import MARK, NotErasableHere, Place, load
from compliance.provenance.connectors.index_folder import chunks_of, opened
from compliance.rules.errors import ConfigurationError, DamagedArtifact, ModelUnreadable, SourceUnreachable
from retrieval import codes
from retrieval.embedders import HashedWords
from retrieval.types import Needle


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


NAMED = Needle("email", "nele.maier@x.example", "email:9")
EMBEDDED = {"embedder": "hashed-words"}


def plain(folder: Path, kind: str, metric: int, **options: str) -> tuple[Place, range]:
    """A company's own index over whole vectors, with texts beside it: the second and no other mentions a person."""
    folder.mkdir()
    texts = [f"question {number} about parcel {number * 7}" for number in range(12)]
    texts[1] += ", ask nele.maier@x.example"
    vectors = HashedWords(64).embed(texts)
    made = faiss.index_factory(64, kind, metric)
    made.train(vectors)
    made.add(vectors) if kind in ("Flat", "IVF2,Flat") else made.add_with_ids(vectors, np.arange(len(texts)))
    faiss.write_index(made, str(folder / "index.faiss"))
    lines = (json.dumps({"id": at, "document": f"d{at}", "text": text}) + "\n" for at, text in enumerate(texts))
    (folder / "chunks.jsonl").write_text("".join(lines))
    return Place("index", "index", "vector_index", str(folder), {"text_fields": ["text"], **options}), range(len(texts))


def shape_of(path: Path) -> tuple[str, int, int]:
    """What a program that knows faiss alone finds: the kind below a map of ids, metric and number."""
    whole = faiss.read_index(str(path))  # kept: what it holds goes with it
    index = faiss.downcast_index(whole)
    inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap2) else index
    kinds = {faiss.IndexIVFFlat: "IVF2,Flat", faiss.IndexHNSWFlat: "IDMap2,HNSW8,Flat"}
    return kinds.get(type(inner), "Flat"), index.metric_type, index.ntotal


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
    assert (receipt.removed, receipt.remaining, receipt.level) == (2, 0, "learned_kept")
    assert receipt.others_untouched
    assert "still kept" in receipt.notes[0] and "embedder" in receipt.notes[0]
    assert load("vector_index").absent(place, gone) == 0
    purged = load("vector_index").purge(place, gone)
    assert (purged.level, "still kept" in " ".join(purged.notes)) == ("learned_kept", True)


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


@pytest.mark.parametrize("metric", [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT], ids=["L2", "inner product"])
@pytest.mark.parametrize("kind", ["Flat", "IVF2,Flat", "IDMap2,HNSW8,Flat"])
def test_a_mention_in_somebody_elses_index_is_blanked_and_the_index_stays_of_its_kind(
    tmp_path: Path, kind: str, metric: int
) -> None:
    place, ids = plain(tmp_path / "plain", kind, metric, embedder="hashed-words")
    before = opened(place).vectors(ids)
    receipt = load("vector_index").erase(place, redactions={"1": [NAMED]})
    assert (receipt.redacted, receipt.removed, receipt.others_untouched) == (1, 0, True)
    assert shape_of(Path(place.location) / "index.faiss") == (kind, metric, len(ids))
    same = (opened(place).vectors(ids) == before).all(axis=1)
    assert [number for number in ids if not same[number]] == [1]
    assert chunks_of(place)[1].text == f"question 1 about parcel 7, ask {MARK}"
    assert load("vector_index").absent(place, [b"nele.maier@x.example", before[1].tobytes()]) == 0


def test_a_mention_in_a_text_that_lies_in_parquet_is_blanked_there(tmp_path: Path) -> None:
    place, ids = plain(tmp_path / "plain", "Flat", faiss.METRIC_L2, **EMBEDDED)
    folder, before = Path(place.location), opened(place).vectors(ids)
    rows = [json.loads(line) for line in (folder / "chunks.jsonl").read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist([{**row, "rating": row["id"] / 7} for row in rows]), folder / "chunks.parquet")
    (folder / "chunks.jsonl").unlink()
    receipt = load("vector_index").erase(place, records=["2"], redactions={"1": [NAMED]})
    assert (receipt.redacted, receipt.removed, receipt.others_untouched) == (1, 1, True)
    assert chunks_of(place)[1].text == f"question 1 about parcel 7, ask {MARK}"
    assert load("vector_index").absent(place, [b"nele.maier@x.example", before[1].tobytes(), before[2].tobytes()]) == 0
    assert pq.read_table(folder / "chunks.parquet")["rating"].to_pylist() == [at / 7 for at in ids if at != 2]


def test_a_mention_that_cannot_be_blanked_is_refused_before_anything_changes(tmp_path: Path) -> None:
    place, _ = plain(tmp_path / "plain", "Flat", faiss.METRIC_L2)
    folder = Path(place.location)
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigurationError) as refused:
        load("vector_index").erase(place, records=["2"], redactions={"1": [NAMED]})
    assert "on_mention: erase" in refused.value.next_action
    assert {name: (folder / name).read_bytes() for name in content} == content
