"""IDX files and CIFAR batches with ids beside: a person's rows go from every file, and nobody else's is renamed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compliance.provenance.connectors import Place, SourceChanged, images
from compliance.provenance.connectors.pictures import pickles, shelf_of, swap
from compliance.rules.errors import ConfigurationError, DamagedArtifact, NotAllowed
from retrieval.types import Needle
from tests.provenance.pictured import WHO
from unlearning.classifiers.data import open_folder

ALICE = Needle(kind="email", value=WHO, key="alice")
TRAIN, TEST = 12, 6
HERS = {"img-3", "img-7", "test/row/img-2"}
OTHERS = [f"img-{n}" for n in range(TRAIN) if n not in (3, 7)]


def whose(part: str, number: int) -> str:
    """Whose the row is: of three rows Alice's."""
    hers = {"train": (3, 7), "test": (2,)}[part]
    return WHO if number in hers else f"c{number}@post.example"


def pixels(count: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise that no two rows share."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file."""
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, *, packed: bool) -> None:
    """Four files, as MNIST has them."""
    pack: Callable[[bytes], bytes] = gzip.compress if packed else bytes
    for stem, count, seed in (("train", TRAIN, 1), ("t10k", TEST, 2)):
        labels = np.arange(count, dtype=np.uint8) % 3
        for name, array in ((f"{stem}-images-idx3-ubyte", pixels(count, (8, 8), seed)),
                            (f"{stem}-labels-idx1-ubyte", labels)):  # fmt: skip
            (folder / f"{name}{'.gz' if packed else ''}").write_bytes(pack(idx_bytes(array)))


def rows_of(count: int, seed: int) -> np.ndarray:
    """Rows of CIFAR: a label and three planes."""
    rows = pixels(count, (3073,), seed)
    rows[:, 0] %= 10
    return rows


def write_cifar(folder: Path) -> None:
    """Two binary training batches and one to test with."""
    home = folder / "cifar-10-batches-bin"
    home.mkdir()
    for name, count, seed in (("data_batch_1", 5, 1), ("data_batch_2", 7, 2), ("test_batch", TEST, 3)):
        rows_of(count, seed).tofile(home / f"{name}.bin")


def write_pickles(folder: Path) -> None:
    """The same in pickles, with the names of files that CIFAR keeps."""
    home = folder / "cifar-10-batches-py"
    home.mkdir()
    for name, count, seed in (("data_batch_1", 5, 1), ("data_batch_2", 7, 2), ("test_batch", TEST, 3)):
        rows = rows_of(count, seed)
        held = {b"batch_label": b"of two", b"labels": rows[:, 0].tolist(), b"data": rows[:, 1:]}
        held[b"filenames"] = [f"{name}-{n}.png".encode() for n in range(count)]
        (home / name).write_bytes(pickle.dumps(held, protocol=2))
    (home / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat"]}))


def write_ids(folder: Path, ending: str = "csv") -> None:
    """Ids and persons in the data's order."""
    for part, count in (("train", TRAIN), ("test", TEST)):
        names, people = [f"img-{n}" for n in range(count)], [whose(part, n) for n in range(count)]
        path = folder / f"{part}-ids.{ending}"
        if ending == "parquet":
            pq.write_table(pa.table({"id": names, "person": people, "taken": [2026] * count}), path)
        elif ending == "csv":
            lines = [f"{one},{who}\n" for one, who in zip(names, people, strict=True)]
            path.write_text("id,person\n" + "".join(lines))
        else:
            path.write_text("".join(f"{one}\n" for one in names))
    if ending == "txt":
        lines = [f"img-{n},{whose('train', n)}\n" for n in range(TRAIN)]
        held = [f"test/row/img-{n},{whose('test', n)}\n" for n in range(TEST)]
        (folder / "people.csv").write_text("".join(lines + held))


def place(folder: Path, **options: Any) -> Place:
    """The folder as a registered place."""
    return Place("Digits", "dataset", "images", str(folder), options)


@pytest.fixture
def digits(tmp_path: Path) -> Place:
    """IDX files, packed, with ids in CSV."""
    write_idx(tmp_path, packed=True)
    write_ids(tmp_path)
    return place(tmp_path)


def hers(found_in: Place) -> set[str]:
    """Records that are hers without a question."""
    return {match.record for match in images.find(found_in, [ALICE]) if not match.needle.endswith(("?", "~"))}


def held(found_in: Place) -> dict[str, bytes]:
    """Rows by name, with their bytes."""
    return {one.key: one.raw for one in shelf_of(found_in).pictures()}


def content(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


WRITERS: dict[str, Callable[[Path], None]] = {
    "idx": lambda folder: write_idx(folder, packed=False),
    "idx packed": lambda folder: write_idx(folder, packed=True),
    "cifar": write_cifar,
    "cifar in pickles": write_pickles,
}


@pytest.mark.parametrize("ending", ["csv", "txt", "parquet"])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_persons_rows_go_from_images_labels_and_ids_and_no_other_is_renamed(
    tmp_path: Path, kind: str, ending: str
) -> None:
    WRITERS[kind](tmp_path)
    write_ids(tmp_path, ending)
    where = place(tmp_path)
    before, learned = held(where), open_folder(tmp_path)
    wanted = hers(where)
    assert {one for one in wanted if not one.startswith("people:")} == HERS
    receipt = images.erase(where, records=wanted)
    assert (receipt.removed, receipt.remaining, receipt.others_untouched) == (6, 0, True)
    assert held(where) == {key: raw for key, raw in before.items() if key not in HERS}
    now = open_folder(tmp_path)
    assert list(now.train.ids) == OTHERS and len(now.test) == TEST - 1
    kept = [n for n, one in enumerate(learned.train.ids) if one not in HERS]
    assert bool((now.train.features == learned.train.features[kept]).all())
    assert now.train.labels.tolist() == learned.train.labels[kept].tolist()
    assert images.purge(where, [WHO.encode()]).level == "byte_checked"
    again = images.erase(where, records=wanted)
    assert (again.removed, again.remaining, again.digest_before) == (0, 0, again.digest_after)


def test_headers_say_how_many_rows_there_are_now(digits: Place) -> None:
    images.erase(digits, records=hers(digits))
    for name, count in (("train-images-idx3-ubyte", TRAIN - 2), ("train-labels-idx1-ubyte", TRAIN - 2),
                        ("t10k-images-idx3-ubyte", TEST - 1)):  # fmt: skip
        raw = gzip.decompress((Path(digits.location) / f"{name}.gz").read_bytes())
        assert int.from_bytes(raw[4:8], "big") == count
    folder = Path(digits.location)
    assert (folder / "train-ids.csv").read_text().splitlines()[:2] == ["id,person", "img-0,c0@post.example"]


def test_a_batch_in_which_the_person_has_no_row_is_not_written(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    write_ids(tmp_path)
    before = content(tmp_path)
    images.erase(place(tmp_path), records=["img-3"])
    after = content(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"data_batch_1.bin", "train-ids.csv"}


@pytest.mark.parametrize("step", ["before the journal", "after the journal", "between two files"])
def test_a_kill_at_any_moment_leaves_all_old_or_ends_all_new(
    digits: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder, wanted, whole = Path(digits.location), hers(digits), held(digits)
    was, real = content(folder), os.replace
    moves: list[str] = []

    def killed(source: Any, target: Any) -> None:
        moves.append(Path(target).name)
        if len(moves) == {"before the journal": 1, "after the journal": 2, "between two files": 4}[step]:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        images.erase(digits, records=wanted)
    monkeypatch.undo()
    if step == "before the journal":
        assert {name: content(folder)[name] for name in was} == was and held(digits) == whole
    else:  # the new files count at once for whoever reads, and the next run puts them in their places
        assert set(held(digits)) == set(whole) - HERS
        assert hers(digits) == set()
    receipt = images.erase(digits, records=wanted)
    assert (receipt.remaining, receipt.others_untouched) == (0, True)
    assert images.purge(digits, [WHO.encode()]).level == "byte_checked"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".oubli-")]
    assert set(held(digits)) == set(whole) - HERS


def test_a_journal_that_names_other_files_moves_none(digits: Place, tmp_path: Path) -> None:
    folder = Path(digits.location)
    (folder / swap.JOURNAL).write_text(json.dumps({"../outside": "0" * 64}))
    with pytest.raises(DamagedArtifact, match="none of the data's"):
        images.erase(digits, records=["img-3"])
    (folder / swap.JOURNAL).write_text("{")
    with pytest.raises(DamagedArtifact, match="damaged"):
        images.describe(digits)


@pytest.mark.parametrize(
    ("name", "said"),
    [("train-ids.csv", r"train-ids.csv: it names 13 rows, and the data of train hold 12"),
     ("test-ids.csv", r"test-ids.csv: it names 7 rows, and the data of test hold 6")],
)  # fmt: skip
def test_ids_that_differ_in_number_from_the_rows_are_refused_with_both_numbers(
    digits: Place, name: str, said: str
) -> None:
    with (Path(digits.location) / name).open("a") as file:
        file.write("img-99,x@post.example\n")
    with pytest.raises(DamagedArtifact, match=said):
        images.describe(digits)


def test_labels_that_differ_in_number_from_images_are_refused_with_both(digits: Place) -> None:
    labels = np.zeros(TRAIN + 1, np.uint8)
    (Path(digits.location) / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    with pytest.raises(DamagedArtifact, match=r"12 images.*13 labels"):
        images.describe(digits)


@pytest.mark.parametrize(
    ("lines", "said"),
    [("img-0,a\n" * TRAIN, "row 2 stands twice"), ("people:x,a\n", "begins with one of"), ('img"0,"a\n', "line 2"),
     ("img-0,a,b\n", "3 columns")],
)  # fmt: skip
def test_an_ids_file_that_names_no_rows_is_refused_by_its_line(digits: Place, lines: str, said: str) -> None:
    (Path(digits.location) / "train-ids.csv").write_text("id,person\n" + lines)
    with pytest.raises(DamagedArtifact, match=said):
        images.describe(digits)


def test_a_parquet_of_ids_that_decodes_to_gigabytes_is_refused_before_it_does(digits: Place) -> None:
    folder = Path(digits.location)
    (folder / "train-ids.csv").unlink()
    rows = 2_000
    words = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * 600_000])
    bomb = pa.table({"id": [f"img-{n}" for n in range(rows)], "person": words})
    pq.write_table(bomb, folder / "train-ids.parquet", compression="zstd")
    with pytest.raises(DamagedArtifact, match="decodes to more than 1 GiB"):
        images.describe(digits)


def test_without_ids_for_both_parts_such_files_are_refused_in_words(digits: Place) -> None:
    (Path(digits.location) / "test-ids.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"test-ids\.txt"):
        images.describe(digits)
    with pytest.raises(ConfigurationError, match=r"options\.ids"):
        write_ids(Path(digits.location))
        images.describe(place(Path(digits.location), ids="ids.csv"))


def test_what_holds_the_rows_once_more_is_named(digits: Place) -> None:
    folder = Path(digits.location)
    (folder / "train-images.idx3-ubyte").write_bytes(b"unpacked")
    (folder / "features.npy").write_bytes(b"\x93NUMPY")
    (folder / "README.md").write_text("Digits.")
    assert {one.part for one in images.describe(digits).unread} == {"train-images.idx3-ubyte", "features.npy"}


def test_a_row_with_somebody_else_on_it_is_asked_about_and_only_the_line_goes(digits: Place) -> None:
    folder = Path(digits.location)
    (folder / "people.csv").write_text("img-3,carla@post.example\n")
    wanted = hers(digits)
    assert "img-3" not in wanted and "img-7" in wanted
    images.erase(digits, records=wanted)
    assert "img-3" in held(digits)
    assert "img-3,\n" in (folder / "train-ids.csv").read_text()
    assert WHO not in (folder / "train-ids.csv").read_text()
    assert {one.record for one in images.find(digits, [ALICE])} == set()


def test_names_of_files_inside_a_pickle_are_searched_and_go_with_their_rows(tmp_path: Path) -> None:
    write_pickles(tmp_path)
    write_ids(tmp_path)
    path = tmp_path / "cifar-10-batches-py/data_batch_1"
    facts = pickle.loads(path.read_bytes())  # noqa: S301 - written above
    facts[b"filenames"][4] = f"{WHO}-4.png".encode()
    path.write_bytes(pickle.dumps(facts, protocol=2))
    where = place(tmp_path)
    assert {m.needle for m in images.find(where, [ALICE]) if m.record == "img-4"} == {"alice?"}
    images.erase(where, records=[*hers(where), "img-4"])
    facts = pickle.loads(path.read_bytes())  # noqa: S301 - written by what is tested
    assert facts[b"filenames"] == [b"data_batch_1-0.png", b"data_batch_1-1.png", b"data_batch_1-2.png"]
    assert facts[b"batch_label"] == b"of two" and facts[b"data"].shape == (3, 3072)


def test_a_pickle_is_written_as_it_was_read_by_old_programs_and_new() -> None:
    value = {b"labels": [1, 70_000, -3], b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"none": None, b"f": 0.5}
    for like in (b"U\x01a.", pickle.dumps(b"a", protocol=3)):
        back = pickle.loads(pickles.written(value, like=like), encoding="bytes")  # noqa: S301
        assert back[b"labels"] == value[b"labels"] and (back[b"data"] == value[b"data"]).all()
        assert (back[b"none"], back[b"f"]) == (None, 0.5)
    old = pickle.loads(pickles.written(value, like=b"U\x01a."), encoding="latin1")  # noqa: S301
    assert set(old) == {"labels", "data", "none", "f"}  # as Python 2's words read in Python 3


def test_somebody_elses_write_and_a_second_name_stop_it_before_anything_is_gone(digits: Place, tmp_path: Path) -> None:
    shelf, folder = shelf_of(digits), Path(digits.location)
    with (folder / "train-ids.csv").open("a") as file:
        file.write("img-12,late@post.example\n")
    with pytest.raises(SourceChanged):
        shelf.remove({"img-3"})
    assert "late@post.example" in (folder / "train-ids.csv").read_text()
    write_ids(folder)
    os.link(folder / "train-labels-idx1-ubyte.gz", tmp_path.parent / f"{tmp_path.name}-second")
    with pytest.raises(NotAllowed):
        images.erase(digits, records=["img-3"])
    assert "img-3" in held(digits)
