"""Trying to get erased chunks back: the probe sees what is there, and nothing when it is gone."""

from pathlib import Path

import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import erase, hide
from retrieval.indexes.faiss import build, open
from retrieval.probe import probe
from retrieval.types import Chunk

EMBEDDER = HashedWords(32)
TEXTS = [f"ticket {number} about word{number % 7} from person{number} on day{number % 30}" for number in range(80)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "i", [Chunk(number, f"d{number}", text) for number, text in enumerate(TEXTS)], EMBEDDER)
    return tmp_path / "i"


def test_before_the_erase_every_way_brings_it_back(folder: Path) -> None:
    report = probe(folder, TEXTS[:4], range(4), EMBEDDER, k=3)
    assert [line.asked for line in report.lines] == [4] * 7
    assert all(line.returned_erased == 4 for line in report.lines if line.how in ("original text", "vector", "id"))
    assert report.lines[1].returned_erased > 0


def test_hidden_chunks_do_not_come_back(folder: Path) -> None:
    hide(folder, range(4))
    assert probe(folder, TEXTS[:4], range(4), EMBEDDER).returned == 0


def test_erased_chunks_do_not_come_back_by_any_way(folder: Path) -> None:
    vectors = open(folder).vectors(range(4))
    erase(folder, range(4))
    report = probe(folder, TEXTS[:4], range(4), EMBEDDER, vectors=vectors)
    assert (report.returned, report.generation, len(report.lines)) == (0, 2, 7)


def test_a_copy_under_another_id_is_reported(folder: Path) -> None:
    copied = [*(Chunk(number, "d", text) for number, text in enumerate(TEXTS)), Chunk(500, "d", TEXTS[2].upper())]
    build(folder, copied, EMBEDDER)
    erase(folder, range(4))
    report = probe(folder, TEXTS[:4], range(4), EMBEDDER)
    assert report.lines[0].returned_same_text == 1
    assert report.returned > 0


def test_a_probe_that_asks_nothing_is_refused(folder: Path) -> None:
    for queries, ids in (([], [1]), (["text"], [])):
        with pytest.raises(ValueError, match="prove nothing"):
            probe(folder, queries, ids, EMBEDDER)


def test_a_cached_answer_that_still_holds_the_text_is_counted(tmp_path: Path) -> None:
    folder, cache = tmp_path / "i", tmp_path / "cache"
    build(folder, [Chunk(number, "d", f"ticket {number} of person{number}") for number in range(9)], HashedWords(32))
    cache.mkdir()
    (cache / "a.json").write_text('{"answer": "we found: ticket 3 of person3"}')
    erase(folder, [3, 4])
    texts = ["ticket 3 of person3", "ticket 4 of person4"]
    report = probe(folder, texts, [3, 4], HashedWords(32), caches=[cache])
    assert (report.lines[-1].how, report.lines[-1].asked, report.lines[-1].returned_same_text) == (
        "cached answers",
        2,
        1,
    )
    assert report.returned == 1
