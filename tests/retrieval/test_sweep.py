"""One pass over whole files finds what the rules find row by row, in every format, and says where."""

import gzip
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import RetrievalError, UnusableNeedle
from retrieval.lines import _json_fields
from retrieval.locate import locate
from retrieval.pages import page
from retrieval.sweep import Sweeper, sweep
from retrieval.types import Found, Needle, Record

NEEDLES = [
    Needle("email", "ana.silva@x.com", "e"),
    Needle("email", "al@y.org", "short"),
    Needle("email", "firstname.middle.lastname@mail.org", "long"),
    Needle("phone", "0151 234567", "p"),
    Needle("customer_id", "CUST-00123", "c"),
    Needle("name", "Ana Müller", "n"),
    Needle("name", "Анна Иванова", "ru"),
    Needle("content", "my invoice of March was charged twice, please refund", "t"),
]
SPELLINGS = [
    ("Ana.Silva@X.com", "e"),
    ("ana.silva+news@x.com", "e"),
    ("ana dot silva at x dot com", "e"),
    ("ana.silva%40x.com", "e"),
    ("ana.silva&#64;x.com", "e"),
    ("ana.silva [at] x [dot] com", "e"),
    ("ａｎａ．ｓｉｌｖａ＠ｘ．ｃｏｍ", "e"),
    ("ana\u200b.sil\u200bva@x.com", "e"),
    ("al+tag@y.org", "short"),
    ("al (at) y.org", "short"),
    ("Firstname.Middle.LASTNAME@mail.org", "long"),
    ("firstname dot middle dot lastname at mail dot org", "long"),
    ("+49 (0)151 234-567", "p"),
    ("0049151234567", "p"),
    ("0151/23 45 67", "p"),
    ("tel0151234567", "p"),
    ("٠١٥١ ٢٣٤٥٦٧", "p"),
    ("cust 00123", "c"),
    ("_CUST00123_", "c"),
    ("Müller, Ana", "n"),
    ("ANA MUELLER", "n"),
    ("Ivanova Anna", "ru"),
    ("My invoice of March -- was charged twice. Please refund", "t"),
]


def found_in(path: Path) -> list[Found]:
    return list(sweep([path], NEEDLES, region="DE"))


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_lines_give_every_spelling_with_its_row_and_its_span(tmp_path: Path, ascii_only: bool) -> None:
    path, texts = tmp_path / "t.jsonl", []
    with path.open("w") as handle:
        for number, (spelling, _) in enumerate(SPELLINGS):
            texts.append(f"Grüße {'x ' * number}“{spelling}”\n\tand more")
            handle.write(json.dumps({"id": number, "deep": {"text": texts[-1]}}, ensure_ascii=ascii_only) + "\n")
    found = found_in(path)
    assert [(int(one.record), one.needle) for one in found] == [(n + 1, key) for n, (_, key) in enumerate(SPELLINGS)]
    shown = [texts[int(one.record) - 1][one.start : one.end] for one in found]
    assert all(text.strip("_") in spelling for text, (spelling, _) in zip(shown, SPELLINGS, strict=True))
    assert {one.field for one in found} == {"deep.text"}


pieces = st.one_of(st.sampled_from([spelling for spelling, _ in SPELLINGS]), st.text(max_size=12))


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=6), st.sampled_from(["", " ", ",", "+", "\n", "1", "%"]), st.booleans())
def test_the_filter_misses_nothing_that_the_rules_find(parts: list[str], glue: str, ascii_only: bool) -> None:
    text = glue.join(parts).encode("utf-8", "replace").decode()
    row = json.dumps({"a": text}, ensure_ascii=ascii_only)
    expected = {
        (one.start, one.end, one.needle) for one in locate([Record("p", "1", {"a": text})], NEEDLES, region="DE")
    }
    sweeper = SWEEPER
    assert {(start, end, rule.needle.key) for start, end, rule in sweeper.text(text)} == expected
    (hits,) = [sweeper._may_hold(_array(row), json=True)]
    owners = {NEEDLES[number].key for _, numbers in hits for number in numbers}
    assert {key for _, _, key in expected} <= owners


SWEEPER = Sweeper(NEEDLES, region="DE")


def _array(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def test_blocks_hide_nothing_at_their_edges(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    filler = json.dumps({"text": "nothing to see here " * 20}) + "\n"
    with path.open("w") as handle:
        for number in range(9_000):
            handle.write(filler if number % 97 else json.dumps({"text": "." * (number % 331) + "CUST-00123"}) + "\n")
    assert path.stat().st_size > 3 << 20
    expected = [str(number + 1) for number in range(0, 9_000, 97)]
    assert [one.record for one in found_in(path)] == expected
    assert [one.record for one in sweep([path], NEEDLES, region="DE", threads=2)] == expected


def test_csv_rows_may_hold_line_ends_and_other_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('name;note\nBob;"quiet\nquiet"\n"Ana\nMüller";"mail ""ana.silva@x.com"""\n', encoding="utf-8")
    assert [(one.record, one.field, one.needle) for one in found_in(path)] == [("2", "name", "n"), ("2", "note", "e")]


def test_parquet_columns_of_every_shape_are_searched(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    texts = [None, "…berlin", "ana.silva@x.com", "0151 234567", "x"]
    columns = {
        "text": texts,
        "packed": pa.array(["a", "b", "a", "CUST-00123", None]).dictionary_encode(),
        "number": [1, 49151234567, 3, 4, 5],
        "deep": [[{"mail": "x"}], None, [], [{"mail": "al@y.org"}], []],
        "raw": [b"", b"ana.silva@x.com", None, b"\xff", b"x"],
    }
    pq.write_table(pa.table(columns), path, row_group_size=2)
    found = {(one.record, one.field, one.needle) for one in found_in(path)}
    assert found == {
        ("3", "text", "e"), ("4", "text", "p"), ("4", "packed", "c"),
        ("2", "number", "p"), ("4", "deep.0.mail", "short"), ("2", "raw", "e"),
    }  # fmt: skip


def test_a_page_is_searched_as_it_is_seen_and_spans_lead_to_its_source(tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    source = (
        "<html><body><p>Ana <b>M&uuml;ller</b></p><p>no ana</p>silva@x.com<!-- CUST-00123 -->"
        '<a href="mailto:ana.silva@x.com">write</a> ana.si<i>lva</i>@x.com</body></html>'
    )
    path.write_text(source, encoding="utf-8")
    found = {(source[one.start : one.end], one.needle) for one in found_in(path)}
    assert found == {
        ("Ana <b>M&uuml;ller", "n"), ("CUST-00123", "c"), ("ana.silva@x.com", "e"), ("ana.si<i>lva</i>@x.com", "e"),
    }  # fmt: skip


def test_web_archives_are_unpacked_record_by_record(tmp_path: Path) -> None:
    def record(kind: str, http: str, body: bytes) -> bytes:
        payload = (f"HTTP/1.1 200 OK\r\n{http}\r\n\r\n".encode() + body) if http else body
        head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nContent-Type: application/http\r\nContent-Length: {len(payload)}"
        head = head if http else head.replace("application/http", "text/plain")
        return head.encode() + b"\r\n\r\n" + payload + b"\r\n\r\n"

    zipped = gzip.compress(b"<p>Ana <i>M\xc3\xbcller</i></p>")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(zipped), zipped)
    records = [
        record("warcinfo", "", b"software: CUST-00123"),
        record("response", "Content-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked", chunks),
        record("response", "Content-Type: text/plain\r\nSet-Cookie: who=ana.silva@x.com", b"nothing"),
    ]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(map(gzip.compress, records)))
    assert [(one.record, one.needle) for one in found_in(path)] == [("1", "c"), ("2", "n"), ("3", "e")]


def test_old_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("first\nan Ana Müller, Straße\n".encode("cp1252"))
    (tmp_path / "wide.txt").write_bytes("first\nAna Müller\n".encode("utf-16"))
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": "Ana Müller"}).encode())
    for name, row in (("latin.txt", "2"), ("wide.txt", "2"), ("bom.jsonl", "1")):
        assert [(one.record, one.needle) for one in found_in(tmp_path / name)] == [(row, "n")], name


def test_what_a_parser_would_drop_is_searched_too() -> None:
    fields = _json_fields('{"a": "ana.silva@x.com", "a": "x", "ana.silva@x.com": 1}')
    assert sum("ana.silva@x.com" in text for text in fields.values()) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", b'{"a": "ana.silva@x.com"'),
        ("t.parquet", b"PAR1 ana.silva@x.com"),
        ("t.warc", b"WARC/1.0\r\nContent-Length: 99\r\n\r\nana.silva@x.com"),
        ("t.warc", b"no archive ana.silva@x.com"),
        ("t.txt.gz", b"\x1f\x8b\x08\x00ana.silva@x.com"),
    ],
)
def test_a_damaged_file_is_an_error_that_quotes_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RetrievalError) as refused:
        found_in(tmp_path / name)
    assert "ana.silva" not in str(refused.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match="nowhere"):
        found_in(tmp_path / "nowhere.jsonl")


def test_a_useless_needle_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnusableNeedle):
        sweep([tmp_path / "nowhere.jsonl"], [Needle("email", "%", "k")])


def test_nobody_to_look_for_finds_nobody(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("Ana Müller")
    assert list(sweep([tmp_path / "t.txt"], [])) == []


@pytest.mark.parametrize("piece", ["<!--", "<a ", "</", '<a title="', "<", "&", "<script>", "<a b<"])
def test_a_hostile_page_costs_what_it_weighs(piece: str) -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        page("hostile", piece * (size // len(piece)))
        return time.process_time() - start

    seconds(1000)
    assert seconds(800_000) < 60 * max(seconds(50_000), 0.002), "sixteen times the bytes took far more than that"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_across_the_blocks_borders_keep_their_numbers(tmp_path: Path, encoding: str) -> None:
    rows = [f"row {number} ü\r{'x' * (number % 7)}" for number in range(90_000)]
    rows[70_001] = "here Ana.Silva@x.com is"
    (tmp_path / "t.txt").write_bytes("\n".join(rows).encode(encoding))
    (found,) = sweep([tmp_path / "t.txt"], [Needle("email", "ana.silva@x.com", "n")])
    assert (found.record, found.start, found.end) == ("70002", 5, 20)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["t.txt", "t.jsonl"])
def test_utf_16_without_a_mark_is_read_by_its_zeros(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / name).write_bytes('{"a": "Grüße an ana.silva@x.com"}\n'.encode(encoding))
    assert [one.needle for one in found_in(tmp_path / name)] == ["e"]


@pytest.mark.parametrize("zeros", [b"\x00\x00\x01\x00" * 400, b"".join(bytes((n, 0)) for n in range(1, 256)) * 9])
def test_bytes_that_hold_zeros_are_no_utf_16(tmp_path: Path, zeros: bytes) -> None:
    path = tmp_path / "t.bin"
    path.write_bytes(zeros + b"\nana.silva@x.com\n")
    assert [one.needle for one in found_in(path)] == ["e"]


def test_a_text_of_megabytes_is_laid_out_in_numbers_not_in_lists(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"a": "wört " * 300_000 + "CUST-00123 ana.silva@x.com"}) + "\n")
    assert [(one.needle, one.start) for one in found_in(path)] == [("c", 1_500_000), ("e", 1_500_011)]


@pytest.mark.parametrize(
    ("name", "start", "why"),
    [
        ("a.pdf", b"%PDF-1.7\n", "packed \\(PDF\\)"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "older Office"),
        ("a.db", b"SQLite format 3\x00", "SQLite"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "7z"),
        ("a.avro", b"Obj\x01", "Avro"),
    ],
)
def test_what_is_written_otherwise_is_refused_and_not_called_empty(
    tmp_path: Path, name: str, start: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(start + b" ana.silva@x.com\n")
    with pytest.raises(RetrievalError, match=why):
        list(sweep([path], NEEDLES, region="DE"))


def test_plain_mail_is_searched_by_lines_and_both_values_of_a_repeated_key_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(b"From a\nTo: ana.silva@x.com\nContent-Transfer-Encoding: 8bit\n\nCUST-00123\n")
    assert [one.record for one in found_in(tmp_path / "a.mbox")] == ["2", "5"]
    (tmp_path / "b.jsonl").write_text('{"mail": "ana.silva@x.com", "mail": "CUST-00123"}\n')
    assert [(one.field, one.needle) for one in found_in(tmp_path / "b.jsonl")] == [("mail", "e"), ("mail#1", "c")]


def test_a_line_that_begins_like_an_archive_is_a_line(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_bytes(b"BZh is how this line begins: ana.silva@x.com\n")
    assert len(list(sweep([text], NEEDLES, region="DE"))) == 1
