"""A web archive holds what strangers' servers answered: nothing in it makes a search hang, or passes as searched."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import PartUnread, warc
from compliance.provenance.connectors.formats.http_body import MOST_DECODED, decoded, unchunked
from compliance.provenance.connectors.rows import Row
from retrieval.warc import _joined

EMAIL = b"bob@post.example"


def _archive(path: Path, *answers: bytes) -> Path:
    heads = (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (len(a), a) for a in answers)
    path.write_bytes(b"".join(heads))
    return path


def _answer(coding: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode() + body


def _read(path: Path) -> tuple[list[Row], str]:
    place = Place(name="crawl", connector="files", kind="dataset", location=str(path), options={})
    rows: list[Row] = []
    try:
        rows.extend(warc.rows(path, place))
    except PartUnread as error:
        return rows, str(error)
    return rows, ""


@pytest.mark.parametrize("sizes", [b"-6\r\nhello", b"-0\r\nhello", b"+5\r\nhello", b"0x5\r\nhello", b"5_0\r\nhello"])
def test_a_chunk_never_leads_backwards(sizes: bytes) -> None:
    assert unchunked(sizes) == sizes
    assert _joined(sizes) == sizes


def test_honest_chunks_are_put_together() -> None:
    assert unchunked(b"4;x=y\r\nWiki\r\n6\r\npedia!\r\n0\r\n\r\n") == b"Wikipedia!"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br"])
def test_a_body_that_cannot_be_unpacked_is_not_called_searched(tmp_path: Path, coding: str) -> None:
    path = _archive(tmp_path / "a.warc", _answer(coding, b"\x8b\x07\x80\xff\x00packed"), _answer("identity", EMAIL))
    rows, said = _read(path)
    assert len(rows) == 2 and "1 records" in said


def test_a_body_that_decodes_to_too_much_is_not_called_searched() -> None:
    packed = gzip.compress(b" " * MOST_DECODED + EMAIL, 1)
    assert decoded(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip", packed) == (packed, False)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip", gzip.compress(gzip.compress(EMAIL))),
        ("deflate", zlib.compress(EMAIL)),
        ("deflate", zlib.compress(EMAIL)[2:-4]),
        ("br", EMAIL),  # the header of a coding that the archive undid
        ("GZIP", gzip.compress(EMAIL)),
    ],
    ids=["twice", "zlib", "raw", "undone", "capitals"],
)
def test_a_body_that_can_be_read_is_read(tmp_path: Path, coding: str, body: bytes) -> None:
    rows, said = _read(_archive(tmp_path / "a.warc", _answer(coding, body)))
    assert rows[0].fields["text"] == EMAIL.decode() and said == ""


def test_what_cannot_be_unpacked_stays_when_the_archive_is_written_again(tmp_path: Path) -> None:
    packed = _answer("br", b"\x8b\x07\x80\xff\x00packed")
    path = _archive(tmp_path / "a.warc", packed, _answer("identity", EMAIL))
    place = Place(name="crawl", connector="files", kind="dataset", location=str(path), options={})
    warc.rewrite(path, tmp_path / "b.warc", place, lambda row: None if EMAIL.decode() in row.fields["text"] else row)
    assert (tmp_path / "b.warc").read_bytes() == _archive(tmp_path / "c.warc", packed).read_bytes()
