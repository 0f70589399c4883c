"""What an index of codes learned from somebody: learned again from the original vectors, or said to be kept."""

import json
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.__main__ import main
from retrieval.embedders import HashedWords
from retrieval.erase import absent, erase
from retrieval.errors import DimensionMismatch, EmbedderMismatch, IndexUnreadable, StoreOutOfStep, UnknownId
from retrieval.indexes import layout
from retrieval.indexes.faiss import open
from retrieval.types import Vectors

DIMENSION, COUNT = 16, 1200
MANY = list(range(100))  # 8 % of all
CODED = ("IVF4,PQ4x4np", "IVF4,SQ8", "SQ8", "PQ4x4np", "IDMap2,PQ4x4np", "IVF4,SQfp16", "HNSW8,SQ8")
REST = np.arange(100, COUNT)


def points(count: int = COUNT, seed: int = 3) -> Vectors:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, DIMENSION))
    made = centres[rng.integers(0, 20, count)] + 0.4 * rng.normal(size=(count, DIMENSION))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def folder_with(folder: Path, factory: str, vectors: Vectors, texts: list[str] | None = None) -> Path:
    folder.mkdir()
    index = built(factory, vectors, np.arange(len(vectors)))
    faiss.write_index(index, str(folder / "index.faiss"))
    said = texts or [f"ticket {number} of customer number{number}" for number in range(len(vectors))]
    rows = [{"id": number, "document": f"d{number}", "text": text} for number, text in enumerate(said)]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def built(factory: str, vectors: Vectors, ids: np.ndarray) -> faiss.Index:
    index = faiss.index_factory(DIMENSION, factory)
    index.train(vectors)
    index.add_with_ids(vectors, ids) if "I" in factory else index.add(vectors)
    return index


def codes(folder: Path, ids: np.ndarray) -> list[bytes]:
    """The codes of ids as the file has them, read by faiss, those of lists behind their list's number."""
    return _stored(folder, ids, decoded=False)


def decoded(folder: Path, ids: np.ndarray) -> list[bytes]:
    """What the codes of ids mean: faiss numbers the words of a code book by chance, or so that near ones look alike."""
    return _stored(folder, ids, decoded=True)


def _stored(folder: Path, ids: np.ndarray, *, decoded: bool) -> list[bytes]:
    whole = faiss.read_index(str(folder / "index.faiss"))  # kept: it owns what is looked at below
    index, names = faiss.downcast_index(whole), np.arange(whole.ntotal)
    if isinstance(index, (faiss.IndexIDMap, faiss.IndexIDMap2)):
        names, index = faiss.vector_to_array(index.id_map), faiss.downcast_index(index.index)
    if isinstance(index, faiss.IndexHNSW):
        index = faiss.downcast_index(index.storage)
    found: dict[int, bytes] = {}
    if not isinstance(index, faiss.IndexIVF):
        rows = faiss.vector_to_array(index.codes).reshape(index.ntotal, -1)
        found = {int(id): row.tobytes() for id, row in zip(names, rows, strict=True)}
    for number in range(index.nlist if isinstance(index, faiss.IndexIVF) else 0):
        size = index.invlists.list_size(number)
        if size:
            rows = faiss.rev_swig_ptr(index.invlists.get_codes(number), size * index.code_size).reshape(size, -1)
            numbers = faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
            found |= {int(id): bytes([number]) + row.tobytes() for id, row in zip(numbers, rows, strict=True)}
    mine = [found[int(id)] for id in ids]
    rows = np.frombuffer(b"".join(mine), np.uint8).reshape(len(mine), -1)
    return [row.tobytes() for row in index.sa_decode(rows)] if decoded else mine


def learned(folder: Path) -> list[bytes]:
    """Some of what an index learned: a centroid, a word of its code book, its ranges."""
    whole = faiss.read_index(str(folder / "index.faiss"))
    index = faiss.downcast_index(whole)
    index = faiss.downcast_index(index.index) if isinstance(index, (faiss.IndexIDMap, faiss.IndexIDMap2)) else index
    index = faiss.downcast_index(index.storage) if isinstance(index, faiss.IndexHNSW) else index
    parts = []
    if isinstance(index, faiss.IndexIVF):
        parts.append(faiss.downcast_index(index.quantizer).reconstruct(0).tobytes())
    if hasattr(index, "pq"):
        parts.append(faiss.vector_to_array(index.pq.centroids)[:16].tobytes())
    if isinstance(index, faiss.IndexScalarQuantizer):
        parts.append(faiss.vector_to_array(index.sq.trained)[:16].tobytes())
    return parts


def as_npy(place: Path, vectors: Vectors) -> Path:
    np.save(place / "vectors.npy", vectors)
    return place / "vectors.npy"


def as_fvecs(place: Path, vectors: Vectors) -> Path:
    width = np.full((len(vectors), 1), vectors.shape[1], np.int32)
    np.concatenate([width, vectors.view(np.int32)], axis=1).tofile(place / "vectors.fvecs")
    return place / "vectors.fvecs"


def as_parquet(place: Path, vectors: Vectors) -> Path:
    order = np.random.default_rng(1).permutation(len(vectors))
    pq.write_table(pa.table({"id": order, "vector": list(vectors[order])}), place / "v.parquet", row_group_size=500)
    return place / "v.parquet"


@pytest.mark.parametrize("factory", CODED)
def test_without_the_originals_codes_stay_bit_for_bit_and_the_receipt_says_what_is_owed(
    tmp_path: Path, factory: str
) -> None:
    folder = folder_with(tmp_path / "p", factory, points())
    before = codes(folder, REST)
    receipt = erase(folder, MANY)
    assert receipt.level == "partial"
    assert "8.33% of all vectors" in receipt.how and "Give the original vectors" in receipt.how
    assert codes(folder, REST) == before, "no recall is lost in silence"
    assert open(folder).ids() == set(REST.tolist())
    assert erase(folder, MANY).level == "already gone"


@pytest.mark.parametrize("factory", CODED)
def test_with_the_originals_the_index_is_the_one_that_was_never_given_them(tmp_path: Path, factory: str) -> None:
    vectors = points()
    folder = folder_with(tmp_path / "p", factory, vectors)
    receipt = erase(folder, MANY, originals=as_npy(tmp_path, vectors))
    assert receipt.level == "rewritten"
    assert "learned again from the original vectors" in receipt.how
    assert "all 1,100 have their stored codes" in receipt.how
    assert "still holds 100 of the removed" in receipt.how
    never = folder_with(tmp_path / "never", factory, vectors[100:])
    assert decoded(folder, REST) == decoded(never, REST - 100)
    assert absent(folder, texts=["ticket 7 of"]).absent


@pytest.mark.parametrize("write", [as_npy, as_fvecs, as_parquet])
def test_what_is_owed_is_mended_when_the_originals_are_found(
    tmp_path: Path, write: Callable[[Path, Vectors], Path]
) -> None:
    vectors = points()
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4np", vectors)
    assert erase(folder, MANY).level == "partial"
    assert erase(folder, [500]).level == "scrubbed", "one more weighs little, and what is owed is still owed"
    served = open(folder)
    mended = erase(folder, MANY, originals=write(tmp_path, vectors))
    assert (mended.level, mended.removed, mended.remaining) == ("rewritten", 0, COUNT - 101)
    assert "still holds 101 of the removed" in mended.how
    assert served.ids() == set(REST.tolist()) - {500}
    never = folder_with(tmp_path / "never", "IVF4,PQ4x4np", np.delete(vectors, [*MANY, 500], axis=0))
    names = np.setdiff1d(REST, [500])
    assert decoded(folder, names) == decoded(never, np.arange(len(names)))
    assert erase(folder, MANY, originals=tmp_path / "gone.npy").level == "already gone", "nothing is owed any more"


def test_recall_is_kept_without_the_originals_and_that_of_a_rebuild_with_them(tmp_path: Path) -> None:
    vectors = points(2000)
    queries = points(100, seed=9)
    names = np.arange(100, 2000)
    best = np.argsort(-(queries @ vectors[names].T), axis=1)[:, :10] + 100

    def recall(folder: Path) -> float:
        index = open(folder)
        found = [{hit.id for hit in index.search(query, k=10)} for query in queries]
        return float(np.mean([len(one & set(row)) / 10 for one, row in zip(found, best.tolist(), strict=True)]))

    kept = folder_with(tmp_path / "kept", "IVF4,PQ8x4np", vectors)
    assert erase(kept, range(100)).level == "partial"
    again = folder_with(tmp_path / "again", "IVF4,PQ8x4np", vectors)
    erase(again, range(100), originals=as_npy(tmp_path, vectors))
    rebuilt = tmp_path / "rebuilt"
    folder_with(rebuilt, "IVF4,PQ8x4np", vectors[100:])
    index = open(rebuilt)
    found = [{hit.id + 100 for hit in index.search(query, k=10)} for query in queries]
    fresh = float(np.mean([len(one & set(row)) / 10 for one, row in zip(found, best.tolist(), strict=True)]))
    assert recall(again) == fresh
    assert recall(kept) >= fresh - 0.01


def test_an_embedder_embeds_those_who_stay(tmp_path: Path) -> None:
    texts = [f"word{number % 40} about{number % 7} item{number}" for number in range(COUNT)]
    embedder = HashedWords(DIMENSION)
    vectors = embedder.embed(texts)
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4np", vectors, texts)
    receipt = erase(folder, MANY, originals=embedder)
    assert receipt.level == "rewritten"
    never = folder_with(tmp_path / "never", "IVF4,PQ4x4np", vectors[100:], texts[100:])
    assert decoded(folder, REST) == decoded(never, REST - 100)


def test_an_embedder_of_another_index_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4np", points())
    manifest = {"embedder": "another", "embedder_digest": "of other weights", "generation": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbedderMismatch, match="nothing was changed"):
        erase(folder, MANY, originals=HashedWords(DIMENSION))
    assert len(open(folder).ids()) == COUNT


def test_from_a_shell_the_exit_code_says_that_something_is_owed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = points()
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4np", vectors)
    command = ["erase", str(folder), "--ids", *map(str, MANY), "--json"]
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out)["level"] == "partial"
    assert main(command) == 0
    assert "still kept" in json.loads(capsys.readouterr().out)["how"]
    assert main([*command, "--vectors", str(as_npy(tmp_path, vectors))]) == 0
    assert json.loads(capsys.readouterr().out)["level"] == "rewritten"
    assert main([*command, "--embedder", "hashed-words"]) == 0, "nothing is owed, so that nobody is asked"


@pytest.mark.parametrize("factory", CODED)
def test_one_wrong_vector_is_refused_and_its_number_named(tmp_path: Path, factory: str) -> None:
    vectors = points()
    folder = folder_with(tmp_path / "p", factory, vectors)
    content = (folder / "index.faiss").read_bytes()
    vectors[[777, 801]] = -vectors[[777, 801]]
    with pytest.raises(StoreOutOfStep, match=r"2 of 1,100 .*ids 777, 801\)"):
        erase(folder, MANY, originals=as_npy(tmp_path, vectors))
    assert (folder / "index.faiss").read_bytes() == content


def wrong_vectors(place: Path) -> Path:
    return as_npy(place, points(seed=4))


def too_few(place: Path) -> Path:
    return as_npy(place, points()[:-1])


def too_wide(place: Path) -> Path:
    return as_npy(place, np.concatenate([points(), points()], axis=1))


def not_numbers(place: Path) -> Path:
    vectors = points()
    vectors[700, 2] = np.nan
    return as_npy(place, vectors)


def torn(place: Path) -> Path:
    path = as_fvecs(place, points())
    path.write_bytes(path.read_bytes()[:-3])
    return path


def pickled(place: Path) -> Path:
    np.save(place / "o.npy", np.array([{}], object), allow_pickle=True)
    return place / "o.npy"


def twice(place: Path) -> Path:
    numbers = np.append(np.arange(COUNT), 300)
    pq.write_table(pa.table({"id": numbers, "vector": list(points()[numbers])}), place / "v.parquet")
    return place / "v.parquet"


def no_file(place: Path) -> Path:
    return place / "none.npy"


def other_suffix(place: Path) -> Path:
    return place / "vectors.bin"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (wrong_vectors, StoreOutOfStep),
        (too_few, UnknownId),
        (too_wide, DimensionMismatch),
        (not_numbers, IndexUnreadable),
        (torn, IndexUnreadable),
        (pickled, IndexUnreadable),
        (twice, IndexUnreadable),
        (no_file, IndexUnreadable),
        (other_suffix, IndexUnreadable),
    ],
)
def test_originals_that_are_not_of_this_index_are_refused_before_anything_changes(
    tmp_path: Path, make: Callable[[Path], Path], error: type[Exception]
) -> None:
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4np", points())
    content = (folder / "index.faiss").read_bytes()
    with pytest.raises(error):
        erase(folder, MANY, originals=make(tmp_path))
    assert (folder / "index.faiss").read_bytes() == content
    assert layout.current(folder).generation == 0


@pytest.mark.parametrize("factory", ["IVF4,PQ4x4np", "SQ8", "IDMap2,PQ4x4np", "IVF4,Flat", "HNSW8,PQ4x4np"])
def test_when_everybody_goes_nothing_that_was_learned_stays(tmp_path: Path, factory: str) -> None:
    vectors = points()
    folder = folder_with(tmp_path / "p", factory, vectors)
    theirs = learned(folder)
    assert not absent(folder, vectors=theirs).absent
    receipt = erase(folder, range(COUNT))
    assert (receipt.level, receipt.remaining) == ("rewritten", 0)
    assert absent(folder, vectors=theirs).absent
    assert open(folder).search(vectors[3], k=5) == ()
