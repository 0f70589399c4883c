"""Files with an ingest index are searched as without one, only quicker; what went leaves the index."""

from __future__ import annotations

import gzip
import json
import random
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compliance.provenance.connectors import NEAR, Match, Place, files, indexed
from compliance.provenance.connectors.reading import Reading
from retrieval.ingest.book import writing
from retrieval.ingest.windows import Keys
from retrieval.types import Needle
from tests.services import planted

OWN = planted.text_of(1)
NEEDLES = [*planted.NEEDLES, Needle("content", OWN, "content:0"), Needle("name", "Nora Lindqvist", "name")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Large JSON lines among small files of other formats."""
    data, chance = tmp_path / "data", random.Random(2)
    data.mkdir()
    rows = list(planted.plant("indexed", hers=52, others=3_000).rows)
    rows.append({"id": "N0001", "contact": "bob@post.example", "body": planted.edited(OWN, chance), "n": 1})
    lines = [json.dumps(row, ensure_ascii=bool(row["n"] % 2)) + "\n" for row in rows]
    lines.insert(40, "\n")
    (data / "rows.jsonl").write_text("\ufeff" + "".join(lines))
    (data / "old.jsonl.gz").write_bytes(gzip.compress(lines[3].encode() + lines[-1].encode()))
    (data / "notes.txt").write_text(f"call {planted.PHONE}\nnothing\n")
    with zipfile.ZipFile(data / "all.zip", "w") as archive:
        archive.writestr("inner.jsonl", "".join(lines[:9]))
    options = {"key_field": "id", "subject_fields": ["contact"], "text_fields": ["body", "text"]}
    kept = {indexed.FOLDER: str(tmp_path / "index"), indexed.KEY: str(tmp_path / "index.key")}
    return Place("tickets", "dataset", "files", str(data), {**options, **kept})


def without(place: Place) -> Place:
    return replace(place, options={k: v for k, v in place.options.items() if not k.startswith("index_")})


def found(place: Place) -> set[Match]:
    return set(files.find(place, NEEDLES, region=planted.REGION))


def test_the_index_finds_what_a_reading_finds(place: Place) -> None:
    assert found(place) == found(without(place))
    assert found(place) == found(without(place))  # from the index that is there
    assert "4 of 4 files" in files.describe(place).detail["searched"]
    assert stat.S_IMODE(Path(place.options[indexed.KEY]).stat().st_mode) == 0o600


def test_only_the_blocks_in_question_are_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    list(files.find(place, NEEDLES[:1]))
    read: list[Path] = []
    whole = Reading.rows_in

    def noted(self, path, kind=None):
        read.append(path)
        return whole(self, path, kind)

    monkeypatch.setattr(Reading, "rows_in", noted)
    nobody = [Needle("email", "zacharias.unknown@nowhere.example", "nobody")]
    assert list(files.find(place, nobody)) == []
    assert read == []


def test_a_changed_file_is_read_again_and_a_damaged_one_is_said(place: Place) -> None:
    found(place)
    data = Path(place.location)
    with (data / "notes.txt").open("a") as notes:
        notes.write(planted.EMAIL)
    (data / "cut.jsonl").write_text('{"id": "C1", "body": "nora.lindqvist@post.example"}\n{"id": "C2"')
    assert found(place) == found(without(place))
    seen = files.describe(place)
    assert [part.part for part in seen.unread] == ["cut.jsonl"]
    assert "4 of 5 files" in seen.detail["searched"]


def entries_of(place: Place, needle: Needle) -> int:
    """Entries, in the bytes of every file of the index, that a needle's keys lead to."""
    ranges = Keys(Path(place.options[indexed.KEY]).read_bytes()).ranges(needle, planted.REGION)
    every = [np.fromfile(run, "<u8") for run in Path(place.options[indexed.FOLDER]).rglob("*.words")]
    return sum(int(((entries >= low) & (entries <= up)).sum()) for entries in every for low, up in ranges)


def test_an_erasure_takes_the_persons_keys_out_of_the_index(place: Place) -> None:
    place = replace(place, options={k: v for k, v in place.options.items() if k != "key_field"})
    matches = found(place)
    number = NEEDLES[2]  # strangers' numbers differ within the letters that a key hashes; a namesake's address does not
    assert entries_of(place, number) > 3
    own = {match.record for match in matches if match.owner and not match.needle.startswith("name")}
    copies = replace(NEEDLES[-2], key=f"{NEEDLES[-2].key}{NEAR}")  # as if an officer had ticked the near copy
    shared = {match.record: [*NEEDLES, copies] for match in matches if match.record not in own}
    receipt = files.erase(place, records=own, redactions=shared, region=planted.REGION)
    assert (receipt.remaining, receipt.others_untouched) == (0, True)
    assert entries_of(place, number) == 0
    assert found(place) == found(without(place)) == set()


def test_an_index_that_was_busy_during_an_erasure_is_said(place: Place) -> None:
    place = replace(place, options={k: v for k, v in place.options.items() if k != "key_field"})
    hers = {match.record for match in found(place)}
    with writing(next(Path(place.options[indexed.FOLDER]).iterdir())):
        receipt = files.erase(place, records=hers)
    assert any("drops the person's keys when it next reads" in note for note in receipt.notes)
    assert found(place) == set()


def test_an_index_that_is_damaged_is_made_anew(place: Place) -> None:
    found(place)
    run = next(Path(place.options[indexed.FOLDER]).rglob("*.words"))
    run.write_bytes(b"cut")
    assert found(place) == found(without(place))
