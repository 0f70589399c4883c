"""However a place is cut into parts, the parts together answer what the whole answers."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from compliance.provenance import scanning
from compliance.provenance.models import Artifact
from compliance.provenance.scanning import Answer, Part, Question
from retrieval.types import Needle
from tests.provenance.places import ALICE, OPTIONS, RECORDS

QUESTION = Question((ALICE,), frozenset({"P-2", "P-4"}), "DE", describe=True)
LINES = [json.dumps({**row, "id": f"{row['id']}-{copy}"}, ensure_ascii=False) for copy in range(7) for row in RECORDS]


def place(folder: Path) -> Artifact:
    return Artifact(
        slug="mixed", name="Mixed", kind="dataset", connector="files", location=str(folder), options=OPTIONS
    )


@pytest.fixture
def mixed(tmp_path: Path) -> Artifact:
    """A folder with a long file, one without a last line end, one compressed, one with a byte order mark, a table."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n\n".join(LINES) + "\n")
    (folder / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode())
    (folder / "c[1].jsonl").write_text("\n".join(LINES[:9]))
    (folder / "d.jsonl.gz").write_bytes(gzip.compress("\n".join(LINES).encode()))
    (folder / "e.csv").write_text(
        "id,email,body,parent\n1,alice.moreau@post.example,hello,P-2\n2,bo@post.example,hi,P-9\n"
    )
    return place(folder)


def in_parts(artifact: Artifact, question: Question, size: int) -> tuple[int, Answer]:
    """How many parts, and their joined answer, each written as JSON and read again as between workers."""
    pieces = scanning.split(artifact, size)
    parts = [scanning.read(piece, artifact, question).content() for piece in pieces]
    told = [Part.read(json.loads(json.dumps(part))) for part in parts]
    return len(pieces), scanning.joined(artifact, list(zip(pieces, told, strict=True)), question)


def same(one: Answer, other: Answer) -> bool:
    found = [sorted(map(repr, answer.matches)) for answer in (one, other)]
    return found[0] == found[1] and one.total == other.total and one.described == other.described


@pytest.mark.parametrize("size", [60, 127, 128, 600, 5000])
def test_parts_of_any_size_answer_as_the_whole_does(mixed: Artifact, size: int) -> None:
    whole = scanning.ask(mixed, QUESTION)
    assert len(whole.matches) > 60
    assert whole.total.count == 7 * 5 * 3 + 9 + 2
    count, answer = in_parts(mixed, QUESTION, size)
    assert count > 1
    assert same(answer, whole)


def test_a_small_place_is_one_part_and_another_store_is_never_cut(mixed: Artifact) -> None:
    assert len(scanning.split(mixed, 1_000_000)) == 1
    mixed.connector = "sql"
    assert len(scanning.split(mixed, 10)) == 1


def test_nobody_reads_on_behind_a_damaged_record_and_the_place_says_what_was_not_read(mixed: Artifact) -> None:
    file = Path(mixed.location) / "a.jsonl"
    file.write_text("\n".join([*LINES[:12], '{"id": "broken', *LINES[12:]]))
    whole = scanning.ask(mixed, QUESTION)
    assert whole.described is not None
    assert [part.part for part in whole.described.unread] == ["a.jsonl"]
    for size in (70, 900):
        assert same(in_parts(mixed, QUESTION, size)[1], whole)


def test_a_link_out_of_the_folder_is_read_by_no_part(mixed: Artifact, tmp_path: Path) -> None:
    (tmp_path / "outside.jsonl").write_text(LINES[1])
    (Path(mixed.location) / "z.jsonl").symlink_to(tmp_path / "outside.jsonl")
    whole, (_, answer) = scanning.ask(mixed, QUESTION), in_parts(mixed, QUESTION, 300)
    assert same(answer, whole)
    assert answer.described is not None
    assert len(answer.described.unread) == 1


def test_a_pass_without_description_reads_for_nothing_else(mixed: Artifact) -> None:
    question = replace(QUESTION, keys=frozenset(), describe=False)
    _, answer = in_parts(mixed, question, 500)
    assert answer.described is None
    assert answer.total.count == 0
    assert same(answer, scanning.ask(mixed, question))
    stranger = replace(question, needles=(Needle(kind="email", value="nobody@post.example", key="n"),))
    assert in_parts(mixed, stranger, 500)[1].matches == []
