"""``python -m retrieval``: the whole way from a shell, with exit codes that scripts can trust."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from retrieval.__main__ import main

ROWS = [
    {"id": 1, "document": "d1", "text": "Ana Silva called from +49 151 2345678 about her invoice"},
    {"id": 2, "document": "d2", "text": "The weather in Berlin is fine"},
    {"id": 3, "document": "d3", "text": "Refund for order 77 to Ana.Silva@x.com"},
]


@pytest.fixture
def chunks(tmp_path: Path) -> Path:
    path = tmp_path / "chunks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out or "null")


def test_from_build_to_nothing_left(tmp_path: Path, chunks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, model, person = tmp_path / "i", ["--embedder", "hashed-words"], ["--identifier", "email:ana.silva@x.com"]
    queries = tmp_path / "queries.txt"
    queries.write_text(ROWS[2]["text"] + "\n")
    assert run(capsys, "build", folder, chunks, *model)[1]["count"] == 3
    assert run(capsys, "locate", chunks, *person)[1][0]["record"] == "3"
    assert run(capsys, "scan", folder, *person) == (1, [{"path": "gen-000001/chunks.jsonl", "count": 1}])
    assert run(capsys, "probe", folder, "--ids", 3, "--queries", queries, *model)[0] == 1
    assert run(capsys, "hide", folder, "--ids", 3)[1]["hidden"] == 1
    assert {hit["id"] for hit in run(capsys, "search", folder, "refund", *model)[1]} == {1, 2}
    assert run(capsys, "erase", folder, "--ids", 3)[1]["removed"] == 1
    assert run(capsys, "scan", folder, *person) == (0, [])
    assert run(capsys, "probe", folder, "--ids", 3, "--queries", queries, *model)[1]["returned"] == 0


def test_errors_go_to_standard_error_with_code_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", str(tmp_path / "nowhere"), "--ids", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no index" in said.err


def test_identifiers_can_come_from_a_file(tmp_path: Path, chunks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "who.txt").write_text("phone:0151 2345678\n\nemail:ana.silva@x.com\n")
    code, found = run(capsys, "locate", chunks, "--identifiers", tmp_path / "who.txt", "--region", "DE")
    assert (code, [row["needle"] for row in found]) == (0, ["phone-1", "email-2"])


def test_a_broken_line_is_named_and_not_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.jsonl").write_text('{"a": "fine"}\n{"mail": "ana.silva@x.com"\n')
    assert main(["locate", str(tmp_path / "r.jsonl"), "--identifier", "email:ana.silva@x.com"]) == 2
    said = capsys.readouterr().err
    assert "line 2" in said
    assert "ana.silva" not in said


def test_a_frameworks_folder_and_a_cache_are_emptied_from_a_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(Path(__file__).with_name("folders") / "langchain", tmp_path / "l")
    assert run(capsys, "erase", folder, "--names", "id-3", "--documents", "mail-4")[1]["removed"] == 3
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.json").write_text('{"answer": "x", "documents": ["mail-4"]}')
    assert run(capsys, "empty", tmp_path / "c", "--documents", "mail-4")[1]["removed"] == {"a.json": 1}
    assert main(["erase", str(folder)]) == 2
    assert main(["empty", str(tmp_path / "c")]) == 2
