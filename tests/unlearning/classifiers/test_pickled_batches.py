"""CIFAR-10's pickled batches are read without ever being unpickled; a hostile one is refused and never run."""

from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unlearning.classifiers.data import open_folder, pickled
from unlearning.cli import main
from unlearning.errors import RowsError


def rows(count: int) -> tuple[np.ndarray, list[int]]:
    """Coloured squares with noise: the colour says the class."""
    chance = np.random.default_rng(count)
    labels = np.arange(count) % 10
    shade = np.repeat(np.c_[labels * 25, 250 - labels * 25, (labels % 3) * 100], 1024, axis=1)
    return np.clip(shade + chance.integers(-20, 20, (count, 3072)), 0, 255).astype(np.uint8), labels.tolist()


def of_old(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 and its NumPy wrote the published files: protocol 2, words that are bytes."""
    raw = pixels.tobytes()
    return b"".join(
        (
            b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(",
            b"".join(b"K" + bytes([label]) for label in labels),
            b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(",
            b"K\x01J"
            + struct.pack("<i", len(pixels))
            + b"M\x00\x0c\x86cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87Rq\x0b(",
            b"K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(raw)) + raw,
            b"tbU\x09filenamesq\x0c](U\x05a.pngeu.",
        )
    )


def test_the_published_pickles_hold_what_the_binary_batches_hold(tmp_path: Path) -> None:
    home = tmp_path / "c" / "cifar-10-batches-py"
    home.mkdir(parents=True)
    (home / "data_batch_1").write_bytes(of_old(*rows(150)))
    for protocol, name, count in ((2, "data_batch_2", 30), (5, "test_batch", 100)):
        pixels, labels = rows(count)
        (home / name).write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}, protocol=protocol))
    data = open_folder(tmp_path / "c")
    binary = tmp_path / "b"
    binary.mkdir()
    for name, count in (("data_batch_1", 150), ("data_batch_2", 30), ("test_batch", 100)):
        pixels, labels = rows(count)
        (binary / f"{name}.bin").write_bytes(np.c_[labels, pixels].astype(np.uint8).tobytes())
    beside = open_folder(binary)
    for one, other in ((data.train, beside.train), (data.test, beside.test)):
        assert torch.equal(one.features, other.features) and torch.equal(one.labels, other.labels)
        assert one.ids == other.ids


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_protocol_are_read_as_pickle_reads_them(tmp_path: Path, protocol: int, order: Any) -> None:
    pixels = np.asarray(rows(4)[0], order=order)
    (tmp_path / "b").write_bytes(
        pickle.dumps({"data": pixels, "labels": np.arange(4), "n": [1, -2, 2**40, "a", None]}, protocol)
    )
    found = pickled.values(tmp_path / "b")
    assert (found["data"] == pixels).all() and found["labels"].tolist() == [0, 1, 2, 3]
    assert found["n"] == [1, -2, 2**40, "a", None]


class Acting:
    """Pickled, it calls what it was given when somebody unpickles it."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], self.call[1:]


def doubled(depth: int) -> bytes:
    """A list of two of the list before, so deep."""
    return b"\x80\x02]q\x00" + b"".join(bytes([93, 113, n + 1, 40, 104, n, 104, n, 101]) for n in range(depth))


def hostile(witness: Path) -> list[bytes]:
    """Programs that would write `witness`, take all memory, or reach for a class of their own."""
    code = f"open({str(witness)!r}, 'w').write('ran')"
    calls = [
        Acting(exec, code),
        Acting(eval, code),
        Acting(io.open, str(witness), "w"),
        Acting(np.save, str(witness), 1),
    ]
    found = [pickle.dumps({"data": call, "labels": [1]}, protocol) for call in calls for protocol in (0, 2, 4, 5)]
    array = b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R("
    huge, kind = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", b"cnumpy\ndtype\nU\x02%sK\x00K\x01\x87R\x89"
    return [
        *found,
        f'(S"{code}"\nibuiltins\nexec\n.'.encode(),
        b"(cbuiltins\nexec\nS'1'\no.",
        *(
            b"\x82\x01.",
            b"Pwho\n.",
            b"\x80\x04K\x01\x94r\xff\xff\xff\x7f.",
            b"(" * 100_000,
            b"}]](sK\x01.",
            b"0.",
            b"b.",
        ),
        array + b"K\x01" + huge + kind % b"u1" + b"U\x01atbu.",
        array + b"K\x01K\x01\x85" + kind % b"O8" + b"](Natbu.",
        doubled(60) + b"cnumpy\ndtype\nh<\x85R.",  # in words 2 to the power of 60 letters
        doubled(60) + b"h<h<\x93.",
        array + b"K\x01(" + b"K\x01" * 1_000 + b"t" + kind % b"u1" + b"U\x01atbu.",
        b"cnumpy\nndarray\n.",
        b"cnumpy.core.multiarray\n_reconstruct\n(tR.",
    ]


def test_a_program_longer_than_any_batch_needs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "batch").write_bytes(b"]" * 1_000 + b".")
    assert pickled.values(tmp_path / "batch") == []
    monkeypatch.setattr(pickled, "LONGEST", 500)
    with pytest.raises(RowsError, match="would do more"):
        pickled.values(tmp_path / "batch")


def test_a_hostile_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    witness, batch = tmp_path / "witness", tmp_path / "data_batch_1"
    (tmp_path / "test_batch").write_bytes(of_old(*rows(10)))
    for program in hostile(witness):
        batch.write_bytes(program)
        with pytest.raises(RowsError, match="data_batch_1"):
            open_folder(tmp_path)
        assert not witness.exists()
    pickle.loads(hostile(witness)[0])  # noqa: S301 - the witness works: what was refused would have written it
    assert witness.exists()


def test_every_cut_and_every_changed_byte_is_refused_or_read_and_nothing_else(tmp_path: Path) -> None:
    whole, batch = of_old(rows(2)[0], [0, 1]), tmp_path / "data_batch_1"
    chance = np.random.default_rng(0)
    (tmp_path / "test_batch").write_bytes(whole)
    places = [n for n in range(len(whole)) if n < 260 or n > len(whole) - 40][::2]
    for place in places:
        changed = bytearray(whole)
        changed[place] = int(chance.integers(256))
        for program in (whole[:place], bytes(changed)):
            batch.write_bytes(program)
            try:
                assert len(open_folder(tmp_path).train) == 2
            except RowsError as error:
                assert "data_batch_1" in str(error)


def test_what_is_no_batch_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, labels = rows(3)
    (tmp_path / "test_batch").write_bytes(of_old(pixels, labels))
    for held, meant in (
        ([1, 2], "no `data`"),
        ({"data": pixels[:, :5], "labels": labels}, "no `data`"),
        ({"data": pixels}, "one label a row"),
        ({"data": pixels, "labels": labels[:2]}, "one label a row"),
        ({"data": pixels, "labels": [0, 1, 10]}, "from 0 to 9"),
        ({"data": pixels, "labels": [0, 1, True]}, "from 0 to 9"),
    ):
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(held))
        with pytest.raises(RowsError, match=meant):
            open_folder(tmp_path)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "cifar-10-python.tar.gz").write_bytes(b"")
    code = main(["classifier", "train", "--data", str(tmp_path / "packed"), "--out", str(tmp_path / "m")])
    assert code == 1 and "unpack" in json.loads(capsys.readouterr().err.strip().splitlines()[-1])["message"]
