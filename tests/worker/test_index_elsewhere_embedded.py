"""A case over an index whose vectors were made by a model of the company's own, which is not here."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
import pytest
import yaml

from compliance.rules.terms import ClaimLevel, State
from compliance.validation.models import Measurement
from retrieval.indexes import access, documents, layout
from retrieval.indexes.faiss import open as open_index
from tests.worker.small_company import House
from tests.worker.test_index_refused import claimed

OTHERS = 100


@pytest.fixture
def elsewhere(house: House) -> House:
    """The company with its tickets and an index of 100 dimensions over them, whose mentions are erased."""
    house.keep_only(("tickets", "search"))
    content = yaml.safe_load(house.systems.read_text("utf-8"))
    content["artifacts"][1]["options"] = {"on_mention": "erase"}
    house.systems.write_text(yaml.safe_dump(content), "utf-8")
    by_another_model(house.folder / "index")
    return house


def by_another_model(folder: Path) -> None:
    """Put vectors of another size in the index's place, as plain faiss writes them."""
    ids = sorted(open_index(folder).ids())
    chunks = documents.read(layout.current(folder).files)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(OTHERS))
    vectors = np.random.default_rng(8).normal(size=(len(ids), OTHERS)).astype("f4")
    index.add_with_ids(vectors, np.array(ids))
    faiss.write_index(index, str(folder / "index.faiss"))
    (folder / "chunks.jsonl").write_text("".join(json.dumps(asdict(chunks[id])) + "\n" for id in ids))


@pytest.mark.slow
@pytest.mark.parametrize("with_permissions", [False, True])
def test_a_case_is_finished_and_its_index_probed(elsewhere: House, with_permissions: bool) -> None:
    if with_permissions:
        access.write(elsewhere.folder / "index", {}, others=["staff"])
    elsewhere.planned()
    elsewhere.approve()
    elsewhere.work()
    assert elsewhere.state() is State.VALIDATED, elsewhere.stopped()
    assert claimed(elsewhere.case) is ClaimLevel.ERASED
    probed = Measurement.objects.get(name="retrieval_hits")
    assert probed.value == 0
