"""What was erased stays out of training data and indices: lists, spellings, files, datasets."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from torch.utils.data import DataLoader

from retrieval import exclusion
from retrieval.__main__ import main
from retrieval.admission import admit
from retrieval.errors import ExclusionsUnreadable, InputsExcluded
from retrieval.exclusion import Entry, Exclusions
from retrieval.gate import Gate, _texts
from retrieval.locate import Locator
from retrieval.rows import RecordsUnreadable
from retrieval.types import Needle

KEY = b"k" * 32
LETTER = "Hello, the heating in my flat in Elm street has been broken since Monday, please call me back this week."
PERSON = {
    "email": "Ana.Silva@x.com",
    "phone": "+49 151 2345678",
    "customer_id": "AC-1234-567",
    "username": "anasilva77",
}
SPELLED = [
    "mail ANA.SILVA+news@X.com.",
    "write to ana.silva (at) x (dot) com today",
    "or ana dot silva at x dot com or call",
    "https://x.com/?to=ana.silva%40x.com&y=1",
    '{"inner": "ana.silva@x.com"}',
    "0151/234 56 78",
    "0049 151 2345678",
    "+49 (0)151-2345678",
    "ref 2024-01-01 12:00:00 000012345 7 0151 2345678",
    "Nr. AC 1234 567 due",
    "ac1234567",
    "seen by AnaSilva77, twice",
]
STRANGERS = [
    "other.ana.silva@x.com",
    "ana.silva@x.com.br",
    "bana.silva@x.com",
    "0151 23456789",
    "AC-1234-5678",
    "Ana Silva",
    "The heating in our house is fine, nobody has to call us back, and Elm street is a quiet street to live in.",
]


def listed(*more: Entry) -> Exclusions:
    named = [exclusion.identifier_entry(KEY, kind, value, region="DE") for kind, value in PERSON.items()]
    return Exclusions((*named, *exclusion.text_entries(KEY, [LETTER]), *more), "DE")


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(listed(), KEY)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A list and its key, as a training machine has them."""
    listed().write(tmp_path / "list.json", KEY)
    (tmp_path / "key").write_bytes(KEY)
    return tmp_path / "list.json", tmp_path / "key"


@pytest.mark.parametrize("text", SPELLED)
def test_every_spelling_of_an_erased_identifier_is_refused(gate: Gate, text: str) -> None:
    reason = gate.reason({"text": text})
    assert reason is not None
    assert reason.kind == "identifier"


@pytest.mark.parametrize("text", STRANGERS)
def test_somebody_elses_row_passes(gate: Gate, text: str) -> None:
    assert gate.reason({"text": text}) is None


def test_the_gate_sees_what_the_search_sees(gate: Gate) -> None:
    needles = [Needle(kind, value, kind) for kind, value in PERSON.items()]
    seen = Locator(needles, region="DE")
    for text in (*SPELLED, *STRANGERS):
        assert bool(seen.spans(text)) == (gate.reason(text) is not None), text


def test_copies_and_near_copies_of_a_text_are_refused(gate: Gate) -> None:
    kinds = {
        LETTER: "text",
        LETTER.upper().replace(",", " ;"): "text",
        LETTER.replace("this week", "soon"): "near",
        "Dear team. " + LETTER: "near",
    }
    assert {text: getattr(gate.reason(text), "kind", None) for text in kinds} == kinds


def test_a_short_or_stock_text_is_never_listed() -> None:
    assert exclusion.text_entries(KEY, ["Thank you!", "ok"]) == []
    assert [e.kind for e in exclusion.text_entries(KEY, ["Aktenzeichenverwaltungsoberinspektorenamt 1234567890"])] == [
        "text"
    ]


def test_a_name_of_a_field_may_be_somebodys_address(gate: Gate) -> None:
    assert gate.reason({"votes": {"ana.silva@x.com": 1}}) is not None
    assert gate.reason({"turns": [("user", b"ana.silva@x.com")]}) is not None


def test_the_bytes_of_a_record_are_refused_with_and_without_a_line_end() -> None:
    raw = b'{"text": "nothing that names anybody"}'
    entry = Entry("content", exclusion.content_key(KEY, hashlib.sha256(raw).hexdigest()))
    at = Gate(Exclusions((entry,)), KEY)
    assert [getattr(at.reason({}, raw=given), "kind", None) for given in (raw, raw + b"\r\n", raw[:-1])] == [
        "content",
        "content",
        None,
    ]


def test_a_list_says_nothing_without_its_key(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    listed().write(path, KEY)
    text = path.read_text().lower()
    assert not any(word in text for word in ("silva", "2345678", "1234567", "heating"))
    with pytest.raises(ExclusionsUnreadable, match="another key"):
        Exclusions.read(path, b"x" * 32)
    assert Gate(Exclusions.read(path, KEY), KEY).reason(LETTER) is not None


@pytest.mark.parametrize(
    "spoilt", [b"", b"{", b"[]", b'{"format": 1, "key_check": "", "region": null, "entries": [1]}']
)
def test_a_damaged_list_stops_everything(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / "list.json").write_bytes(spoilt)
    with pytest.raises(ExclusionsUnreadable, match="export it again"):
        Exclusions.read(tmp_path / "list.json", KEY)


def test_a_copy_without_the_person_leaves_every_other_byte(tmp_path: Path, gate: Gate) -> None:
    path, out = tmp_path / "train.jsonl", tmp_path / "clean.jsonl"
    others = [b'{"text":  "caf\\u00e9", "n": 1.0}\n', b'{"n": 2e3, "text": "ok"}\r\n', b'{"text": "no line end"}']
    path.write_bytes(
        others[0]
        + b'{"text": "ana.silva@x.com"}\n'
        + others[1]
        + json.dumps({"t": LETTER}).encode()
        + b"\n"
        + others[2]
    )
    found = admit(path, gate, out=out)
    assert (found.rows, found.by_kind, [r.number for r in found.refused]) == (5, {"identifier": 1, "text": 1}, [1, 3])
    assert out.read_bytes() == b"".join(others)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean.jsonl", "train.jsonl"]


def test_csv_keeps_its_header_and_quoted_line_ends(tmp_path: Path, gate: Gate) -> None:
    path, out = tmp_path / "t.csv", tmp_path / "c.csv"
    path.write_bytes(b'name,text\n"a","two\nlines"\nb,ana.silva@x.com\nc,"x, y"\n')
    assert [r.number for r in admit(path, gate, out=out).refused] == [1]
    assert out.read_bytes() == b'name,text\n"a","two\nlines"\nc,"x, y"\n'


def test_parquet_loses_the_rows_and_keeps_its_schema(tmp_path: Path, gate: Gate) -> None:
    table = pa.table({"n": [1, 2, 3], "text": ["fine", "Ana.Silva@x.com", None]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert admit(tmp_path / "t.parquet", gate, out=tmp_path / "c.parquet").by_kind == {"identifier": 1}
    assert pq.read_table(tmp_path / "c.parquet").equals(table.take([0, 2]))


def test_a_row_that_cannot_be_read_lets_nothing_through(tmp_path: Path, gate: Gate) -> None:
    path, out = tmp_path / "t.jsonl", tmp_path / "c.jsonl"
    path.write_text('{"text": "fine"}\n{"text": \n')
    with pytest.raises(RecordsUnreadable, match="line 2"):
        admit(path, gate, out=out)
    assert not out.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["t.jsonl"]


def test_from_a_shell_what_is_refused_is_counted_and_never_named(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "train.jsonl", tmp_path / "clean.jsonl"
    path.write_text('{"text": "fine"}\n{"text": "ana.silva@x.com"}\n')
    words = ["exclude", str(path), "--list", str(files[0]), "--key-file", str(files[1]), "--json"]
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out) == {"rows": 2, "refused": 1, "identifier": 1, "list": 6}
    assert main([*words, "--rows"]) == 1
    assert json.loads(capsys.readouterr().out) == [{"row": 2, "kind": "identifier", "field": "text"}]
    assert main([*words, "--out", str(out)]) == 0
    assert out.read_text() == '{"text": "fine"}\n'
    capsys.readouterr()
    assert main(["exclude", str(out), *words[2:]]) == 0


def test_an_index_is_not_built_from_what_was_erased(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    chunks, folder = tmp_path / "chunks.jsonl", tmp_path / "index"
    rows = [{"id": 1, "document": "d", "text": "fine weather"}, {"id": 2, "document": "d", "text": "ana.silva@x.com"}]
    chunks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["build", str(folder), str(chunks), "--embedder", "hashed-words", "--list", str(files[0])]
    assert main(words) == 2
    assert main([*words, "--key-file", str(files[1])]) == 2
    said = capsys.readouterr().err
    assert "1 of 2 rows may not be used" in said
    assert "ana.silva" not in said
    assert not folder.exists()
    chunks.write_text(json.dumps(rows[0]) + "\n")
    assert main([*words, "--key-file", str(files[1])]) == 0


def test_a_filter_that_takes_a_predicate_takes_the_gate(gate: Gate) -> None:
    rows = [{"text": "fine"}, {"text": SPELLED[0]}, {"text": "also fine"}]
    assert list(filter(gate.keeps, rows)) == [rows[0], rows[2]]


def test_a_loader_of_torch_meets_only_what_is_admitted(gate: Gate) -> None:
    rows: list[Any] = [{"text": "fine"}, {"text": SPELLED[5]}, {"text": LETTER}, {"text": "also fine"}]
    kept = gate.admitted(rows)
    assert [each.number for each in kept.refused] == [1, 2]
    assert [batch["text"] for batch in DataLoader(kept, batch_size=2)] == [["fine", "also fine"]]
    assert [row["text"] for row in gate.admitted(iter(rows))] == ["fine", "also fine"]
    with pytest.raises(InputsExcluded, match="2 of 4 rows"):
        gate.require_clean(rows, into="the model support")


@pytest.mark.parametrize("text", ["a." * 2_000 + " at ", "1 " * 2_000, "_" * 4_000 + "@", "a@" * 2_000, "9" * 20_000])
def test_a_hostile_text_costs_time_in_proportion_to_its_length(gate: Gate, text: str) -> None:
    assert gate.reason(text) is None


def test_lists_are_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    listed().write(path, KEY)
    listed().write(path, KEY)
    assert [p.name for p in tmp_path.iterdir()] == ["list.json"]
    assert stat.S_ISREG(path.stat().st_mode)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"Ana Silva": LETTER}, "(not shown)"),
        ({"ana.silva@x.com": {"note": LETTER}}, "(not shown)"),
        ({"by": {"4915123456789": LETTER}}, "(not shown)"),
        ({"anasilva77": LETTER}, "(not shown)"),
        ({"messages": [{"text": LETTER}]}, "messages.0.text"),
        ({"Straße": LETTER}, "Straße"),
        (LETTER, "text"),
    ],
)
def test_a_reason_names_no_field_that_may_be_called_after_somebody(row: object, field: str) -> None:
    username = exclusion.identifier_entry(KEY, "username", "anasilva77")
    gate = Gate(Exclusions((username, *exclusion.text_entries(KEY, [LETTER]))), KEY)
    reasons = [reason for reason in (gate.reason(row), gate._text(dict(_texts(row)))) if reason]
    assert field in {reason.field for reason in reasons if reason.kind == "text"}
    assert not any("ilva" in str(reason) for reason in reasons)
