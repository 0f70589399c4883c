"""Near copies of a person's own texts are proposed to the officer and blanked once ticked; strangers' texts are not."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from compliance.provenance.connectors import NEAR, Match, Place, files
from compliance.provenance.connectors.matching import matches
from compliance.provenance.connectors.resemblance import Resemblance
from retrieval.types import Needle
from tests.services import planted

OWN = tuple(planted.text_of(number) for number in range(60))
NEEDLES = [Needle("content", text, f"content:{number}") for number, text in enumerate(OWN)]


def place(path: Path, **options: object) -> Place:
    return Place("letters", "dataset", "files", str(path), {"key_field": "id", "text_fields": ["body"], **options})


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Her letters, an edited copy of each, and a stranger's letter that shares a third of its words."""
    chance, rows = random.Random(4), []
    for number, text in enumerate(OWN):
        rows.append({"id": f"own {number}", "body": text})
        rows.append({"id": f"near {number}", "body": planted.edited(text, chance)})
        rows.append({"id": f"far {number}", "body": planted.decoy(text, chance)})
    path = tmp_path / "letters.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def found(path: Path) -> list[Match]:
    return list(files.find(place(path), NEEDLES))


def test_the_planted_copies_are_as_alike_as_they_say() -> None:
    chance = random.Random(4)
    for text in OWN:
        assert planted.jaccard(text, planted.edited(text, chance)) >= 0.8
        assert planted.jaccard(text, planted.decoy(text, chance)) < 0.5


def test_near_copies_are_found_and_marked_and_strangers_texts_are_not(letters: Path) -> None:
    every = found(letters)
    near = {match.record for match in every if match.needle.endswith(NEAR)}
    exact = {match.record for match in every if not match.needle.endswith(NEAR)}
    assert exact == {f"own {number}" for number in range(len(OWN))}
    assert len(near) >= 0.99 * len(OWN)
    assert near <= {f"near {number}" for number in range(len(OWN))}


def test_a_ticked_near_copy_is_blanked_and_nothing_else(letters: Path) -> None:
    before = letters.read_text(encoding="utf-8").splitlines()
    ticked = [replace(needle, key=f"{needle.key}{NEAR}") for needle in NEEDLES]
    receipt = files.erase(place(letters), redactions={"near 7": [*NEEDLES, *ticked]})
    after = letters.read_text(encoding="utf-8").splitlines()
    assert (receipt.redacted, receipt.others_untouched) == (1, True)
    assert [old for old, new in zip(before, after, strict=True) if old != new] == [before[3 * 7 + 1]]
    assert json.loads(after[3 * 7 + 1])["body"] == "[erased]"


def test_where_nobody_ticked_a_near_copy_a_record_that_mentions_her_keeps_its_owners_text(letters: Path) -> None:
    rows = [json.loads(line) for line in letters.read_text(encoding="utf-8").splitlines()]
    rows[3 * 7 + 1]["note"] = "as ana@post.example wrote"
    letters.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    there = place(letters, text_fields=["body", "note"])
    files.erase(there, redactions={"near 7": [*NEEDLES, Needle("email", "ana@post.example", "email:0")]})
    after = json.loads(letters.read_text(encoding="utf-8").splitlines()[3 * 7 + 1])
    assert after == {**rows[3 * 7 + 1], "note": "as [erased] wrote"}


def test_short_texts_are_compared_with_nothing() -> None:
    short = "Thank you, see you on Monday then."
    resemblance = Resemblance([Needle("content", short, "short")])
    resemblance.take("r", {"body": short})
    assert list(resemblance.found()) == []


def test_a_record_with_the_whole_text_is_no_near_copy_of_it(letters: Path) -> None:
    rows = [row for row in files.records(place(letters), None) if row.key == "own 3"]
    assert [match.needle for match in matches(rows, place(letters), NEEDLES, region="", progress=lambda *_: None)] == [
        "content:3"
    ]
