"""Erasing: hidden at once, gone from the bytes, nothing else touched, and whole whatever kills it."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import absent, erase
from retrieval.errors import IndexBusy, IndexUnreadable, StoreOutOfStep, UnknownId
from retrieval.indexes import layout
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk
from retrieval.undo import restore

EMBEDDER = HashedWords(32)
COUNT = 400


def chunk(number: int) -> Chunk:
    return Chunk(number, f"doc{number}", f'said "{number}"\nabout word{number % 11}, person{number} Müller', "tickets")


def built(folder: Path, kind: str = "flat", count: int = COUNT) -> Path:
    build(folder, [chunk(number) for number in range(count)], EMBEDDER, kind=kind)
    return folder


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
@pytest.mark.parametrize("ids", [[3], [3, 4, 5, 100, 399], list(range(200))], ids=len)
def test_erased_chunks_are_in_no_byte_and_all_others_are_unchanged(tmp_path: Path, kind: str, ids: list[int]) -> None:
    folder = built(tmp_path / "i", kind)
    index = open(folder, embedder=EMBEDDER)
    rest = [number for number in range(COUNT) if number not in ids]
    gone, kept = index.vectors(ids), index.vectors(rest)
    gone_bytes, texts = [row.tobytes() for row in gone], [chunk(number).text for number in ids]
    before = absent(folder, vectors=gone_bytes, texts=texts)
    assert sum(residue.count for residue in before.residues) == 2 * len(ids), (
        "the scan must see them while they are there"
    )

    receipt = erase(folder, ids)

    level = "rewritten" if len(ids) > 5 else {"hnsw": "repaired"}.get(kind, "scrubbed")
    assert receipt.level in (level, "rewritten" if kind == "ivf" else level)
    assert (receipt.removed, receipt.remaining) == (len(ids), COUNT - len(ids))
    assert receipt.digest_before != receipt.digest_after == index.describe().digest
    assert absent(folder, vectors=gone_bytes, texts=texts).absent
    assert index.vectors(rest).tobytes() == kept.tobytes()
    assert index.ids() == set(rest)
    assert not {hit.id for number in ids[:5] for hit in index.search(chunk(number).text, k=50)} & set(ids)
    assert {hit.id for number in rest[:20] for hit in index.search(chunk(number).text, k=1)} == set(rest[:20])


def test_erasing_twice_says_already_gone_and_changes_nothing(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    first = erase(folder, [7])
    again = erase(folder, [7])
    assert (again.level, again.removed, again.generation_after) == ("already gone", 0, first.generation_after)
    assert again.digest_after == first.digest_after


def test_an_id_that_never_was_is_refused_and_nothing_is_removed(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    digest = open(folder).describe().digest
    with pytest.raises(UnknownId, match="1 of 2 ids"):
        erase(folder, [7, 4000])
    assert open(folder).describe().digest == digest


def test_what_a_rebuild_left_out_counts_as_gone(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    build(folder, [chunk(number) for number in range(10)], EMBEDDER)
    assert erase(folder, [11]).level == "already gone"


def test_what_is_removed_can_be_kept_aside_bit_for_bit(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    vector = open(folder).vectors([7])
    erase(folder, [7], keep_undo=tmp_path / "undo")
    (row,) = [json.loads(line) for path in (tmp_path / "undo").iterdir() for line in path.read_text().splitlines()]
    assert (row["id"], row["text"], bytes.fromhex(row["vector"])) == (7, chunk(7).text, vector.tobytes())


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_what_was_kept_aside_comes_back_bit_for_bit(tmp_path: Path, kind: str) -> None:
    folder = built(tmp_path / "i", kind)
    before = open(folder).vectors(range(COUNT)).tobytes()
    erase(folder, [7, 8], keep_undo=tmp_path / "undo")
    (kept,) = (tmp_path / "undo").iterdir()
    assert [restore(folder, kept), restore(folder, kept)] == [2, 0]
    index = open(folder, embedder=EMBEDDER)
    assert index.vectors(range(COUNT)).tobytes() == before
    assert index.search(chunk(7).text, k=1)[0].chunk == chunk(7)
    assert erase(folder, [7]).removed == 1


def test_a_damaged_undo_file_changes_nothing(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    (tmp_path / "undo.jsonl").write_text('{"id": 900, "text": "somebody"}\n')
    with pytest.raises(IndexUnreadable, match="line 1") as refused:
        restore(folder, tmp_path / "undo.jsonl")
    assert "somebody" not in str(refused.value)
    assert open(folder).describe().generation == 1


@pytest.mark.parametrize("missing", [1, 100, 5_000, 30_000])
def test_without_room_for_a_new_generation_the_old_one_stays(tmp_path: Path, missing: int) -> None:
    folder = built(tmp_path / "i")
    digest = open(folder).describe().digest
    gone = list(range(100))
    room = (folder / "gen-000001" / "index.faiss").stat().st_size - len(gone) * (32 * 4 + 8) - missing
    with no_file_above(room), pytest.raises(OSError, match=r"index\.faiss|gen-|chunks|large"):
        erase(folder, gone)
    assert open(folder).describe().digest == digest
    assert erase(folder, gone).removed == len(gone)


def test_without_room_for_the_journal_nothing_has_happened(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    digest = open(folder).describe().digest
    with no_file_above(200), pytest.raises(OSError, match="large"):
        erase(folder, [7])
    assert open(folder).describe().digest == digest
    assert erase(folder, [7]).level == "scrubbed"


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let no file grow above so many bytes: what a full disk feels like."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("wrap", [False, True], ids=["bare", "with ids"])
@pytest.mark.parametrize("factory", ["Flat", "HNSW16,Flat", "IVF4,Flat"])
def test_somebody_elses_folder_keeps_its_shape(tmp_path: Path, factory: str, wrap: bool) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    texts = [chunk(number).text for number in range(200)]
    vectors, ids = EMBEDDER.embed(texts), np.arange(200) * (5 if wrap else 1)
    index = faiss.index_factory(32, f"IDMap2,{factory}" if wrap else factory, faiss.METRIC_L2)
    index.train(vectors)
    index.add_with_ids(vectors, ids) if wrap else index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))
    rows = [{"id": int(id), "document": "d", "text": text} for id, text in zip(ids, texts, strict=True)]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    receipt = erase(folder, [10, 50])

    assert receipt.remaining == 198
    assert absent(
        folder, vectors=[vectors[10 // (5 if wrap else 1)].tobytes()], texts=[texts[10 // (5 if wrap else 1)]]
    ).absent
    assert not list(folder.glob("gen-*")) and not (folder / "CURRENT").exists()
    _, found = faiss.read_index(str(folder / "index.faiss")).search(vectors[[2, 10]], 200)
    assert not {10, 50} & set(found.ravel().tolist()), "another reader of the file must not meet them either"
    assert erase(folder, [10]).level == "already gone"
    assert open(folder, embedder=EMBEDDER).search(texts[7], k=1)[0].chunk.text == texts[7]


def test_ivf_centroids_are_trained_again_when_much_goes(tmp_path: Path) -> None:
    folder = built(tmp_path / "i", "ivf")
    assert "centroids kept" in erase(folder, [1]).how
    assert "trained again" in erase(folder, list(range(2, 60))).how


def test_everything_can_be_erased(tmp_path: Path) -> None:
    folder = built(tmp_path / "i", count=3)
    assert erase(folder, [0, 1, 2]).remaining == 0
    assert open(folder, embedder=EMBEDDER).search("anything") == ()


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    folder = built(tmp_path / "i", count=3)
    with layout.changing(folder), pytest.raises(IndexBusy), layout.changing(folder, wait=False):
        pass


@pytest.mark.parametrize("as_plain", [False, True], ids=["generations", "plain folder"])
def test_searches_go_on_during_erases_and_see_whole_generations(tmp_path: Path, as_plain: bool) -> None:
    folder = built(tmp_path / "i")
    if as_plain:
        unpack(folder)
    stop, seen = threading.Event(), []

    def search() -> None:
        index = open(folder, embedder=EMBEDDER)
        while not stop.is_set():
            hits = index.search(chunk(300).text, k=COUNT)
            seen.append((len(hits), hits[0].id, {hit.id for hit in hits}))
            open(folder)

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(search) for _ in range(2)]
        while not seen and not any(one.done() for one in running):
            time.sleep(0.005)
        for number in range(12):
            erase(folder, [number])
            time.sleep(0.02)
        while seen and seen[-1][0] == COUNT and not any(one.done() for one in running):
            time.sleep(0.005)
        stop.set()
        for one in running:
            one.result()
    assert {count for count, _, _ in seen} <= set(range(COUNT - 12, COUNT + 1))
    assert all(best == 300 and ids == set(range(COUNT - count, COUNT)) for count, best, ids in seen)
    assert len({count for count, _, _ in seen}) > 1


_ERASE = (
    "import sys; from pathlib import Path; from retrieval.erase import erase\n"
    "print('go', flush=True); erase(Path(sys.argv[1]), range(100))"
)


def start_erasing(folder: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", _ERASE, str(folder)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    return process


@pytest.mark.parametrize("as_plain", [False, True], ids=["generations", "plain folder"])
def test_killed_at_any_moment_the_index_is_before_or_after_and_finishes(tmp_path: Path, as_plain: bool) -> None:
    moments = random.Random(7)
    for attempt in range(6):
        folder = built(tmp_path / str(attempt), "hnsw")
        if as_plain:
            unpack(folder)
        gone = [row.tobytes() for row in open(folder).vectors(range(100))]
        process = start_erasing(folder)
        time.sleep(moments.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close() if process.stdout else None
        count = open(folder).describe().count
        assert count in (COUNT, COUNT - 100)
        assert erase(folder, range(100)).level in ("rewritten", "already gone")
        assert open(folder).describe().count == COUNT - 100
        assert absent(folder, vectors=gone, texts=[chunk(number).text for number in range(100)]).absent
        assert len(list(folder.glob("gen-*"))) == (0 if as_plain else 1)


def unpack(folder: Path) -> None:
    """Turn a folder with generations into a plain one."""
    for path in (folder / "gen-000001").iterdir():
        path.rename(folder / path.name)
    (folder / "gen-000001").rmdir()
    (folder / "CURRENT").unlink()


STEPS = {"fresh": 1, "sync_file": 3, "sync_folder": 2, "write_whole": 1, "finish_replacing": 2, "sweep": 2}


@pytest.mark.parametrize("as_plain", [False, True], ids=["generations", "plain folder"])
@pytest.mark.parametrize(
    ("step", "call"), [(step, call) for step, most in STEPS.items() for call in range(1, most + 1)]
)
def test_killed_at_each_step_the_index_is_before_or_after(tmp_path: Path, step: str, call: int, as_plain: bool) -> None:
    folder = built(tmp_path / "i", count=40)
    if as_plain:
        unpack(folder)
    dying = (
        "import os, sys\nfrom pathlib import Path\nfrom retrieval import erase\nfrom retrieval.indexes import layout\n"
        f"real, left = layout.{step}, [{call}]\n"
        "def last(*a, **k):\n    left[0] -= 1\n    left[0] or os.kill(os.getpid(), 9)\n    return real(*a, **k)\n"
        f"layout.{step} = last\nerase.erase(Path(sys.argv[1]), range(20))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, "-c", dying, str(folder)], env=environment, check=False).returncode
    assert ended == -signal.SIGKILL or step == "finish_replacing"
    assert open(folder).describe().count in ((20,) if ended == 0 else (20, 40))
    erase(folder, range(20))
    assert open(folder).describe().count == 20
    assert absent(folder, texts=[chunk(number).text for number in range(20)]).absent
    assert len(list(folder.glob("gen-*"))) == (0 if as_plain else 1)


def test_a_list_of_places_that_leads_outside_the_documents_is_refused(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    path = next(folder.rglob("*.places"))
    count = int.from_bytes(path.read_bytes()[16:24], "little")
    raw = np.frombuffer(path.read_bytes()[24 : 24 + 24 * count], "<i8").reshape(3, count).copy()
    for column, value in ((1, -5), (1, 1 << 60), (2, 1 << 60)):
        changed = raw.copy()
        changed[column, 7] = value
        path.write_bytes(path.read_bytes()[:24] + changed.tobytes() + path.read_bytes()[24 + 24 * count :])
        with pytest.raises(StoreOutOfStep, match=r"remove chunks\.jsonl\.places"):
            open(folder).get(7)
