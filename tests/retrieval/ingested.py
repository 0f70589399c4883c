"""A folder with every spelling in every format, and what a scan of it finds: for the tests of the ingest index."""

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.people import People
from retrieval.ingest import Ingested, look_up
from retrieval.sweep import sweep
from retrieval.types import Needle
from tests.services import planted

KEY = b"an index key of its own"
SPELLED = [
    *planted.SPELLINGS,
    *planted.STRANGERS,
    "li+shop@post.example",
    "li@post.example",
    "write to li at post dot example",
    "bauer+x@post.example or b.au%2eer@post.example",
    "bauer&#64;post.example",
    "B.Au.Er (at) post.example",
    "Lindqvist, Nora",
    "NORA-LINDQVIST",
    "C 1001",
    "c-1001 and c-1002",
    "user=Engine",
    "0046 (0)70/174 06 05",
    "ﷺ ①②③ Nora\u200b Lindqvist",
]
NEEDLES = [
    *planted.NEEDLES,
    Needle("email", "li@post.example", "short"),
    Needle("email", "bauer@post.example", "bauer"),
    Needle("email", "b.au.er@post.example", "dots"),
    Needle("name", "Nora Lindqvist", "name"),
    Needle("customer_id", "C-1001", "code"),
    Needle("username", "engine", "user"),
    Needle("content", "the heating in my flat has been broken since Monday, please call", "content"),
]
STRANGERS = [Needle("email", "somebody@else.example", "other")]
LETTER = "Hello, the heating in my flat has been broken since Monday, please call me back this week or write to me."


def planted_folder(made: Path) -> Path:
    """One folder with every spelling in every format, among rows of strangers."""
    people = People(random.Random(5))
    made.mkdir()
    strangers = [people.row(STRANGERS) for _ in range(300)]
    rows = [json.dumps({"a": {"b": [text]}}, ensure_ascii=at % 2 == 0) + "\n" for at, text in enumerate(SPELLED)]
    rows.append(json.dumps({"text": f"{LETTER}\n\tnora.lindqvist@post.example"}) + "\n")
    lines = [line for at, row in enumerate(rows) for line in (*strangers[5 * at : 5 * at + 5], row)]
    (made / "rows.jsonl").write_text("".join(lines))
    (made / "packed.jsonl.gz").write_bytes(gzip.compress("".join(rows).encode()))
    table = "".join(f'{at},"{text}"\r\n' for at, text in enumerate(SPELLED))
    (made / "marked.csv").write_bytes(b"\xef\xbb\xbf" + f"id,text\r\n{table}".encode())
    (made / "page.html").write_text("<p>" + "</p>\n<p>".join(SPELLED) + "</p>")
    (made / "notes.txt").write_text("\n".join([LETTER, *SPELLED]), encoding="utf-16")
    pq.write_table(pa.table({"id": range(len(SPELLED)), "text": SPELLED}), made / "rows.parquet")
    return made


def looked(folder: Path, index: Path, needles: list[Needle] = NEEDLES):
    return look_up(Ingested(index, KEY), folder, needles, region="SE")


def scanned(folder: Path, needles: list[Needle] = NEEDLES) -> set[object]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return set(sweep(files, needles, region="SE"))
