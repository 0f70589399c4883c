"""Archives, pages, compressed and rotated logs: a person is found in all of them, and only her bytes change."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import ALICE, PATTERNS

from compliance.provenance.connectors import MARK, Place, files
from compliance.provenance.connectors.formats import name_for
from compliance.rules.errors import DamagedArtifact

HER = b"alice.moreau@post.example"


def place_at(path: Path, **options: object) -> Place:
    return Place("data", "dataset", "files", str(path), options)


def mentions(place: Place) -> set[str]:
    return {match.record for match in files.find(place, [ALICE])}


def blank(place: Place) -> None:
    receipt = files.erase(place, redactions={record: [ALICE] for record in mentions(place)})
    assert receipt.redacted >= 1
    assert receipt.others_untouched
    assert mentions(place) == set()
    assert files.purge(place, PATTERNS).level == "byte_checked"


LOG = b"one line\nuser " + HER + b" signed in\nlast line \xff\n"
PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "app.log": (bytes, bytes),
    "app.log.2": (bytes, bytes),
    "app.log-20260101.gz": (gzip.compress, gzip.decompress),
    "app.log.3.bz2": (bz2.compress, bz2.decompress),
    "app.log.xz": (lzma.compress, lzma.decompress),
}


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_a_rotated_log_stays_packed_as_it_was_and_loses_one_address(tmp_path: Path, name: str) -> None:
    pack, unpack = PACKERS[name]
    (tmp_path / name).write_bytes(pack(LOG))
    blank(place_at(tmp_path / "app.log*"))
    assert unpack((tmp_path / name).read_bytes()) == LOG.replace(HER, MARK.encode())


def test_the_name_says_what_is_in_it_under_rotation_and_compression(tmp_path: Path) -> None:
    told = {
        "a.jsonl.gz": "jsonl",
        "a.log.12": "text",
        "a.csv-2026-01-02.xz": "csv",
        "x.tsv": "csv",
        "b.warc.gz": "warc",
    }
    for name, expected in told.items():
        assert name_for(tmp_path / name, place_at(tmp_path)) == expected


def test_hidden_files_and_files_without_a_name_for_their_format_are_searched(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "answers").write_bytes(b'{"answer": "write to ' + HER + b'"}\n')
    (tmp_path / ".history").write_bytes(b"mail " + HER + b"\n")
    assert len(mentions(place_at(tmp_path))) == 2
    blank(place_at(tmp_path))


PAGE = (
    b"<!doctype html><html><head><meta charset=utf-8><title>Caf\xc3\xa9</title></head><body>\n"
    b"<p>Write to alice<b>.moreau</b>&#64;post.example &amp; wait.</p>"
    b"<a href='mailto:alice.moreau%40post.example'>x</a>\n"
    b"<!-- alice.moreau@post.example --><p>bob@post.example</p></body></html>\n"
)


def test_a_page_is_read_as_a_reader_sees_it_and_only_her_bytes_go(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(PAGE)
    assert {match.field for match in files.find(place_at(path), [ALICE])} == {"text", "markup"}
    blank(place_at(path))
    after = path.read_bytes()
    assert b"alice" not in after
    assert b"moreau" not in after
    for kept in (b"<title>Caf\xc3\xa9</title>", b"<p>bob@post.example</p>", b"<b>", b"</b>", b"&amp; wait."):
        assert kept in after


def test_a_page_that_is_the_persons_goes_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "her.html").write_bytes(PAGE)
    (tmp_path / "his.html").write_bytes(b"<p>bob@post.example</p>")
    place = place_at(tmp_path, subject_fields=["text"])
    (record,) = mentions(place)
    assert files.erase(place, records=[record]).removed == 1
    assert [path.name for path in tmp_path.iterdir()] == ["his.html"]


def test_elements_of_a_json_list_are_records_and_the_others_keep_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(
        b'[\n  {"id": "1",  "email": "bob@post.example"},\n  {"id":"2","email":"' + HER + b'"},\n  {"id": "3"}\n]\n'
    )
    place = place_at(path, key_field="id", subject_fields=["email"])
    assert files.erase(place, records=["2"]).others_untouched
    assert path.read_bytes() == b'[\n  {"id": "1",  "email": "bob@post.example"},\n  {"id": "3"}\n]\n'
    assert [row["id"] for row in json.loads(path.read_bytes())] == ["1", "3"]


def warc_record(kind: bytes, uri: bytes, block: bytes) -> bytes:
    head = (
        b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nWARC-Block-Digest: sha1:X\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (kind, uri, len(block)) + block + b"\r\n\r\n"


def test_a_web_archive_loses_her_and_keeps_every_other_record(tmp_path: Path) -> None:
    page = gzip.compress(b"<p>ask alice<i>.</i>moreau@post.example</p>")
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
        page
    )
    records = [
        warc_record(b"resource", b"http://a.example/", b"hello bob@post.example"),
        warc_record(b"response", b"http://b.example/", http + page),
        warc_record(b"resource", b"http://c.example/", b"x" * 300),
    ]
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(b"".join(map(gzip.compress, records)))
    place = place_at(path)
    assert files.describe(place).records == 3
    blank(place)
    after = gzip.decompress(path.read_bytes())
    assert records[0] in after
    assert records[2] in after
    assert b"Content-Encoding" not in after
    assert files.describe(place).unread == ()


def test_members_of_a_zip_are_read_by_their_own_formats(tmp_path: Path) -> None:
    path, inner = tmp_path / "export.zip", io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("deep.txt", b"see " + HER)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", b'{"m": "' + HER + b'"}\n{"m": "bob"}\n')
        archive.writestr("b/c.csv", b"id,mail\n1," + HER + b"\n2,bob@post.example\n")
        archive.writestr("../../outside.txt", b"bob@post.example\n")
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("page.html", PAGE)
        archive.writestr("picture.png", b"\x89PNG\x00\x00")
    (unread,) = files.describe(place_at(path)).unread
    assert "picture.png" in unread.why
    assert len(mentions(place_at(path))) == 4
    blank(place_at(path))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("a.jsonl") == b'{"m": "[erased]"}\n{"m": "bob"}\n'
        assert archive.read("picture.png") == b"\x89PNG\x00\x00"
        assert archive.read("../../outside.txt") == b"bob@post.example\n"
        assert archive.namelist()[0] == "a.jsonl"
    assert not (tmp_path.parent.parent / "outside.txt").exists()


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", b"0" * (300 * 1024 * 1024))


def gzip_bomb(path: Path) -> None:
    with gzip.open(path, "wb") as out:
        for _ in range(300):
            out.write((b"0" * 99_999 + b"\n") * 10)


def sparse_line(path: Path) -> None:
    with path.open("wb") as out:
        out.truncate(10 * 1024**3)


def cut_archive(path: Path) -> None:
    with gzip.open(path, "wb") as out:
        out.write(os.urandom(100_000))
    path.write_bytes(path.read_bytes()[:50_000])


def locked_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"x")
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


def bad_warc(path: Path) -> None:
    path.write_bytes(b"WARC/1.0\r\nContent-Length: 99999\r\n\r\ncut")


def parquet_bomb(path: Path) -> None:
    pq.write_table(pa.table({"a": ["x" * 5000] * 4000}), path)


HOSTILE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "zip bomb": ("a.zip", zip_bomb),
    "gzip bomb": ("a.log.gz", gzip_bomb),
    "ten gigabytes without a line end": ("a.jsonl", sparse_line),
    "archive cut short": ("a.txt.gz", cut_archive),
    "zip with a password": ("b.zip", locked_zip),
    "web archive cut short": ("a.warc", bad_warc),
    "parquet that decodes to too much": ("a.parquet", parquet_bomb),
    "JSON cut short": ("b.json", lambda path: path.write_bytes(b'[{"a": 1}, {"b"') and None),
    "a pipe": ("c.txt", os.mkfifo),
    "a link to the password file": ("d.txt", lambda path: path.symlink_to("/etc/passwd")),
    "a socket": ("e.txt", lambda path: socket.socket(socket.AF_UNIX).bind(str(path))),
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_a_hostile_file_is_named_and_the_rest_goes_on(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, make = HOSTILE[what]
    monkeypatch.chdir(tmp_path)
    make(Path(name))
    (tmp_path / "good.jsonl").write_bytes(b'{"id": "1", "email": "' + HER + b'"}\n{"id": "2"}\n')
    place = place_at(tmp_path, key_field="id", subject_fields=["email"], max_decoded_bytes=10_000_000)
    (unread,) = files.describe(place).unread
    assert name in unread.why
    assert len(unread.next_action) > 20
    assert "1" in mentions(place)
    receipt = files.erase(place, records=["1"])
    assert (receipt.removed, receipt.others_untouched) == (1, True)
    assert any(note.startswith("not read: ") for note in receipt.notes)
    assert (tmp_path / "good.jsonl").read_bytes() == b'{"id": "2"}\n'


def test_a_damaged_file_that_holds_the_person_is_not_called_erased(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_bytes(b'{"id": "1", "email": "' + HER + b'"}\n{"id": "2", "bo')
    (tmp_path / "good.jsonl").write_bytes(b'{"id": "3", "email": "' + HER + b'"}\n')
    place = place_at(tmp_path, key_field="id", subject_fields=["email"])
    with pytest.raises(DamagedArtifact, match=r"bad\.jsonl, line 2"):
        files.erase(place, records=["1", "3"])
    assert (tmp_path / "good.jsonl").read_bytes() == b""
    assert HER in (tmp_path / "bad.jsonl").read_bytes()
