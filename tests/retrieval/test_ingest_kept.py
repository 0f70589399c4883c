"""The ingest index keeps nobody who was erased, and loses nothing when its process is killed."""

import json
import multiprocessing
import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from benchmarks.people import People
from retrieval.ingest import Ingested, building, ingest
from retrieval.ingest.windows import BLOCK_BITS, BLOCKS, Keys
from retrieval.types import Needle
from tests.retrieval.ingested import KEY, NEEDLES, STRANGERS, looked, planted_folder, scanned


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The planted folder."""
    return planted_folder(tmp_path / "data")


def entries_of(index: Path, needles: list[Needle]) -> int:
    """Count, in the bytes of every file of an index, the keys that the needles make."""
    keys, count = Keys(KEY), 0
    wanted = {low >> BLOCK_BITS for needle in needles for low, up in keys.ranges(needle, "SE") if up - low < BLOCKS}
    for path in index.glob("*"):
        if path.suffix in (".words", ".near"):
            count += int(
                np.isin(np.fromfile(path, "<u8") >> np.uint64(BLOCK_BITS), np.array(list(wanted), np.uint64)).sum()
            )
    return count


def test_who_was_erased_has_no_key_left_in_the_index(folder: Path, tmp_path: Path) -> None:
    ingest(folder, tmp_path / "index", KEY)
    assert entries_of(tmp_path / "index", NEEDLES[:1]) > 10
    path = folder / "rows.jsonl"
    kept = [
        line
        for line in path.read_text().splitlines(keepends=True)
        if "a" not in json.loads(line) and "Hello" not in line
    ]
    for other in folder.iterdir():
        other.unlink()
    path.write_text("".join(kept))
    ingest(folder, tmp_path / "index", KEY)
    assert entries_of(tmp_path / "index", NEEDLES[:1]) == 0
    assert ingest(folder, tmp_path / "index", KEY).entries > 1_000


def append_strangers(path: Path) -> None:
    """Add some megabytes: several pieces."""
    people = People(random.Random(3))
    rows = [people.row(STRANGERS) for _ in range(1_000)]
    with path.open("a", encoding="utf-8") as out:
        out.writelines(rows * 12)


def _ingest_and_die(folder: Path, index: Path, after: int) -> None:
    building._IN_MEMORY = 2_000
    write, seen = building.runs.write, []

    def counting(*given, **named):
        name = write(*given, **named)
        seen.append(name)
        if len(seen) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return name

    building.runs.write = counting
    ingest(folder, index, KEY)


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_ingest_goes_on_where_it_was(folder: Path, tmp_path: Path, after: int) -> None:
    append_strangers(folder / "rows.jsonl")
    process = multiprocessing.get_context("fork").Process(
        target=_ingest_and_die, args=(folder, tmp_path / "index", after)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = ingest(folder, tmp_path / "index", KEY)
    assert done.unread == ()
    found = looked(folder, tmp_path / "index")
    assert (set(found.found), found.scanned) == (scanned(folder), ())
    assert len(list((tmp_path / "index").glob("*.words"))) == len(Ingested(tmp_path / "index", KEY)._runs)


def test_what_was_read_before_a_kill_is_not_read_again(folder: Path, tmp_path: Path) -> None:
    append_strangers(folder / "rows.jsonl")
    process = multiprocessing.get_context("fork").Process(target=_ingest_and_die, args=(folder, tmp_path / "index", 4))
    process.start()
    process.join()
    files = json.loads((tmp_path / "index" / "manifest.json").read_text())["files"]
    assert files["rows.jsonl"]["row"] > 1_000
    done = ingest(folder, tmp_path / "index", KEY)
    assert done.records < 12_000 - 1_000
    assert set(looked(folder, tmp_path / "index").found) == scanned(folder)
