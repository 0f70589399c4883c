"""Shapes of files that cost more than their size: paragraphs of many lines, names longer than a disk takes."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import archive, delimited, text
from compliance.rules.errors import DamagedArtifact


def _place(path: Path, **options: str) -> Place:
    return Place(name="notes", connector="files", kind="dataset", location=str(path), options=options)


def test_a_paragraph_of_many_short_lines_costs_what_it_weighs(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"a\n" * 100_000 + b"\nend\n")
    started = time.process_time()
    rows = list(text.rows(path, _place(path, record="paragraph")))
    assert len(rows) == 2 and len(rows[0].fields["text"]) == 200_001
    assert time.process_time() - started < 10


def test_a_members_long_ending_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("notes." + "y" * 300, "one")
        made.writestr("notes.txt", "two")
    assert [row.fields["text"] for row in archive.rows(path, _place(path))] == ["one", "two"]


def test_a_quote_that_nobody_closes_costs_what_follows_it_and_not_its_square(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,mail\n1,"never closed\n' + b"2,b\n" * 300_000)
    started = time.process_time()
    with pytest.raises(DamagedArtifact, match="line 2: a quote is opened and never closed"):
        list(delimited.rows(path, _place(path)))
    assert time.process_time() - started < 5
