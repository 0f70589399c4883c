"""What is hidden is found in no kind of index, also where faiss takes no selector."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.erase import hide, show
from retrieval.indexes.faiss import open as open_index
from tests.retrieval.test_scrub import COUNT, DIMENSION, points, write_chunks

QUICK = [("PQ4x4np", ""), ("PQ4x4fs", ""), ("LSH", "IDMap2,"), ("Flat,RFlat", ""), ("IVF8,PQ4x4fs", "")]
KINDS = ["PQ4x4np", "PQ4x4fs", "LSH", "RQ2x4", "NSG8,Flat", "IVF8,PQ4+4", "Flat,RFlat", "PCA8,LSH", "IVF8,PQ4x4fs"]


@pytest.mark.parametrize(
    ("kind", "mapped"),
    [*QUICK, *(pytest.param(kind, mapped, marks=pytest.mark.slow) for kind in KINDS for mapped in ("", "IDMap2,"))],
)
def test_nobody_who_is_hidden_is_found_in_any_kind_and_as_many_others_are(
    tmp_path: Path, kind: str, mapped: str
) -> None:
    index = faiss.index_factory(DIMENSION, mapped + kind)
    index.train(points())
    index.add_with_ids(points(), np.arange(COUNT)) if mapped else index.add(points())
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    write_chunks(tmp_path, range(COUNT))
    served, gone = open_index(tmp_path), set(range(0, COUNT, 3))
    before = [hit.id for hit in served.search(points()[30], k=5)]
    hide(tmp_path, gone)
    answers = [hit.id for hit in served.search(points()[30], k=5)]
    assert len(answers) == len(before) == 5
    assert not gone & set(answers)
    show(tmp_path, gone)
    assert [hit.id for hit in served.search(points()[30], k=5)] == before
