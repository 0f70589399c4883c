"""A journal that lies in an index folder was written by anybody: it moves, overwrites and removes nothing outside."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from retrieval.embedders import HashedWords
from retrieval.errors import IndexUnreadable, JournalDamaged
from retrieval.indexes import generation, inplace, journal, layout, patches
from retrieval.indexes.chunks import StoredChunks
from retrieval.indexes.faiss import build
from retrieval.indexes.journal import Change
from retrieval.types import Chunk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index folder, and beside it one that is somebody else's."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.txt").write_text("theirs")
    found = tmp_path / "index"
    found.mkdir()
    (found / "index.faiss").write_bytes(b"x" * 64)
    return found


@pytest.mark.parametrize("name", ["../elsewhere", "{elsewhere}", "linked", "", "."])
def test_a_journal_of_renames_takes_nothing_from_another_folder(folder: Path, name: str) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "linked").symlink_to(elsewhere)
    (folder / ".replacing").write_text(name.format(elsewhere=elsewhere))
    with pytest.raises(IndexUnreadable, match="names no generation"):
        layout.current(folder)
    assert (elsewhere / "kept.txt").read_text() == "theirs"
    assert not (folder / "kept.txt").exists()


def test_a_generation_that_is_a_link_is_not_emptied(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "gen-000002").symlink_to(elsewhere)
    (folder / ".replacing").write_text("gen-000002")
    with pytest.raises(IndexUnreadable, match="names no generation"):
        layout.current(folder)
    assert (elsewhere / "kept.txt").read_text() == "theirs"


def test_a_journal_of_bytes_writes_through_no_link(folder: Path) -> None:
    kept = folder.parent / "elsewhere" / "kept.txt"
    change = Change("", {"roots": {}}, (patches.write("chunks.jsonl", 0, b"XXXX"),))
    journal.write(folder, change)
    (folder / "chunks.jsonl").symlink_to(kept)
    with pytest.raises(IndexUnreadable, match="link"):
        layout.current(folder)
    assert kept.read_text() == "theirs"


def test_a_change_of_a_linked_file_is_never_written_down(folder: Path) -> None:
    (folder / "chunks.jsonl").symlink_to(folder.parent / "elsewhere" / "kept.txt")
    with pytest.raises(IndexUnreadable, match="link"):
        journal.write(folder, Change("", {"roots": {}}, (patches.write("chunks.jsonl", 0, b"XXXX"),)))
    assert not (folder / journal.PENDING).exists()


@pytest.mark.parametrize(("offset", "length"), [(60, 8), (1 << 40, 1), (-8, 4), (0, 1 << 40)])
def test_a_journal_makes_no_file_longer(folder: Path, offset: int, length: int) -> None:
    spans = (np.array([offset], np.int64), np.array([length], np.int64))
    change = Change("", {"roots": {}}, (patches.Fill("index.faiss", *spans, 0),))
    journal.write(folder, change)
    with pytest.raises(IndexUnreadable, match="nothing was done"):
        layout.current(folder)
    assert (folder / "index.faiss").read_bytes() == b"x" * 64


def test_a_journal_of_another_index_is_not_carried_out_here(tmp_path: Path) -> None:
    both = []
    for name in ("mine", "theirs"):
        chunks = [Chunk(number, f"d{number}", f"{name} word{number}") for number in range(20)]
        build(tmp_path / name, chunks, HashedWords(16), kind="flat")
        both.append(tmp_path / name)
    mine, theirs = both
    place = layout.current(mine)
    planned = inplace.plan(place, StoredChunks(place.files / layout.CHUNKS), np.array([3, 4], np.int64))
    journal.write(theirs, planned.change)
    before = {path.name: path.read_bytes() for path in (theirs / "gen-000001").iterdir()}
    with pytest.raises(IndexUnreadable, match="another folder"):
        layout.current(theirs)
    assert {path.name: path.read_bytes() for path in (theirs / "gen-000001").iterdir()} == before
    journal.write(mine, planned.change)
    assert layout.current(mine).manifest["count"] == 18


def test_a_whole_journal_without_sense_is_refused_in_words(folder: Path) -> None:
    head = b'{"patches": [{"file": "index.faiss"}], "size": 0}'
    raw = b"OUBLISC1" + len(head).to_bytes(8, "little") + head
    (folder / journal.PENDING).write_bytes(raw + sha256(raw).digest())
    with pytest.raises(IndexUnreadable, match="restore the folder"):
        layout.current(folder)


@pytest.mark.parametrize("name", ["chunks.jsonl", "index.faiss"])
def test_a_change_whose_file_was_cut_or_is_gone_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "i"
    build(folder, [Chunk(n, f"d{n}", f"person number {n}") for n in range(30)], HashedWords(16))
    place = layout.current(folder)
    journal.write(
        folder, inplace.plan(place, StoredChunks(place.files / layout.CHUNKS), np.array([3], np.int64)).change
    )
    kept = (place.files / name).read_bytes()
    (place.files / name).write_bytes(kept[:10])
    with pytest.raises(JournalDamaged, match="nothing was done"):
        generation.read(folder)
    (place.files / name).unlink()
    with pytest.raises(JournalDamaged):
        generation.read(folder)
    (place.files / name).write_bytes(kept)
    assert 3 in generation.read(folder).gone
