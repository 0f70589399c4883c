"""A file that nobody wrote to since our last change is compared with its digests while the next one is made."""

import json
import os
import time
from pathlib import Path

import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import absent, erase
from retrieval.errors import IndexUnreadable
from retrieval.indexes import blocks, layout, seen
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flat index from which somebody was erased already."""
    build(
        tmp_path,
        [Chunk(id, f"d{id}", f"ticket {id} of customer{id}") for id in range(60)],
        HashedWords(32),
        kind="flat",
    )
    erase(tmp_path, [0])
    return tmp_path


def files_of(folder: Path) -> Path:
    return layout.current(folder).files


def believed(folder: Path) -> None:
    """Say that what lies there now is what we left: damage below the file system, which changes no file's time."""
    for _ in range(200):
        seen.note(folder, files_of(folder), ["index.faiss", "chunks.jsonl"])
        if all(seen.is_same(seen.read(folder), files_of(folder) / name) for name in ("index.faiss", "chunks.jsonl")):
            return
        time.sleep(0.01)
    raise AssertionError("nothing was noted")


def damage(path: Path, at: int) -> None:
    with path.open("r+b") as handle:
        handle.seek(at)
        byte = handle.read(1)
        handle.seek(at)
        handle.write(bytes([byte[0] ^ 1]))


def test_what_nobody_wrote_to_is_compared_later_and_digested_as_the_whole_file_is(folder: Path) -> None:
    believed(folder)
    first = erase(folder, [3, 4])
    assert first.level == "scrubbed"
    for name, root in layout.current(folder).manifest["roots"].items():
        assert blocks.root(files_of(folder) / name) == root
    assert len(open(folder).ids()) == 57


@pytest.mark.parametrize("name", ["index.faiss", "chunks.jsonl"])
def test_what_another_program_wrote_to_is_compared_first(folder: Path, name: str) -> None:
    believed(folder)
    damage(files_of(folder) / name, (files_of(folder) / name).stat().st_size // 2)
    before = {path: path.read_bytes() for path in files_of(folder).iterdir() if path.is_file()}
    with pytest.raises(IndexUnreadable, match="nothing was changed"):
        erase(folder, [3])
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("name", ["index.faiss", "chunks.jsonl"])
def test_damage_below_the_file_system_is_said_and_never_taken_for_what_should_be(folder: Path, name: str) -> None:
    text, end = open(folder).get(3).text, (files_of(folder) / name).stat().st_size
    damage(files_of(folder) / name, end // 2)
    believed(folder)
    with pytest.raises(IndexUnreadable, match="was damaged before"):
        erase(folder, [3])
    assert absent(folder, texts=[text]).absent
    with pytest.raises(IndexUnreadable, match="not the file that its manifest names"):
        open(folder)
    with pytest.raises(IndexUnreadable):
        erase(folder, [4])


def test_digests_that_cannot_be_built_on_are_made_again_from_the_file(folder: Path) -> None:
    beside = blocks.sidecar(files_of(folder) / "index.faiss")
    damage(beside, 5)
    believed(folder)
    erase(folder, [3])
    kept = beside.read_bytes()
    assert blocks.write(files_of(folder) / "index.faiss") == layout.current(folder).manifest["roots"]["index.faiss"]
    assert beside.read_bytes() == kept


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"boot": "another", "files": {}}', b'{"files": []}', b"\xff", b"[" * 60_000]
)
def test_a_hint_that_says_nothing_is_none(folder: Path, content: bytes) -> None:
    (folder / seen.SEEN).write_bytes(content)
    assert seen.read(folder) == {}
    assert erase(folder, [3]).removed == 1


def test_a_copy_is_not_believed_to_be_what_it_was_copied_from(folder: Path) -> None:
    believed(folder)
    path = files_of(folder) / "index.faiss"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert not seen.is_same(seen.read(folder), path)


def test_the_hint_names_files_and_nobody(folder: Path) -> None:
    believed(folder)
    kept = json.loads((folder / seen.SEEN).read_bytes())
    assert set(kept) == {"boot", "files"}
    assert set(kept["files"]) == {"index.faiss", "chunks.jsonl"}
    assert all(len(each) == 5 for each in kept["files"].values())


def test_a_link_or_a_pipe_by_the_name_of_the_hint_is_neither_followed_nor_waited_for(
    folder: Path, tmp_path: Path
) -> None:
    somebodys, hint = tmp_path / "somebodys", folder / seen.SEEN
    somebodys.write_text("theirs")
    hint.unlink(missing_ok=True)
    hint.symlink_to(somebodys)
    assert seen.read(folder) == {}
    believed(folder)
    assert somebodys.read_text() == "theirs"
    assert not hint.is_symlink()
    hint.unlink()
    os.mkfifo(hint)
    assert seen.read(folder) == {}
    with pytest.raises(IndexUnreadable, match="no plain file"):
        erase(folder, [3])
    hint.unlink()
    assert erase(folder, [3]).removed == 1
    assert not list(folder.glob(".*.tmp"))
