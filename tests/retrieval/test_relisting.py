"""A suppression list is built again over any format, and nobody is forgotten on the way."""

import io
import json
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from retrieval import relisting
from retrieval.__main__ import main
from retrieval.entries import Entry
from retrieval.errors import SuppressionUnreadable
from retrieval.suppress import Suppression

KEY = b"k" * 32
ANA = {"kind": "email", "value": "ana.silva@x.com", "group": "g1"}
BEN = {"kind": "phone", "value": "+49 151 2345678", "group": "g2", "until": "2999-01-01"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A list as the first version wrote it: other hashes, the same key, kinds and groups."""
    gone = {"digest": "cc" * 16, "prefix": "dd" * 8, "length": 9, "kind": "name", "group": "g3", "until": "2001-01-01"}
    rows = [
        {
            "digest": "aa" * 16,
            "prefix": "bb" * 8,
            "length": 12,
            "kind": one["kind"],
            "group": one["group"],
            "until": None,
        }
        for one in (ANA, BEN)
    ]
    check = blake2b(b"suppression list", key=KEY, digest_size=8).hexdigest()
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"format": 1, "key_check": check, "built_at": "2026-01-01", "entries": [*rows, gone]}))
    (tmp_path / "key").write_bytes(KEY)
    return path


def entries(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "entries.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(capsys: pytest.CaptureFixture[str], path: Path, *words: object) -> tuple[int, Any, str]:
    code = main(["suppress", str(path), "--key-file", str(path.with_name("key")), "--json", *map(str, words)])
    said = capsys.readouterr()
    return code, json.loads(said.out or "null"), said.err


def test_an_older_list_is_told_built_again_and_serves(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SuppressionUnreadable, match="python -m retrieval suppress"):
        Suppression(old, KEY)
    code, seen, _ = run(capsys, old)
    assert (code, seen["format"], seen["rows"], seen["groups"]) == (1, 1, 3, 2)
    assert "--entries" in seen["state"]
    code, done, _ = run(capsys, old, "--entries", entries(old.parent, ANA, BEN))
    assert (code, done["entries"]) == (0, 2)
    listed = Suppression(old, KEY)
    assert [one.group for one in listed.filter("ANA.Silva@x.com and 0049 151 2345678").blocked] == ["g1", "g2"]
    assert b"silva" not in old.read_bytes()
    code, seen, _ = run(capsys, old)
    assert (code, seen["state"]) == (0, "current")


def test_whoever_would_be_forgotten_stops_it_before_anything_changes(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = old.read_bytes()
    code, _, said = run(capsys, old, "--entries", entries(old.parent, ANA))
    assert code == 2
    assert "1 details of 1 groups" in said
    words = said.replace(str(old), "")  # the folder of the test has numbers of its own
    assert not any(value in words for value in ("silva", "g2", "151"))
    assert old.read_bytes() == before
    assert run(capsys, old, "--entries", entries(old.parent, ANA), "--forget-others")[0] == 0
    assert not Suppression(old, KEY).filter("+49 151 2345678").blocked


@pytest.mark.parametrize("name", ["list.bin", "new.json"])
def test_the_current_forms_are_compared_too(old: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = old.with_name(name)
    assert run(capsys, path, "--entries", entries(old.parent, ANA, BEN))[0] == 0
    assert run(capsys, path)[1]["groups"] == 2
    assert run(capsys, path, "--entries", entries(old.parent, BEN))[0] == 2
    other = {**ANA, "value": "another@x.com"}
    assert run(capsys, path, "--entries", entries(old.parent, BEN, other))[0] == 2, (
        "of the same kind, yet another value"
    )
    assert run(capsys, path, "--entries", entries(old.parent, BEN, ANA))[0] == 0


def test_another_key_or_a_damaged_list_is_refused(old: Path) -> None:
    given = [Entry("email", "ana.silva@x.com", "g1"), Entry("phone", "+49 151 2345678", "g2")]
    before = old.read_bytes()
    with pytest.raises(SuppressionUnreadable, match="another key"):
        relisting.rebuild(old, given, b"other key " * 3)
    assert old.read_bytes() == before
    for content in (b"", b"[]", b"{}", before[:60], b"OUBLISUP\xff\xff"):
        old.write_bytes(content)
        with pytest.raises(SuppressionUnreadable, match="damaged"):
            relisting.rebuild(old, given, KEY)
        assert old.read_bytes() == content
    assert relisting.rebuild(old, given, KEY, compare=False) >= 2


@pytest.mark.parametrize(
    "line",
    ['{"kind": "email", "value": "ana.silva@x.com"}', "ana.silva@x.com", '["ana.silva@x.com"]',
     '{"kind": "email", "value": "ana.silva@x.com", "group": "g", "until": "tomorrow"}',
     '{"kind": "email", "value": "ana.silva@x.com", "group": "g", "untill": "2030-01-01"}'],
)  # fmt: skip
def test_an_entry_that_is_none_is_named_by_its_number_alone(line: str) -> None:
    with pytest.raises(ValueError, match="entry 2") as refused:
        relisting.read_entries(io.StringIO(f"{json.dumps(ANA)}\n{line}\n"))
    assert "silva" not in str(refused.value)


def test_a_row_whose_last_day_is_over_need_not_be_given_again(old: Path) -> None:
    assert ("g3", "name", "") not in relisting.look(old, KEY).details
    assert ("g3", "name", "") in relisting.look(old, KEY, today=date(2000, 1, 1)).details
