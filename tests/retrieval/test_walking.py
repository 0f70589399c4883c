"""A folder that cannot be read is an error: no absence, no empty cache and no search is claimed over it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.__main__ import main
from retrieval.absence import absent
from retrieval.caches_files import purge_files
from retrieval.errors import RetrievalError, ScanIncomplete
from retrieval.ingest.building import listing
from retrieval.scan import scan_tree
from retrieval.sweep import sweep
from retrieval.types import Needle
from retrieval.walking import files_below

ANA = b"ana.silva@x.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f" / "closed").mkdir(parents=True)
    (tmp_path / "f" / "open.txt").write_bytes(b"nobody")
    (tmp_path / "f" / "closed" / "hers.txt").write_bytes(ANA)
    return tmp_path / "f"


@pytest.fixture
def closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as an account meets it that may not read a part of it (for root, no file mode says so)."""
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return folder


VERBS: dict[str, Callable[[Path], object]] = {
    "absent": lambda folder: absent(folder, texts=[ANA.decode()]),
    "scan": lambda folder: scan_tree(folder, [ANA]),
    "cache": lambda folder: purge_files(folder, needles=[Needle("email", ANA.decode(), "ana")]),
    "sweep": lambda folder: list(sweep([folder], [Needle("email", ANA.decode(), "ana")])),
    "ingest": listing,
}


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_said_of_a_folder_of_which_a_part_cannot_be_read(closed: Path, verb: str) -> None:
    with pytest.raises(RetrievalError, match="closed: Permission denied"):
        VERBS[verb](closed)


def test_it_can_be_told_instead(closed: Path) -> None:
    told: list[str] = []
    assert scan_tree(closed, [ANA], unreadable=lambda path, why: told.append(path.name)) == {}
    assert told == ["closed"]


def test_pipes_hold_nothing_and_links_are_files_where_they_are_asked_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link.txt").symlink_to(folder / "closed" / "hers.txt")
    (folder / "around").symlink_to(folder)
    assert [path.name for path in files_below(folder)] == ["hers.txt", "open.txt"]
    assert [path.name for path in files_below(folder, links=True)] == ["hers.txt", "link.txt", "open.txt"]


def test_a_scan_says_what_it_did_not_follow(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "open.txt").unlink()
    (folder / "link.txt").symlink_to(folder / "closed" / "hers.txt")
    assert main(["scan", str(folder), "--identifier", "email:somebody@else.example"]) == 0
    assert "1 links were not followed" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ScanIncomplete, match="No such file"):
        absent(tmp_path / "nowhere", texts=["Ana"])
