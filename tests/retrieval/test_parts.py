"""What lies in archives, in office files and in encoded mail is found part by part, within limits, and said."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.errors import RetrievalError
from retrieval.sweep import sweep
from retrieval.types import Found, Needle, Note

ANA = Needle("email", "ana.silva@x.example", "e")
JOSE = Needle("name", "José Muñoz", "n")
LINE = b'{"id": "1", "t": "ana.silva@x.example"}\n'


def looked(path: Path, *needles: Needle) -> tuple[list[Found], list[Note]]:
    notes: list[Note] = []
    return list(sweep([path], needles or [ANA, JOSE], notes=notes.append)), notes


def zipped(**members: bytes) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(".".join(name.replace("__", "/").rsplit("_", 1)), content)
    return box.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return box.getvalue()


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda content: pa.compress(content, codec="zstd", asbytes=True)),
    ],
)
def test_packed_rows_keep_their_numbers(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"rows.jsonl{ending}"
    path.write_bytes(pack(b'{"t": "nobody"}\n' * 70_000 + LINE))
    assert [(one.record, one.field, one.start, one.end) for one in looked(path)[0]] == [("70001", "t", 0, 19)]


@pytest.mark.parametrize("how", ["zip", "zip in zip", "zip in gzip", "tar.gz"])
def test_members_are_read_as_the_files_they_are(tmp_path: Path, how: str) -> None:
    inner = zipped(a__rows_csv="note,name\nx,José Muñoz\n".encode(), page_html=b"<p>ana.<b>silva</b>@x.example")
    made = {
        "zip": inner,
        "zip in zip": zipped(in_zip=inner),
        "zip in gzip": gzip.compress(inner),
        "tar.gz": tarred("in.zip", inner),
    }
    path = tmp_path / "x"
    path.write_bytes(made[how])
    found, notes = looked(path)
    assert [(one.record.rpartition("in.zip:")[2].removeprefix("x:"), one.field, one.start) for one in found] == [
        ("a/rows.csv:1", "name", 0),
        ("page.html:1", "text", 3),
    ]
    assert not notes


def test_a_member_that_is_not_read_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(cv_pdf=b"%PDF-1.7", rows_jsonl=LINE, old_doc=b"\xd0\xcf\x11\xe0"))
    found, notes = looked(path)
    assert [one.record for one in found] == ["rows.jsonl:1"]
    assert [(note.record, note.what) for note in notes] == [("cv.pdf", "refused"), ("old.doc", "refused")]
    assert not any("part" in note.why or str(tmp_path) in note.why for note in notes)
    with pytest.raises(RetrievalError, match=r"cv\.pdf"):
        list(sweep([path], [ANA]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.zip", zipped(a_txt=bytes(70_000_000))),
        ("bomb.txt.gz", gzip.compress(bytes(70_000_000))),
        ("deep.zip", zipped(a_zip=zipped(b_zip=zipped(c_zip=zipped(a_jsonl=LINE))))),
        ("cut.zip", zipped(a_jsonl=LINE)[:-30]),
        ("cut.xz", lzma.compress(LINE)[:-5]),
    ],
)
def test_bombs_and_halves_are_said_and_stop_nothing_else(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "rows.jsonl").write_bytes(LINE)
    found, notes = looked(tmp_path)
    assert [Path(one.path).name for one in found] == ["rows.jsonl"]
    assert [(Path(note.path).name, note.what) for note in notes] == [(name, "refused")]


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"] = "José Muñoz <j@x.example>"
    made.set_content("Hello ana.silva@x.example,\n" + "long " * 40 + "José Muñoz\n", cte="quoted-printable")
    made.add_alternative("<p>José <i>Mu&ntilde;oz</i></p>", subtype="html", cte="base64")
    made.add_attachment(b"mail\nana.silva@x.example\n", maintype="text", subtype="csv", filename="people.csv")
    made.add_attachment(zipped(rows_jsonl=LINE), maintype="application", subtype="zip", filename="in.zip")
    return made


@pytest.mark.parametrize("name", ["one.eml", "1588.M1P2:2,S", "all.mbox"])
def test_encoded_mail_is_decoded_part_by_part(tmp_path: Path, name: str) -> None:
    once = bytes(message())
    (tmp_path / name).write_bytes(b"From a\n" + once + b"\n\nFrom b\n" + once if name == "all.mbox" else once)
    found, notes = looked(tmp_path / name)
    assert [(one.record, one.field, one.needle) for one in found if one.record.startswith("1:")] == [
        ("1:headers", "From", "n"),
        ("1:3", "text", "e"),
        ("1:3", "text", "n"),
        ("1:4", "text", "n"),
        ("1:5:people.csv:1", "mail", "e"),
        ("1:6:in.zip:rows.jsonl:1", "t", "e"),
    ]
    assert len(found) == (12 if name == "all.mbox" else 6)
    assert not notes


def test_mail_in_another_alphabet_is_read_as_it_says(tmp_path: Path) -> None:
    made = EmailMessage()
    made.set_content("Здравствуйте, Иван Петров", charset="koi8-r", cte="8bit")
    (tmp_path / "a.eml").write_bytes(bytes(made))
    found, _ = looked(tmp_path / "a.eml", Needle("name", "Иван Петров", "n"))
    assert [(one.record, one.start, one.end) for one in found] == [("1:1", 14, 25)]


def test_headers_with_plain_letters_of_other_alphabets_are_read(tmp_path: Path) -> None:
    encoded = b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nYQ==\n"
    (tmp_path / "a.eml").write_bytes("From: José Muñoz <j@x.example>\nX: =?utf-8?q?a?= \n".encode() + encoded)
    (tmp_path / "b.eml").write_bytes("From: José Muñoz <j@x.example>\n".encode("latin-1") + encoded)
    found, notes = looked(tmp_path)
    assert [(Path(one.path).name, one.record, one.field, one.end) for one in found] == [
        ("a.eml", "1:headers", "From", 10),
        ("b.eml", "1:headers", "From", 10),
    ]
    assert not notes


def test_sealed_mail_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(
        b"MIME-Version: 1.0\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    )
    assert [note.why for note in looked(tmp_path / "a.eml")[1]] == ["it is encrypted (S/MIME)"]


WORD = (
    b'<w:document xmlns:w="w"><w:p>'
    b"<w:r><w:t>Dear ana.</w:t></w:r><w:proofErr/><w:r><w:rPr/><w:t>silva@x.exa</w:t></w:r>"
    b'<w:ins w:author="Jos&#233; Mu&#241;oz"><w:r><w:t>mple</w:t></w:r></w:ins></w:p><w:p><w:r><w:t>x</w:t></w:r></w:p>'
    b"</w:document>"
)
SHEET = (
    '<worksheet><sheetData><row r="3"><c r="B3" t="s"><v>1</v></c><c r="C3" t="inlineStr"><is><t>José</t><t> Muñoz</t>'
    '</is></c><c r="D3"><v>49301234567</v></c></row></sheetData></worksheet>'
).encode()
SHARED = (
    b"<sst><si><t>x</t></si><si><r><t>ana.silva</t></r><r><t>@x.example</t></r></si>"
    b"<si><t>ana.silva@x.example</t></si></sst>"
)


def test_office_files_are_read_paragraph_by_paragraph_and_cell_by_cell(tmp_path: Path) -> None:
    types = {"[Content_Types]_xml": b"<Types/>"}
    (tmp_path / "a.docx").write_bytes(zipped(**types, word__document_xml=WORD))
    found, notes = looked(tmp_path / "a.docx")
    assert {(one.record, one.field, one.start, one.end, one.needle) for one in found} == {
        ("word/document.xml:1", "markup", 0, 10, "n"),
        ("word/document.xml:1", "text", 5, 24, "e"),
    }
    sheets = zipped(**types, xl__worksheets__sheet1_xml=SHEET, xl__sharedStrings_xml=SHARED)
    (tmp_path / "a.xlsx").write_bytes(sheets)
    found, more = looked(tmp_path / "a.xlsx", ANA, JOSE, Needle("phone", "+49 30 1234567", "p"))
    assert {(one.record, one.needle) for one in found} == {
        ("xl/worksheets/sheet1.xml!B3", "e"),
        ("xl/worksheets/sheet1.xml!C3", "n"),
        ("xl/worksheets/sheet1.xml!D3", "p"),
        ("xl/sharedStrings.xml:3", "e"),  # shown in no cell, stored all the same
    }
    text = '<d xmlns:t="t"><t:p>José <t:span>Muñoz</t:span></t:p></d>'.encode()
    (tmp_path / "a.odt").write_bytes(zipped(mimetype=b"application/vnd.oasis", content_xml=text))
    assert [one.record for one in looked(tmp_path / "a.odt")[0]] == ["content.xml:1"]
    assert not notes + more


def test_xml_that_declares_entities_is_refused(tmp_path: Path) -> None:
    hostile = b'<!DOCTYPE d [<!ENTITY a "aaaa">]><d>&a;</d>'
    (tmp_path / "a.docx").write_bytes(zipped(**{"[Content_Types]_xml": b"<T/>", "word__document_xml": hostile}))
    assert [note.record for note in looked(tmp_path / "a.docx")[1]] == ["word/document.xml"]


def test_names_of_files_folders_members_and_columns_are_searched(tmp_path: Path) -> None:
    (tmp_path / "ana.silva@x.example").mkdir()
    (tmp_path / "ana.silva@x.example" / "a.txt").write_text("nobody")
    (tmp_path / "ana.silva@x.example.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.zip").write_bytes(zipped(**{"José Muñoz_txt": b"nobody"}))
    pq.write_table(pa.table({"ana.silva@x.example": ["nobody"]}), tmp_path / "c.parquet")
    found, notes = looked(tmp_path)
    assert {(Path(one.path).name, one.record, one.field, one.start, one.end) for one in found} == {
        ("a.txt", "", "(file name)", 0, 19),
        ("ana.silva@x.example.pdf", "", "(file name)", 0, 19),
        ("b.zip", "José Muñoz.txt", "(file name)", 0, 10),
        ("c.parquet", "0", "ana.silva@x.example", 0, 19),
    }
    assert [Path(note.path).name for note in notes] == ["ana.silva@x.example.pdf"]


def test_a_row_cut_in_the_middle_hides_neither_who_is_in_it_nor_the_rows_behind(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"t": "ana.silva@x.example\n' + LINE)
    found, notes = looked(tmp_path / "a.jsonl")
    assert [(one.record, one.field) for one in found] == [("1", "(no JSON)"), ("2", "t")]
    assert [(note.record, note.what) for note in notes] == [("1", "stored")]


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("a.txt", "Здравствуйте, Иван".encode("koi8-r"), "not UTF-8"),
        ("b.txt", "山田".encode("iso2022-jp"), "ISO-2022"),
        ("c.bin", b"\x00\x01\xff\xfe\x80", "no text"),
    ],
)
def test_what_is_read_in_an_encoding_that_nothing_tells_is_said(
    tmp_path: Path, name: str, raw: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(raw)
    (note,) = looked(tmp_path / name)[1]
    assert note.what == "assumed"
    assert why in note.why


@pytest.mark.parametrize("encoding", ["koi8-r", "cp1251", "cp866", "utf-8", "utf-32", "utf-32-le"])
def test_text_is_read_in_the_encoding_that_is_given_and_marked_text_in_its_own(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes("имя;город\nИван Петров;Ёлкино\n".encode(encoding))
    given = encoding if len(encoding) < 7 else "koi8-r"
    found = list(sweep([tmp_path / "a.csv"], [Needle("name", "Иван Петров", "n")], encoding=given))
    assert [(one.record, one.field, one.start, one.end) for one in found] == [("1", "имя", 0, 11)]


def test_an_encoding_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no such encoding"):
        sweep([], [ANA], encoding="klingon")


def test_numbers_of_every_kind_of_column_are_read(tmp_path: Path) -> None:
    kinds = [pa.int64(), pa.uint64(), pa.decimal128(20, 0), pa.list_(pa.decimal128(20, 0))]
    columns = [pa.array([49301234567]).cast(kind) if not pa.types.is_list(kind) else None for kind in kinds]
    columns[3] = pa.array([[Decimal(49301234567)]], kinds[3])
    pq.write_table(pa.table({f"c{n}": column for n, column in enumerate(columns)}), tmp_path / "a.parquet")
    found, _ = looked(tmp_path / "a.parquet", Needle("phone", "+49 30 1234567", "p"))
    assert [one.field for one in found] == ["c0", "c1", "c2", "c3.0"]
