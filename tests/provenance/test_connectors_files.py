"""Files under bad conditions: damage, links, other writers, kills; and every byte of everybody else."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ALICE, OPTIONS, PATTERNS, RECORD_STORES

from compliance.provenance.connectors import MARK, Place, SourceChanged, Span, files
from compliance.provenance.connectors.formats import jsonl
from compliance.rules.errors import ConfigurationError, DamagedArtifact, NoSpace, NotAllowed, SourceUnreachable

KEY = {"key_field": "id", "subject_fields": ["email"]}


def place_at(path: Path, **options: object) -> Place:
    return Place("tickets", "dataset", "files", str(path), options)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LINES = st.builds(
    lambda value, ascii_only, space, end: (
        json.dumps({"body": value}, ensure_ascii=ascii_only, separators=space).encode("utf-8", "surrogatepass") + end
    ),
    VALUES,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :  ")]),
    st.sampled_from([b"\n", b"\r\n", b"  \n", b"\n\n"]),
)


@settings(max_examples=80, deadline=None)
@given(others=st.lists(LINES, max_size=6), at=st.integers(0, 6))
def test_other_peoples_lines_keep_every_byte(
    tmp_path_factory: pytest.TempPathFactory, others: list[bytes], at: int
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    mine = b'{"id": "T-me", "email": "alice.moreau@post.example"}\n'
    path.write_bytes(b"".join(others[:at]) + mine + b"".join(others[at:]))
    receipt = files.erase(place_at(path, **KEY), records=["T-me"])
    assert receipt.removed == 1
    assert receipt.others_untouched
    assert path.read_bytes() == b"".join(others)


@settings(max_examples=80, deadline=None)
@given(before=st.text(max_size=20), after=st.text(max_size=20), ascii_only=st.booleans(), other=VALUES)
def test_a_redaction_changes_one_string_of_the_line(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, ascii_only: bool, other: object
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    record = {"id": "T-1", "other": other, "body": f"{before} alice.moreau@post.example {after}"}
    line = json.dumps(record, ensure_ascii=ascii_only, indent=None, separators=(" ,", ":  "))
    path.write_bytes(line.encode("utf-8", "surrogatepass") + b"\r\n")
    place = place_at(path, key_field="id", subject_fields=["email"], text_fields=["body"])
    assert files.erase(place, redactions={"T-1": [ALICE]}).redacted == 1
    read = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    assert read["other"] == other
    assert MARK in read["body"]
    assert "alice" not in read["body"].replace(before, "").replace(after, "")
    assert path.read_bytes().endswith(b"\r\n")


def test_spans_are_cut_only_from_the_bytes_they_were_found_in(tmp_path: Path) -> None:
    place = RECORD_STORES["jsonl"](tmp_path)
    (mention,) = [match for match in files.find(place, [ALICE]) if not match.owner]
    span = Span(mention.field, mention.start, mention.end, mention.digest)
    assert files.erase(place, redactions={"T-3": [span]}).redacted == 1
    again = files.erase(place, redactions={"T-3": [span]})
    assert (again.redacted, again.remaining) == (0, 0)
    elsewhere = files.erase(place, redactions={"T-1": [Span("body", 0, 3, mention.digest)]})
    assert (elsewhere.redacted, elsewhere.remaining) == (0, 1)


def test_parquet_keeps_schema_metadata_order_and_compression(tmp_path: Path) -> None:
    place = RECORD_STORES["parquet"](tmp_path)
    before = pq.ParquetFile(place.location)
    files.erase(place, records=["T-2", "T-4"], redactions={"T-3": [ALICE]})
    after = pq.ParquetFile(place.location)
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.metadata.row_group(0).column(0).compression == "ZSTD"
    assert pq.read_table(place.location).column("id").to_pylist() == ["T-1", "T-3", "T-5"]


def test_parquet_statistics_forget_the_person(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1", "2", "3"], "email": ["a@x.example", "b@x.example", "zz@x.example"]}), path)
    assert b"zz@x.example" in path.read_bytes()
    files.erase(place_at(path, **KEY), records=["3"])
    assert pq.ParquetFile(path).metadata.row_group(0).column(1).statistics.max == "b@x.example"
    assert files.absent(place_at(path, **KEY), [b"zz@x.example"]) == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.parquet", b"PAR1 cut short", "Parquet"),
        ("a.jsonl", b'{"id": 1}\n{"id": 2, "bo', "line 2"),
        ("a.jsonl", b"[" * 100_000 + b"\n", "nested"),
        ("a.csv", b'id,body\n1,"never closed\n', "never closed"),
        ("a.csv", b"id,body\n1,a,b\n", "3 columns"),
        ("a.jsonl", b'{"id": "' + b"x" * 2000 + b'"}\n', "longer than"),
    ],
)
def test_a_damaged_file_is_named_with_a_remedy(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / "good.jsonl").write_bytes(b'{"id": "0"}\n')
    (tmp_path / name).write_bytes(content)
    options = {"max_record_bytes": 500_000 if b"[" in content[:1] else 1000}
    with pytest.raises(DamagedArtifact, match=words) as caught:
        list(files.find(place_at(tmp_path / name, **options), [ALICE]))
    assert name in str(caught.value)
    assert len(caught.value.next_action) > 20
    beside = files.describe(place_at(tmp_path, **options))
    assert [(part.part, part.next_action) for part in beside.unread] == [(name, caught.value.next_action)]
    assert beside.records >= 1


def test_a_truncated_parquet_file_stops_the_erasure_and_stays_as_it_is(tmp_path: Path) -> None:
    place = RECORD_STORES["parquet"](tmp_path)
    path = Path(place.location)
    path.write_bytes(path.read_bytes()[:-20])
    before = path.read_bytes()
    with pytest.raises(DamagedArtifact, match="tickets"):
        files.erase(place, records=["T-2"])
    assert path.read_bytes() == before


def test_a_decoded_size_over_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"id": [str(n) for n in range(2000)], "body": ["x" * 5000] * 2000}), path)
    assert path.stat().st_size < 200_000
    with pytest.raises(DamagedArtifact, match="decodes to more"):
        list(files.find(place_at(path, max_decoded_bytes=1_000_000), [ALICE]))


def test_links_and_second_names_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(b'{"id": "1", "email": "alice.moreau@post.example"}\n')
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(outside)
    with pytest.raises(NotAllowed, match="link"):
        files.describe(place_at(folder))
    (folder / "link.jsonl").unlink()
    os.link(outside, folder / "second.jsonl")
    with pytest.raises(NotAllowed, match="hard link"):
        files.erase(place_at(folder, **KEY), records=["1"])
    assert outside.read_bytes()


def test_a_linked_folder_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    outside, folder, alias = tmp_path / "outside", tmp_path / "data", tmp_path / "alias"
    outside.mkdir()
    (outside / "b.jsonl").write_bytes(b'{"id": "2", "email": "alice.moreau@post.example"}\n')
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b'{"id": "1", "email": "bob@post.example"}\n')
    alias.symlink_to(folder)
    with pytest.raises(NotAllowed, match="link"):
        files.describe(place_at(alias))
    (folder / "inner").symlink_to(outside)
    (part,) = files.describe(place_at(folder, **KEY)).unread
    assert "inner is a link" in part.why
    with pytest.raises(DamagedArtifact, match="could not be searched"):
        files.absent(place_at(folder, **KEY), PATTERNS)


def test_a_folder_that_may_not_be_read_is_named_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.jsonl").write_text('{"id": "1"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "2"}\n')
    look = os.scandir

    def refusing(path: Any) -> Any:
        if Path(str(path)).name == "closed":  # root may read everything, so the system's refusal is imitated
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refusing)
    (unread,) = files.describe(Place("p", "dataset", "files", str(tmp_path), {"key_field": "id"})).unread
    assert "closed cannot be read" in unread.why and "worker's account" in unread.next_action


def test_a_folder_and_a_pattern_cover_all_their_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        row = {"id": name, "email": "alice.moreau@post.example"}
        (tmp_path / name).write_text(json.dumps(row) + "\n" + json.dumps({"id": f"other {name}"}) + "\n")
    for location in (tmp_path, tmp_path / "*.jsonl"):
        place = place_at(location, **KEY)
        assert {match.record for match in files.find(place, [ALICE])} == {"a.jsonl", "b.jsonl"}
    receipt = files.erase(place, records=["a.jsonl", "b.jsonl"])
    assert (receipt.removed, receipt.records_after, receipt.others_untouched) == (2, 2, True)


def test_a_file_that_no_reader_knows_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(ConfigurationError, match="no reader"):
        list(files.find(place_at(tmp_path), [ALICE]))
    with pytest.raises(SourceUnreachable):
        files.describe(place_at(tmp_path / "*.jsonl"))


def test_paragraphs_of_text_are_records(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"One.\nStill one.\n\nWrite to\nalice.moreau@post.example\n\n\nThree \xff.\n")
    place = place_at(path, record="paragraph", subject_fields=["text"])
    (match,) = files.find(place, [ALICE])
    assert files.erase(place, records=[match.record]).removed == 1
    assert path.read_bytes() == b"One.\nStill one.\n\nThree \xff.\n"


def test_a_change_by_somebody_else_throws_the_rewrite_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = RECORD_STORES["jsonl"](tmp_path)
    path = Path(place.location)
    real = jsonl.rewrite

    def with_a_late_writer(source: Path, *rest: object) -> None:
        real(source, *rest)  # type: ignore[arg-type]
        source.write_bytes(source.read_bytes() + b'{"id": "T-9", "email": "eve@post.example"}\n')

    monkeypatch.setattr(jsonl, "rewrite", with_a_late_writer)
    with pytest.raises(SourceChanged, match="changed by somebody else"):
        files.erase(place, records=["T-2"])
    assert b"T-9" in path.read_bytes()
    assert b"T-2" in path.read_bytes()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))\n"
        "from compliance.provenance.connectors import Place, files\n"
        f"files.erase(Place('t', 'dataset', 'files', sys.argv[1], {OPTIONS!r}), records=['T-2'])\n"
    )
    place = RECORD_STORES["jsonl"](tmp_path)
    before = Path(place.location).read_bytes()
    done = subprocess.run([sys.executable, "-c", program, place.location], capture_output=True, text=True, check=False)
    assert NoSpace.__name__ in done.stderr
    assert Path(place.location).read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["tickets.jsonl"]


ERASER = """
import sys
from pathlib import Path
from compliance.provenance.connectors import Place, files
from retrieval.types import Needle
options = {'key_field': 'id', 'subject_fields': ['email'], 'text_fields': ['body']}
place = Place('t', 'dataset', 'files', sys.argv[1], options)
print('ready', flush=True)
needle = Needle('email', 'alice.moreau@post.example', 'n')
files.erase(place, records=[str(n) for n in range(0, 30000, 100)], redactions={'7': [needle]}, undo=Path(sys.argv[2]))
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_leaves_the_old_file_or_the_new_one_and_a_second_run_finishes(tmp_path: Path, seed: int) -> None:
    path, undo = tmp_path / "data" / "a.jsonl", tmp_path / "undo.jsonl"
    path.parent.mkdir()
    mine = {str(n) for n in range(0, 30000, 100)}
    rows = [
        {"id": str(n), "email": "alice.moreau@post.example" if str(n) in mine else f"p{n}@x.example"}
        for n in range(30000)
    ]
    rows[7]["body"] = "Ask alice.moreau@post.example"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    old = path.read_bytes()
    process = subprocess.Popen([sys.executable, "-c", ERASER, str(path), str(undo)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.02, 1.2))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    now = path.read_bytes()
    assert now == old or (b'"100"' not in now and now.count(b"\n") == 29700)
    subprocess.run([sys.executable, "-c", ERASER, str(path), str(undo)], check=True, stdout=subprocess.DEVNULL)
    place = place_at(path, **KEY)
    files.purge(place)
    assert files.absent(place, PATTERNS) == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["a.jsonl"]
    assert len({json.loads(line)["key"] for line in undo.read_text().splitlines()}) == 301
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["id"] for row in kept] == [row["id"] for row in rows if row["id"] not in mine]
