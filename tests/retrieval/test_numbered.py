"""In a large file numbers are found through a list beside it, which is believed only where the file agrees."""

import json
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.erase import erase
from retrieval.indexes import layout, mapped, numbered, places, scrub

MANY = numbered.FROM


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of as many vectors as get a list; their ids are in no order."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(1)
    index = faiss.index_factory(2, "IDMap2,Flat")
    index.add_with_ids(rng.random((MANY, 2), np.float32), 7 * rng.permutation(MANY))
    faiss.write_index(index, str(folder / "index.faiss"))
    rows = (json.dumps({"id": 7 * number, "document": "d", "text": f"t{number}"}) for number in range(MANY))
    (folder / "chunks.jsonl").write_text("\n".join(rows) + "\n")
    erase(folder, [0])
    return folder


def found(folder: Path, ids: list[int], *, listed: bool = True) -> list[int]:
    place = layout.current(folder)
    with mapped.opened(place) as files:
        if listed:
            assert files.listed is not None
        where = files.find(np.array(sorted(ids), np.int64))
        return sorted(mapped.ids_at(files, where).tolist())


def test_a_large_file_has_a_list_and_its_numbers_are_found_by_it(made: Path) -> None:
    assert found(made, [14, 21, 7 * (MANY - 1)]) == [14, 21, 7 * (MANY - 1)]
    receipt = erase(made, [28, 35])
    assert (receipt.level, receipt.removed, receipt.remaining) == ("scrubbed", 2, MANY - 3)
    assert found(made, [28, 14]) == [14]


def test_a_list_that_lies_is_not_believed(made: Path) -> None:
    path = numbered.sidecar(made / "index.faiss")
    content = path.read_bytes()
    half = 32 + (len(content) - 32) // 2
    try:
        path.write_bytes(content[:half] + content[half : half + 8] * ((len(content) - half) // 8))
        assert found(made, [14, 21, 49]) == [14, 21, 49]
        path.write_bytes(content[:half] + b"\x7f" * (len(content) - half))
        assert found(made, [14, 21, 49]) == [14, 21, 49]
        rank = half + 8 * 1  # the list leaves out 0: 14 is its second number, 21 its third
        path.write_bytes(content[: rank + 8] + content[rank : rank + 8] + content[rank + 16 :])
        assert found(made, [14, 21]) == [14, 21], "both are said to stand where the first stands"
        path.write_bytes(content[:-8])
        assert found(made, [14, 21], listed=False) == [14, 21]
    finally:
        path.write_bytes(content)


def test_a_list_of_another_file_is_not_read(made: Path) -> None:
    token = layout.current(made).manifest["numbers"]
    assert numbered.read(made / "index.faiss", token) is not None
    assert numbered.read(made / "index.faiss", "00" * 16) is None
    assert numbered.read(made / "index.faiss", "") is None


def test_a_number_that_stands_twice_is_found_in_both_places(tmp_path: Path) -> None:
    numbers = np.array([5, 3, -1, 5, 9, -1], np.int64)
    kept = numbered.read(tmp_path / "index.faiss", numbered.keep(tmp_path / "index.faiss", numbers))
    assert kept is not None
    assert kept.find(np.array([5, 9], np.int64)).tolist() == [0, 3, 4]
    assert kept.find(np.array([-1, 4, 100], np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ([0, 1, 1, 3], [1, 3]),  # as many as from its first to its last, and yet one is missing and one double
        ([4, 6, 5, 7], [4, 5, 7]),
        ([4, 6, 5, 7], [3, 8]),
        ([0, 2, 2, 2, 5, 5], [2, 5]),
    ],
)
def test_numbers_without_a_gap_are_found_as_any(tmp_path: Path, numbers: list[int], wanted: list[int]) -> None:
    kept = numbered.read(tmp_path / "f", numbered.keep(tmp_path / "f", np.array(numbers, np.int64)))
    assert kept is not None
    assert kept.find(np.array(wanted, np.int64)).tolist() == [at for at, one in enumerate(numbers) if one in wanted]


def test_rows_are_found_with_a_gap_and_without() -> None:
    for ids in ([5, 6, 7, 8], [5, 6, 8, 9], [7], []):
        held = places.ordered(*(np.array(ids, np.int64),) * 3)
        sought = [-(1 << 60), 4, 5, 6, 7, 8, 9, 10, 1 << 60]
        assert held.find(sought).tolist() == [ids.index(one) if one in ids else -1 for one in sought]


def test_lists_are_searched_in_their_own_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.random((MANY, 2), np.float32)
    index = faiss.index_factory(2, "IVF16,Flat")
    index.train(vectors[:1000])
    index.add_with_ids(vectors, rng.permutation(MANY))
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    place = layout.Place(tmp_path, tmp_path, plain=True, manifest={})
    with mapped.opened(place) as files:
        wanted = np.array([4, 77, MANY - 1], np.int64)
        by_scan = files.find(wanted)
        token = numbered.keep(tmp_path / "index.faiss", scrub.numbers(files.raw, files.found))
    with mapped.opened(layout.Place(tmp_path, tmp_path, plain=True, manifest={"numbers": token})) as files:
        assert files.listed is not None
        by_list = files.find(wanted)
    for name in ("positions", "lists", "slots"):
        assert getattr(by_scan, name).tolist() == getattr(by_list, name).tolist()


def test_a_new_generation_leaves_no_list_of_the_old(made: Path) -> None:
    receipt = erase(made, [7 * number for number in range(10, MANY // 4)])
    assert receipt.level == "rewritten"
    assert not numbered.sidecar(made / "index.faiss").exists()
    assert "numbers" not in layout.current(made).manifest
    assert erase(made, [7 * (MANY - 5)]).level == "scrubbed"
