"""Folders in which an erase meets trouble: no room, another erase, links. It is said in words, and nothing is lost."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import erase
from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes import layout
from retrieval.indexes.faiss import build
from retrieval.indexes.faiss import open as open_index
from retrieval.types import Chunk
from tests.retrieval.test_scrub import COUNT, plain, write_chunks


def shell(folder: Path, *ids: int, most: int | None = None) -> "subprocess.Popen[str]":
    """Erase in another process; ``most`` are the bytes that a file may have that it writes."""
    command = [sys.executable, "-m", "retrieval", "erase", str(folder), "--ids", *map(str, ids)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most or 0, most or 0))

    pipe = subprocess.PIPE
    before = None if most is None else limited
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, preexec_fn=before)  # noqa: PLW1509


@pytest.mark.parametrize(("most", "is_before"), [(0, True), (100, True), (5000, False)])
def test_without_room_it_is_before_or_after_and_the_next_erase_goes_on(
    tmp_path: Path, most: int, is_before: bool
) -> None:
    """Where the journal found room and the files did not, the change counts: whoever opens the folder next ends it."""
    folder = plain(tmp_path / "p", "IDMap2,Flat")
    erase(folder, [1])
    process = shell(folder, *range(5, 105), most=most)
    _, told = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert told
    assert "Traceback" not in told
    rest = frozenset(range(COUNT)) - {1}
    assert open_index(folder).ids() == (rest if is_before else rest - frozenset(range(5, 105)))
    assert erase(folder, range(5, 105)).level == ("scrubbed" if is_before else "already gone")


def test_two_erases_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IDMap2,Flat")
    both = [shell(folder, *range(5, 15)), shell(folder, *range(10, 25))]
    for process in both:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert open_index(folder).ids() == frozenset(range(COUNT)) - frozenset(range(5, 25))


def test_a_folder_behind_a_link_is_erased_from_and_a_file_behind_one_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IDMap2,Flat")
    (tmp_path / "link").symlink_to(folder)
    assert erase(tmp_path / "link", [5]).level == "scrubbed"
    assert 5 not in open_index(folder).ids()
    (folder / "index.faiss").rename(tmp_path / "elsewhere")
    (folder / "index.faiss").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(IndexUnreadable, match="is a link"):
        erase(folder, [6])
    assert (tmp_path / "elsewhere").read_bytes() == before
    assert 6 in open_index(folder).ids()


def test_a_binary_index_is_refused_by_its_name(tmp_path: Path) -> None:
    index = faiss.IndexBinaryFlat(64)
    index.add(np.zeros((10, 8), np.uint8))
    faiss.write_index_binary(index, str(tmp_path / "index.faiss"))
    write_chunks(tmp_path, range(10))
    before = (tmp_path / "index.faiss").read_bytes()
    with pytest.raises(UnsupportedIndex, match="a binary index"):
        erase(tmp_path, [3])
    assert (tmp_path / "index.faiss").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["index.faiss", "chunks.jsonl", "manifest.json", "chunks.jsonl.places", "hidden.json", ".seen"]
)
def test_a_pipe_where_a_file_was_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "i"
    build(folder, [Chunk(n, f"d{n}", f"person number {n}") for n in range(30)], HashedWords(16))
    place = layout.current(folder).files if name not in ("hidden.json", ".seen") else folder
    (place / name).unlink(missing_ok=True)
    os.mkfifo(place / name)
    with pytest.raises(IndexUnreadable, match=f"{name} is no plain file"):
        open_index(folder)
    with pytest.raises(IndexUnreadable, match=f"{name} is no plain file"):
        erase(folder, [3])


def test_a_manifest_that_names_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IDMap2,Flat")
    erase(folder, [1])
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"index.faiss"', '"inde8.faiss"'))
    with pytest.raises(IndexUnreadable, match=r"inde8\.faiss"):
        erase(folder, [2])


def test_a_folder_whose_name_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"lat\xe9in")
    with pytest.raises(IndexUnreadable, match="not UTF-8"):
        build(folder, [Chunk(1, "d", "text")], HashedWords(16))
    assert not folder.exists()
