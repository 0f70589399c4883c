"""A case whose index cannot lose entries: its officer reads it before approving, and the answer claims no erasure."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
import pytest
import yaml
from django.test import Client
from django.urls import reverse

from compliance.intake.models import ErasureRequest
from compliance.mitigation.models import Plan
from compliance.rules.terms import ClaimLevel, State
from compliance.validation import claiming
from retrieval.indexes import documents, layout
from retrieval.indexes.faiss import open as open_index
from tests.worker.small_company import House


@pytest.fixture
def indexed(house: House) -> House:
    """The company with its tickets and the index over them."""
    house.keep_only(("tickets", "search"))
    return house


def as_kind(folder: Path, factory: str) -> None:
    """Put an index of another kind over the same vectors in its place, as a company would have it."""
    index = open_index(folder)
    ids = sorted(index.ids())
    vectors, chunks = index.vectors(ids), documents.read(layout.current(folder).files)
    shutil.rmtree(folder)
    folder.mkdir()
    made = faiss.index_factory(vectors.shape[1], factory)
    made.train(vectors)
    made.add_with_ids(vectors, np.array(ids))
    faiss.write_index(made, str(folder / "index.faiss"))
    (folder / "chunks.jsonl").write_text("".join(json.dumps(asdict(chunks[id])) + "\n" for id in ids))


def of_index(house: House) -> dict[str, str]:
    return {step.action: step.reason for step in house.steps() if step.artifact and step.artifact.slug == "search"}


def claimed(case: ErasureRequest) -> ClaimLevel:
    plan = Plan.objects.filter(request=case).latest("number")
    (level,) = [claim.level for artifact, claim in claiming.claims_of(case, plan) if artifact.slug == "search"]
    return level


def test_an_officer_reads_before_approving_that_nothing_can_be_erased_from_an_index(indexed: House) -> None:
    as_kind(indexed.folder / "index", "IDMap2,LSH")
    indexed.planned()
    said = of_index(indexed)
    assert set(said) == {"hide_from_index"}
    assert "cannot be erased from it as it is" in said["hide_from_index"].replace("\n", " ")
    assert str(indexed.folder) not in said["hide_from_index"], "a page names no path of the machine"
    officer = Client()
    officer.force_login(indexed.users["olga.demo"])
    page = officer.get(reverse("web:case", args=[indexed.case.reference]))
    assert "cannot be erased from it as it is" in page.content.decode()


@pytest.mark.slow  # the probe loads an embedder
def test_an_index_that_is_refused_is_not_planned_to_be_erased_and_no_erasure_is_claimed(indexed: House) -> None:
    as_kind(indexed.folder / "index", "IDMap2,LSH")
    before = (indexed.folder / "index" / "index.faiss").read_bytes()
    indexed.planned()
    indexed.approve()
    indexed.work()
    assert indexed.state() is State.VALIDATED, indexed.stopped()
    assert claimed(indexed.case) is ClaimLevel.SUPPRESSED
    assert (indexed.folder / "index" / "index.faiss").read_bytes() == before


@pytest.mark.slow
def test_what_is_learned_and_kept_is_said_before_and_after_alike(indexed: House) -> None:
    as_kind(indexed.folder / "index", "IDMap2,SQ8")
    content = yaml.safe_load(indexed.systems.read_text("utf-8"))
    content["artifacts"][1]["options"] = {"on_mention": "erase"}  # codes have no vectors of which one could be blanked
    indexed.systems.write_text(yaml.safe_dump(content), "utf-8")
    indexed.planned()
    said = of_index(indexed)
    assert {"hide_from_index", "rebuild_index"} < set(said)
    (step,) = [step for step in indexed.steps() if step.action == "rebuild_index"]
    foreseen = step.planned["parameters"]["foreseen"]
    assert ("learned with these too" in said["rebuild_index"]) == (foreseen == "partial")
    indexed.approve()
    indexed.work()
    (step,) = [step for step in indexed.steps() if step.action == "rebuild_index"]
    assert (step.receipt["level"] == "learned_kept") == (foreseen == "partial" and "claim no more" in step.reason)
