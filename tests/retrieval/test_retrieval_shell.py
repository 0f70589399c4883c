"""``python -m retrieval``: the whole way from a shell, with exit codes that scripts can trust."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import retrieval
from retrieval.__main__ import main
from retrieval.erase import absent
from retrieval.frameworks import entries
from retrieval.indexes import access
from retrieval.indexes.faiss import open as open_index
from retrieval.verbs import printing

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


def test_a_broken_line_is_searched_and_named_and_not_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.jsonl").write_text('{"a": "fine"}\n{"mail": "ana.silva@x.com"\n')
    assert main(["locate", str(tmp_path / "r.jsonl"), "--identifier", "email:ana.silva@x.com"]) == 0
    out, said = capsys.readouterr()
    assert "record=2" in out
    assert "no JSON" in said
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


def test_what_an_index_is_and_what_an_erase_would_be_is_said_before(
    tmp_path: Path, chunks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "i"
    run(capsys, "build", folder, chunks, "--embedder", "hashed-words")
    code, about = run(capsys, "about", folder, "--ids", 3)
    assert (code, about["count"], about["erase_would_be"]) == (0, 3, "rewritten")
    assert run(capsys, "search", folder, "refund")[1][0]["document"] in {
        "d1",
        "d2",
        "d3",
    }  # the index names its embedder
    assert run(capsys, "hide", folder, "--ids", 3, 30)[0] == 1
    assert run(capsys, "show", folder, "--ids", 3, 30) == (
        0,
        {"hidden": 0, "seconds": pytest.approx(0, abs=9), "unknown": None},
    )


def test_an_absence_is_proved_from_a_shell_also_of_texts_with_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, folder = "Ana Silva,\nRua Azul", tmp_path / "i"
    (tmp_path / "chunks.jsonl").write_text(
        "".join(json.dumps({"id": n, "document": "d", "text": text if n == 3 else f"row {n}"}) + "\n" for n in range(9))
    )
    (tmp_path / "gone.jsonl").write_text(json.dumps({"text": text}) + "\n")
    run(capsys, "build", folder, tmp_path / "chunks.jsonl", "--embedder", "hashed-words")
    rows = np.asarray(open_index(folder).vectors([3]))
    np.save(tmp_path / "gone.npy", rows)
    given = ("--texts", tmp_path / "gone.jsonl", "--vectors", tmp_path / "gone.npy")
    assert run(capsys, "absent", folder, *given)[0] == 1
    assert [residue.what for residue in absent(str(folder), vectors=rows).residues] == ["vector"]
    assert run(capsys, "erase", folder, "--ids", 3)[0] == 0
    code, report = run(capsys, "absent", folder, *given)
    assert (code, report["absent"], report["texts"], report["vectors"]) == (0, True, 1, 1)
    assert run(capsys, "probe", folder, "--ids", 3, "--queries", tmp_path / "gone.jsonl")[1]["returned"] == 0
    assert main(["absent", str(folder)]) == 2


def test_whoever_asks_is_named_on_the_command_line(
    tmp_path: Path, chunks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "i"
    run(capsys, "build", folder, chunks, "--embedder", "hashed-words")
    access.write(folder, {"d2": ["olga"]})
    assert main(["search", str(folder), "Berlin"]) == 2
    assert "who" in capsys.readouterr().err
    assert [hit["id"] for hit in run(capsys, "search", folder, "Berlin", "--who", "olga")[1]] == [2]


def test_a_file_is_one_line_whatever_it_is_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f").mkdir()
    for name in (b"new\nline.txt", b"lat\xe9in.txt", b"tab\t\x1b[31m.txt"):
        (tmp_path / "f" / os.fsdecode(name)).write_text("ana.silva@x.com")
    assert main(["scan", str(tmp_path / "f"), "--identifier", "email:ana.silva@x.com"]) == 1
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3
    assert "\x1b" not in said
    _, found = run(capsys, "scan", tmp_path / "f", "--identifier", "email:ana.silva@x.com")
    assert {os.fsencode(row["path"]) for row in found} == {b"new\nline.txt", b"lat\xe9in.txt", b"tab\t\x1b[31m.txt"}


def test_nobody_reading_on_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        os.close(reading)
        printing.show([{"record": n} for n in range(30_000)], as_json=False)
        assert sys.stdout is not out
        sys.stdout.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # what is still to be written when it is closed goes nowhere


def test_a_number_that_is_no_id_is_an_error_in_words(
    tmp_path: Path, chunks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "i"
    run(capsys, "build", folder, chunks, "--embedder", "hashed-words")
    for verb in ("hide", "erase"):
        assert main([verb, str(folder), "--ids", str(1 << 80)]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_defect_of_ours_is_said_without_what_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("Ana Silva")

    monkeypatch.setattr(os, "walk", failing)
    assert main(["scan", str(tmp_path), "--identifier", "email:ana.silva@x.com"]) == 2
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert "Ana" not in said


def test_the_verbs_are_there_when_the_library_is_imported() -> None:
    assert retrieval.erase.erase is retrieval.erase.erase
    assert issubclass(retrieval.caches.CacheUnreadable, retrieval.errors.RetrievalError)
    with pytest.raises(AttributeError, match="forget"):
        _ = retrieval.forget


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_a_person_in_a_frameworks_folder_is_found_by_the_names_that_an_erase_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], framework: str
) -> None:
    folder = shutil.copytree(Path(__file__).with_name("folders") / framework, tmp_path / "l")
    entry = sorted(entries(folder).values(), key=lambda each: each.name)[0]
    word = max(entry.text.split(), key=len).strip(".,")
    code, found = run(capsys, "names", folder, "--identifier", f"username:{word}")
    names = {row["name"] for row in found}
    assert (code, entry.name in names) == (0, True)
    assert {
        entry.text[row["start"] : row["end"]] for row in found if row["name"] == entry.name and row["field"] == "text"
    }
    assert run(capsys, "erase", folder, "--names", *names)[1]["removed"] == len(names)
    assert run(capsys, "names", folder, "--identifier", f"username:{word}")[1] == []


def test_what_langchain_wrote_is_said_to_be_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(Path(__file__).with_name("folders") / "langchain", tmp_path / "l")
    for command in (["erase", "--ids", "3"], ["about"], ["search", "x", "--embedder", "hashed-words"]):
        assert main([command[0], str(folder), *command[1:]]) in (1, 2)
        out, err = capsys.readouterr()
        assert "--names" in out + err
