"""What stands in emptied slots of codes takes no place from others, in a program that knows faiss and not us."""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from retrieval.erase import erase

WIDTH, GROUPS, EACH, GONE = 32, 12, 40, tuple(range(200, 206))
Rows = npt.NDArray[np.float32]


def groups() -> Rows:
    """Return unit vectors that stand close together in groups: six of one group go."""
    drawn = np.random.default_rng(3)
    around = drawn.normal(size=(GROUPS, 1, WIDTH)) + 0.6 * drawn.normal(size=(GROUPS, EACH, WIDTH))
    rows = around.reshape(-1, WIDTH)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def folder_of(folder: Path, kind: str, metric: int, rows: Rows) -> Any:
    index = faiss.index_factory(WIDTH, kind, metric)
    index.train(rows)
    index.add(rows)
    faiss.write_index(index, str(folder / "index.faiss"))
    lines = (json.dumps({"id": at, "document": f"d{at}", "text": f"text {at}"}) + "\n" for at in range(len(rows)))
    (folder / "chunks.jsonl").write_text("".join(lines))
    return index


@pytest.mark.parametrize("metric", [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT], ids=["L2", "inner product"])
@pytest.mark.parametrize("kind", ["SQ8", "SQ6", "SQ4", "PQ8x4np", "PQ8x6np", "PQ8x8np"])
def test_emptied_codes_take_no_place_from_neighbours_in_plain_faiss(tmp_path: Path, kind: str, metric: int) -> None:
    rows = groups()
    before = folder_of(tmp_path, f"IVF8,{kind}", metric, rows)
    others = np.setdiff1d(np.arange(len(rows)), GONE)
    wanted = before.search(rows[others], 16, params=faiss.SearchParametersIVF(nprobe=2))[1]
    assert erase(tmp_path, GONE).level in ("scrubbed", "partial")
    after = faiss.read_index(str(tmp_path / "index.faiss"))
    found = after.search(rows[others], 10, params=faiss.SearchParametersIVF(nprobe=2))[1]
    assert (found >= 0).all()
    for had, has in zip(wanted, found, strict=True):
        assert [one for one in had if one not in GONE][:10] == has.tolist()


def test_a_code_book_of_another_size_than_it_says_is_refused(tmp_path: Path) -> None:
    from retrieval.errors import RetrievalError

    rows = groups()
    folder_of(tmp_path, "IVF8,PQ8x4np", faiss.METRIC_L2, rows)
    path = tmp_path / "index.faiss"
    raw = bytearray(path.read_bytes())
    at = raw.find((8).to_bytes(8, "little") + (4).to_bytes(8, "little"))
    raw[at : at + 8] = (5).to_bytes(8, "little")  # 32 dimensions do not fall into five parts
    path.write_bytes(raw)
    with pytest.raises(RetrievalError):
        erase(tmp_path, GONE)
    assert path.read_bytes() == bytes(raw)
