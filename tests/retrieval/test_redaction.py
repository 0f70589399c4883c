"""Whoever cuts what the spans name has cut the person, in every kind of file, and nobody beside."""

import csv
import html
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.sweep import sweep
from retrieval.text import normalise
from retrieval.types import Found, Needle

PERSON = [
    Needle("email", "ana.silva@x.example", "email"),
    Needle("phone", "+49 151 23456789", "phone"),
    Needle("name", "Łucja Müller-Größe", "name"),
    Needle("customer_id", "KD-00417/B", "customer"),
]
KIND = {needle.key: needle for needle in PERSON}
SPELLED = [
    "ana.silva@x.example", "ANA.SILVA@X.EXAMPLE", "ana.silva+shop@x.example", "ana.silva [at] x [dot] example",
    "ａｎａ.silva@x.example", "ana\u200b.silva@x.example", "+49 151 23456789", "0151/23 45 67 89", "0049 151 23456789",
    "Łucja Müller-Größe", "MÜLLER-GRÖSSE, ŁUCJA", "Lucja Mueller Groesse", "Łucja Mu\u0308ller-Größe", "kd 00417 b",
    "KD00417B",
]  # fmt: skip
OTHERS = [
    "joana.silva@x.example", "ana.silva@x.example.org", "0151 234567890", "Łucja Müller", "KD-00417/C", "Größe 42",
    'a "quoted" word', "line\nbreak", "tab\there", "back\\slash", "{", "}", "<", ">", "&", "é\u0301", "😀", "a,b;c",
    "'", "",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(SPELLED + OTHERS), min_size=1, max_size=6).map("  ¦  ".join)
Redacted = Callable[[Path, list[Found]], None]


def found_in(path: Path) -> list[Found]:
    return list(sweep([path], PERSON, region="DE", threads=1))


def cut(text: str, found: list[Found]) -> str:
    """Take the spans out of a text, the last ones first, spans of one place once."""
    for start, end in sorted({(one.start, one.end) for one in found}, reverse=True):
        text = f"{text[:start]}█{text[end:]}"
    return text


def checked(text: str, found: list[Found]) -> None:
    """What a span cuts out is the person's own value, by the rules that tell two spellings alike."""
    for one in found:
        needle, spelled = KIND[one.needle], text[one.start : one.end]
        if one.needle in ("email", "name"):
            assert "¦" not in spelled
        else:
            assert normalise(needle.kind, spelled, "DE").removeprefix("+49") in normalise(
                needle.kind, needle.value, "DE"
            )


def of_row(found: list[Found], record: int, name: str) -> list[Found]:
    return [one for one in found if one.record == str(record) and one.field == name]


def in_json_lines(path: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    path.write_text("".join(json.dumps({"a": {"b": [text]}}, ensure_ascii=len(text) % 2 > 0) + "\n" for text in texts))
    found = found_in(path)
    kept = []
    for number, text in enumerate(texts, start=1):
        checked(text, of_row(found, number, "a.b.0"))
        kept.append(cut(text, of_row(found, number, "a.b.0")))
        yield text, kept[-1]
    path.write_text("".join(json.dumps({"a": {"b": [text]}}) + "\n" for text in kept))


def in_csv(path: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    def written(rows: list[str]) -> None:
        with path.open("w", newline="") as handle:
            csv.writer(handle, delimiter=";").writerows([["a", "b"], *([text, "x"] for text in rows)])

    written(texts)
    found = found_in(path)
    kept = []
    for number, text in enumerate(texts, start=1):
        checked(text, of_row(found, number, "a"))
        kept.append(cut(text, of_row(found, number, "a")))
        yield text, kept[-1]
    written(kept)


def in_one_source(
    path: Path, texts: list[str], spelled: Callable[[str], str], whole: Callable[[list[str]], str],
    read: Callable[[str], list[str]],
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Formats in which spans count in the source itself, line by line or through the file."""
    source = whole([spelled(text) for text in texts])
    path.write_text(source, newline="")
    found = found_in(path)
    if path.suffix == ".html":
        after = cut(source, [one for one in found if one.field == "text"])
    else:
        lines = source.split("\n")
        after = "\n".join(cut(line, of_row(found, number, "text")) for number, line in enumerate(lines, start=1))
    yield from zip(read(source), read(after), strict=True)
    path.write_text(after, newline="")


def in_page(path: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    yield from in_one_source(
        path, texts, html.escape, lambda every: "".join(f"<p>{text}</p>" for text in every),
        lambda source: [html.unescape(part.removesuffix("</p>")) for part in source.split("<p>")[1:]],
    )  # fmt: skip


def in_json_document(path: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    yield from in_one_source(
        path, texts, json.dumps, lambda every: "[\n" + ",\n".join(every) + "\n]", json.loads
    )  # fmt: skip


def in_xml(path: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    def spelled(text: str) -> str:
        return text.replace("\n", " ").encode("ascii", "xmlcharrefreplace").decode().replace("<", "&lt;")

    yield from in_one_source(
        path, texts, spelled, lambda every: "<?xml version='1.0'?>\n" + "\n".join(f"<p>{text}</p>" for text in every),
        lambda source: [html.unescape(line[3:-4]) for line in source.split("\n")[1:]],
    )  # fmt: skip


WAYS: dict[str, Callable[[Path, list[str]], Iterator[tuple[str, str]]]] = {
    "a.jsonl": in_json_lines,
    "a.csv": in_csv,
    "a.html": in_page,
    "a.json": in_json_document,
    "a.xml": in_xml,
}


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=40)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_cutting_the_spans_leaves_nothing_of_the_person_and_everything_of_others(
    name: str, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    for before, after in WAYS[name](path, texts):
        pieces, left = before.split("  ¦  "), after.split("  ¦  ")
        assert len(pieces) == len(left)
        for piece, rest in zip(pieces, left, strict=True):
            assert rest == ("█" if piece in SPELLED else piece)
    assert found_in(path) == []


def test_a_row_with_a_line_end_in_quotes_keeps_the_rows_behind_it(tmp_path: Path) -> None:
    box = io.StringIO(newline="")
    csv.writer(box).writerows([["n", "t"], ["1", 'x\n"y"\r\nana.silva@x.example'], ["2", "ana.silva@x.example"]])
    (tmp_path / "a.csv").write_text(box.getvalue(), newline="")
    assert [(one.record, one.field, one.start) for one in found_in(tmp_path / "a.csv")] == [
        ("1", "t", 7),
        ("2", "t", 0),
    ]
