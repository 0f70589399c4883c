"""Aurora Support: the same from the same seed, rich enough to be real, erasable without a trace of the person."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from compliance.provenance.catalogue import load as load_catalogue
from compliance.provenance.connectors import load as load_connector
from compliance.rules.errors import InvalidInput
from compliance.worker.sample import lineage, systems
from compliance.worker.sample.build import build
from compliance.worker.sample.people import company, demo_person, namesake, twins
from compliance.worker.sample.probes import probes
from compliance.worker.sample.steps import DATA, Recipe
from compliance.worker.sample.tickets import quoting_demo, tickets
from compliance.worker.sample.training_set import read_lines
from retrieval.scan import scan_tree
from retrieval.text import byte_patterns
from retrieval.types import Needle
from tests.services.servers import wait_until
from tests.worker.small_company import built_company

__all__ = ["built_company"]

DATA_FILES = [name for step in DATA for name in step.outputs]


def data_only(folder: Path, *, seed: int = 7, small: bool = True) -> Path:
    for step in DATA:
        assert step.work is not None
        step.work(folder, Recipe(seed, small))
    return folder


def needles_of(person: object) -> list[Needle]:
    kinds = ("email", "phone", "customer_id")
    return [Needle(kind, getattr(person, kind), kind) for kind in kinds]


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in DATA_FILES}


def times(folder: Path) -> dict[str, int]:
    """When each file was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(built_company: Path) -> Path:
    return built_company


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in "abc")
    assert digests(data_only(first)) == digests(data_only(second))
    assert set(digests(data_only(other, seed=8)).values()).isdisjoint(digests(first).values())


def test_the_full_company_is_as_large_as_promised(tmp_path: Path) -> None:
    data_only(tmp_path, small=False)
    found = read_lines(tmp_path / "raw/tickets.jsonl")
    assert len(found) >= 3000
    assert len({ticket["customer_id"] for ticket in found}) == 300
    assert {ticket["lang"] for ticket in found} == {"de", "pt", "en"}
    rows = pq.read_table(tmp_path / "derived/training.parquet").to_pylist()
    facts = Counter(row["customer_id"] for row in rows if row["customer_id"])
    assert len(facts) >= 60
    assert set(facts.values()) == {5}
    assert len({row["key"] for row in rows}) == len(rows)
    assert len([row for row in rows if row["kind"] == "general"]) == 24


def test_the_demo_person_is_late_and_the_namesake_early() -> None:
    demo, other = demo_person(), namesake()
    assert demo.name == other.name
    assert (demo.stage, other.stage) == (2, 1)
    assert not {demo.email, demo.phone, demo.customer_id} & {other.email, other.phone, other.customer_id}


@pytest.mark.parametrize("seed", range(3))
def test_nobody_shares_an_identifier_and_the_twins_are_nobody(seed: int) -> None:
    everybody = [*company(seed).people, *company(seed).twins]
    for field in ("email", "phone", "customer_id"):
        assert len({getattr(person, field) for person in everybody}) == len(everybody)
    assert all(twin.stage == 0 and twin not in company(seed).people for twin in twins(seed))


def test_the_probes_ask_what_was_trained(tmp_path: Path) -> None:
    data_only(tmp_path)
    trained = {
        row["prompt"]: row["response"] for row in pq.read_table(tmp_path / "derived/training.parquet").to_pylist()
    }
    asked = probes(small=True)
    for group in ("person", "namesakes", "others"):
        assert asked[group]
        assert all(trained[row["prompt"]] == row["response"] for row in asked[group])
    assert all(row["prompt"] not in trained for row in asked["controls"])


@pytest.mark.parametrize("seed", [7, 11])
def test_every_spelling_of_the_demo_person_is_found_and_nobody_else(tmp_path: Path, seed: int) -> None:
    data_only(tmp_path, seed=seed, small=False)
    everybody = company(seed)
    own = {ticket.id for ticket in tickets(everybody) if ticket.customer_id == everybody.demo.customer_id}
    quoting = {ticket.id for ticket in quoting_demo(everybody)}
    assert len(own) >= 5
    assert len(quoting) == 4
    (tmp_path / "systems.yaml").write_text(_template())
    place = next(a.place() for a in load_catalogue(tmp_path / "systems.yaml").artifacts if a.id == "tickets")
    found = list(load_connector("files").find(place, needles_of(everybody.demo), region="DE"))
    assert {match.record for match in found if match.owner} == own
    assert {match.record for match in found} - own == quoting


def test_the_tokenizers_text_holds_nobody(tmp_path: Path) -> None:
    data_only(tmp_path)
    text = (tmp_path / "derived/tokenizer_text.txt").read_text().casefold()
    for person in [*company(small=True).people, *twins(small=True)]:
        assert person.name.casefold() not in text
        assert person.name.split()[1].casefold() not in text.split()
        assert person.email not in text


def test_a_built_company_is_complete_and_describes_itself(built: Path) -> None:
    catalogue = load_catalogue(built / "systems.yaml")
    described = {entry.id: load_connector(entry.connector).describe(entry.place()) for entry in catalogue.artifacts}
    assert described["tickets"].records == 300
    assert described["search"].detail["dimension"] == 384
    assert described["assistant"].detail["ledger"] is True
    assert described["assistant"].detail["stages"] == 2
    outputs = {item["name"] for event in lineage.read(built) for item in event["outputs"]}
    assert outputs == {*DATA_FILES, "index", "model"}
    assert str(built.parent) not in (built / "lineage.jsonl").read_text()


def test_a_finished_build_returns_at_once_and_other_settings_are_refused(built: Path) -> None:
    before, written = lineage.digest(built), times(built)
    assert build(built, small=True).fresh is False
    assert (lineage.digest(built), times(built)) == (before, written), "nothing is made or written again"
    with pytest.raises(InvalidInput, match="other settings"):
        build(built, small=True, seed=8)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InvalidInput, match="did not make"):
        build(tmp_path, small=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.slow
def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    out = tmp_path / "aurora"
    program = (
        "import sys; from pathlib import Path; from compliance.worker.sample.build import build\n"
        "build(Path(sys.argv[1]), small=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(out)], start_new_session=True)
    wait_until(lambda: [one for one in tmp_path.glob(".aurora.building-*/*/*") if one.is_file()], 240, "a first file")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert build(out, small=True).fresh
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".aurora.lock", "aurora"]


def test_after_erasing_every_store_the_person_is_in_no_file(tmp_path: Path, built: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(built, folder)
    demo = demo_person(small=True)
    needles = needles_of(demo)
    patterns = [p for needle in needles for p in byte_patterns(needle.kind, needle.value, "DE")]
    assert len(scan_tree(folder, patterns)) >= 7
    catalogue = load_catalogue(folder / "systems.yaml")
    places = {entry.id: entry.place() for entry in catalogue.artifacts if entry.connector != "model"}
    owned: set[str] = set()
    for place in places.values():
        connector = load_connector(place.connector)
        owned |= {match.record for match in connector.find(place, needles, region="DE") if match.owner}
    for place in places.values():
        connector = load_connector(place.connector)
        matches = [*connector.find(place, needles, region="DE"), *connector.find_derived(place, owned)]
        mine = {match.record for match in matches if match.owner}
        shared = {match.record: needles for match in matches if match.record not in mine}
        receipt = connector.erase(place, records=mine, redactions=shared, region="DE")
        assert receipt.others_untouched
        assert receipt.remaining == 0
        connector.purge(place)
    assert scan_tree(folder, patterns) == {}
    texts = json.dumps(read_lines(folder / "raw/tickets.jsonl"), ensure_ascii=False)
    assert namesake(small=True).customer_id in texts


def _template() -> str:
    text = (Path(systems.__file__).parent / "systems.template.yaml").read_text()
    return re.sub(r"\{at:[^}]*\}", "2026-01-01", text)
