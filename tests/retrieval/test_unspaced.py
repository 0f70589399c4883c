"""Names in scripts that put no space between words are found in the middle of what is written around them."""

import json
import re
from pathlib import Path

import pytest

from retrieval.errors import UnusableNeedle
from retrieval.ingest import Ingested, ingest, look_up
from retrieval.sweep import Sweeper, sweep
from retrieval.text import byte_patterns, normalise
from retrieval.types import Needle

RUNNING = [
    ("王小明", "客户王小明先生说", "王小明"),
    ("李娜", "我叫李娜。", "李娜"),
    ("山田 太郎", "担当の山田太郎様へ", "山田太郎"),
    ("山田太郎", "担当の山田\u3000太郎様へ", "山田\u3000太郎"),
    ("김민수", "고객김민수님께서", "김민수"),
    ("김민수", "고객 김 민수", "김 민수"),
    ("สมชาย ใจดี", "คุณสมชายใจดีครับ", "สมชายใจดี"),
    ("สมชาย ใจดี", "คุณใจดี สมชาย", "ใจดี สมชาย"),
]


def _upper(row: str) -> str:
    """Write the escapes' hexadecimal digits as some programs do."""
    return re.sub(r"\\u[0-9a-f]{4}", lambda escape: "\\u" + escape[0][2:].upper(), row)


@pytest.mark.parametrize(("name", "text", "spelled"), RUNNING)
def test_a_name_is_found_in_running_text_with_its_own_span(name: str, text: str, spelled: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"t": text}, ensure_ascii=ascii_only) for ascii_only in (True, False)]
    path.write_text("\n".join([*rows, _upper(rows[0])]))
    found = list(sweep([path], [Needle("name", name, "n"), Needle("email", "x.yz@x.example", "e")]))
    assert [(one.record, text[one.start : one.end]) for one in found] == [(str(n), spelled) for n in (1, 2, 3)]


def test_another_syllable_or_letter_makes_another_name() -> None:
    sweeper = Sweeper([Needle("name", "김민수", "n"), Needle("name", "王小明", "w")])
    assert not sweeper.text("김민순 씨, 王大明 and 王小 or 小明")


def test_one_letter_is_nobody_and_two_of_these_are_somebody() -> None:
    with pytest.raises(UnusableNeedle):
        normalise("name", "李")
    assert normalise("name", "李娜") == "李娜"
    assert "李娜".encode() in byte_patterns("name", "李娜")
    with pytest.raises(UnusableNeedle):
        normalise("name", "Li Na")


def test_an_index_that_knows_beginnings_of_words_reads_everything_for_such_a_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"t": "客户王小明先生"}\n', encoding="utf-8")
    ingest(tmp_path / "data", tmp_path / "index", b"k" * 32)
    looked = look_up(Ingested(tmp_path / "index", b"k" * 32), tmp_path / "data", [Needle("name", "王小明", "n")])
    assert [(one.start, one.end) for one in looked.found] == [(2, 5)]
