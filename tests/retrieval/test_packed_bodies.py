"""Web archives say which bodies could not be unpacked, instead of calling them searched."""

import gzip
import json
from pathlib import Path

import pytest

from retrieval.__main__ import main
from retrieval.sweep import sweep
from retrieval.types import Needle

ANA = Needle("email", "ana@x.example", "a")
BODY = b"<p>ana@x.example</p>"


def record(coding: str, body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: " + coding.encode() + b"\r\n\r\n" + body
    head = f"WARC/1.1\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    return head.encode() + block + b"\r\n\r\n"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    packed = gzip.compress(BODY)
    records = [
        ("gzip", packed),
        ("gzip", packed[:-9]),
        ("br", b"\x0b\x09\x80"),
        ("identity", BODY),
        ("gzip", b"no gzip"),
    ]
    path = tmp_path / "crawl.warc"
    path.write_bytes(b"".join(record(*each) for each in records))
    return path


def test_bodies_that_cannot_be_unpacked_are_counted(archive: Path) -> None:
    told: list[str] = []
    found = {each.record for each in sweep([archive], [ANA], unread=lambda path, number: told.append(number))}
    assert {"1", "4"} <= found
    assert told == ["2", "3", "5"]


def test_the_shell_says_so(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["locate", str(archive), "--identifier", "email:ana@x.example", "--json"]) == 0
    said = capsys.readouterr()
    assert "3 bodies could not be unpacked" in said.err
    assert len(json.loads(said.out)) >= 2
