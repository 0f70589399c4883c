"""The search for absence opens what is packed, also packed in packed files; what it cannot open is never absent."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compliance.provenance.connectors import Place, files
from compliance.provenance.connectors.absence import occurrences
from compliance.rules.errors import DamagedArtifact
from retrieval.weight import weight
from tests.provenance import hostile

HER = b"ana.lima@post.example"
Pack = Callable[[bytes], bytes]


def zstd(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(raw)
    return bytes(sink.getvalue().to_pybytes())


def zipped(raw: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", raw)
    return held.getvalue()


PACKS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zip": zipped,
    "gzip in gzip": lambda raw: gzip.compress(gzip.compress(raw)),
    "zip in zip": lambda raw: zipped(zipped(raw)),
    "xz in zip": lambda raw: zipped(lzma.compress(raw)),
}


@pytest.mark.parametrize("name", PACKS)
def test_what_is_packed_is_searched(tmp_path: Path, name: str) -> None:
    noise = bytes(range(256)) * 40
    (tmp_path / "hers").write_bytes(PACKS[name](noise + HER * 3 + noise))
    (tmp_path / "others").write_bytes(PACKS[name](noise))
    assert HER not in (tmp_path / "hers").read_bytes() or name == "zstd"
    assert occurrences(tmp_path / "hers", [HER]) == 3
    assert occurrences(tmp_path / "others", [HER]) == 0


def too_deep(path: Path) -> None:
    raw = HER
    for _ in range(6):
        raw = zipped(raw)
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "make",
    [too_deep, hostile.zip_of_overlapping, hostile.zip_in_zip, hostile.cut(hostile.whole_gzip)],
    ids=["too deep", "overlapping members", "archives in archives", "cut short"],
)
def test_what_cannot_be_opened_is_never_called_absent(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.zip")
    with pytest.raises(DamagedArtifact, match="could not be read through"):
        occurrences(tmp_path / "a.zip", [HER])
    receipt = files.purge(_beside(tmp_path), [HER])
    assert receipt.level == "rewritten" and "absence cannot be claimed" in " ".join(receipt.notes)


def nested_dictionary(path: Path) -> None:
    """The repeated text in lists and structs."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array(["x" * 20_000]))
    inner = pa.ListArray.from_arrays(pa.array(range(0, 200_001, 2), pa.int32()), texts)
    pq.write_table(pa.table({"a": pa.StructArray.from_arrays([inner], ["b"])}), path)


@pytest.mark.parametrize("make", [hostile.parquet_dictionary, nested_dictionary])
def test_a_dictionary_that_decodes_to_gigabytes_is_refused_before_it_does(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    started, place = time.process_time(), _beside(tmp_path)
    place = replace(place, options={**place.options, "max_decoded_bytes": 10_000_000})
    (unread,) = files.describe(place).unread
    assert "a.parquet: decodes to more than" in unread.why
    assert weight(pq.read_table(tmp_path / "a.parquet")) > 4_000_000_000
    assert time.process_time() - started < 10


def _beside(folder: Path) -> Place:
    """The folder with a file that can be read, so that the place is not unreadable as a whole."""
    (folder / "good.jsonl").write_text('{"id": "1"}\n')
    return Place("dump", "dataset", "files", str(folder), {"key_field": "id"})
