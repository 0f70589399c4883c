"""A person in names: of fields, of files, of members of archives, of objects and columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance.provenance.connectors import Place, files
from retrieval.types import Needle

HER, BOB = "alice.moreau@post.example", "bob@post.example"
ALICE = Needle("email", HER, "email:0")


def place(path: Path, connector: str = "files", **options: object) -> Place:
    return Place("seen", "dataset", connector, str(path), {"key_field": "id", **options})


@pytest.mark.parametrize("name", ["seen.jsonl", "seen.json", "seen.jsonl.gz"])
def test_a_field_that_is_called_after_her_is_found_and_loses_its_name(tmp_path: Path, name: str) -> None:
    rows = [
        {"id": "1", "seen": {HER: True, BOB: 3}},
        {"id": "2", "seen": {BOB: True}},
        {"id": "3", "threads": [{HER.upper(): {"n": 1}}, {"mailto:" + HER: 2}], "note": "to " + HER},
    ]
    path = tmp_path / name.removesuffix(".gz")
    body = json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(body)
    if name.endswith(".gz"):
        import gzip

        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        path = tmp_path / name
    there = place(path)
    found = list(files.find(there, [ALICE]))
    assert {match.record for match in found} == {"1", "3"} and not any(match.owner for match in found)
    assert len(found) == 4
    receipt = files.erase(there, redactions={match.record: [ALICE] for match in found})
    assert (receipt.redacted, receipt.remaining, receipt.others_untouched) == (2, 0, True)
    after = {row.key: row.value for row in files.records(there, None)}
    assert after["1"] == {"id": "1", "seen": {"[erased]": True, BOB: 3}}
    assert after["2"] == rows[1]
    assert after["3"]["threads"] == [{"[erased]": {"n": 1}}, {"mailto:[erased]": 2}]
    assert not list(files.find(there, [ALICE]))
    assert files.absent(there, [HER.encode(), HER.upper().encode()]) == 0


def test_two_fields_that_lose_their_names_stay_two(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_text(json.dumps({"id": "1", HER: 1, HER.upper(): 2}) + "\n")
    files.erase(place(path), redactions={"1": [ALICE]})
    assert json.loads(path.read_text()) == {"id": "1", "[erased]": 1, "[erased] 2": 2}


def test_names_outside_the_declared_fields_are_not_searched(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_text(json.dumps({"id": "1", "body": {HER: 1}, "other": {HER: 1}}) + "\n")
    found = list(files.find(place(path, text_fields=["body.*"]), [ALICE]))
    assert len(found) == 1
