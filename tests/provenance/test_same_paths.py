"""Two fields of one record may have the same dotted path: neither hides the other from a search or an erasure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compliance.provenance.connectors import Place, files
from compliance.provenance.connectors.rows import flatten, replaced
from retrieval.types import Needle

ANA = Needle(kind="email", value="ana@post.example", key="ana")


@pytest.mark.parametrize(
    "row",
    [
        {"a.b": ANA.value, "a": {"b": "other"}},
        {"a": {"b": ANA.value}, "a.b": "other"},
        {"a": [ANA.value], "a.0": "other"},
        {"a.b": 1, "a": {"b": ANA.value}, "a.b.#2": "other"},
        {"a.b": True, "a": {"b": ANA.value, "c": None}, "a.c": "other"},
    ],
)
def test_a_field_that_shares_its_path_is_found_and_blanked_and_its_twin_stays(tmp_path: Path, row: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    place = Place("Rows", "log", "files", str(tmp_path), {})
    (match,) = files.find(place, [ANA])
    receipt = files.erase(place, redactions={match.record: [ANA]})
    assert receipt.redacted == 1
    assert json.loads(path.read_text()) == json.loads(json.dumps(row).replace(ANA.value, "[erased]"))


def test_a_subject_field_stays_one_also_behind_a_twin(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"user.email": "x", "user": {"email": ANA.value}}) + "\n")
    options = {"subject_fields": ["user.email"], "text_fields": ["note"]}
    (match,) = files.find(Place("Rows", "log", "files", str(tmp_path), options), [ANA])
    assert match.owner


def test_what_is_flattened_is_replaced_under_the_same_names() -> None:
    value = {"a.b": "1", "a": {"b": "2", "c": [3, b"4", None, True]}, "a.c.0": "5", "a.b.#2": "6"}
    named = dict(flatten(value))
    assert sorted(named.values()) == list("123456")
    for path, text in named.items():
        after = dict(flatten(replaced(value, {path: "gone"})))
        assert sorted(after.values()) == sorted({**named, path: "gone"}.values()) or text == "3"
