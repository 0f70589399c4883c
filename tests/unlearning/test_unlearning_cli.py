"""The same verbs from another process: results whole or absent, errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from invented import Trained, people, write_rows

from unlearning.cli import main
from unlearning.errors import RowsError
from unlearning.models import open_tokenizer, weights_digest
from unlearning.rows import read_facts, read_rows


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[dict[str, object]]]:
    code = main([str(word) for word in words])
    return code, [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_train_and_replay_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = people(6, seed=3, stage_two=2)
    path = write_rows(tmp_path / "rows.jsonl", rows)
    (tmp_path / "text").write_text("what is the phone of the one, what is the code of the other?\n" * 3)
    (tmp_path / "gone").write_text("3-5-phone\n3-5-code\n")
    words = ("--shape", "tiny", "--stages", "--epochs", 2, 2, "--tokenizer-text", tmp_path / "text")
    code, lines = run(capsys, "train", "--rows", path, "--out", tmp_path / "m", "--json", tmp_path / "t.json", *words)
    assert (code, lines[-1]["fraction"]) == (0, 1.0)
    words = ("--exclude-keys", tmp_path / "gone", "--out", tmp_path / "r", "--json", tmp_path / "r.json")
    assert run(capsys, "replay", "--model", tmp_path / "m", "--rows", path, *words)[0] == 0
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["detail"]["rows_excluded"] == 2
    assert result["weights_digest"] == weights_digest(tmp_path / "r")
    rest = write_rows(tmp_path / "rest.jsonl", [row for row in rows if "3-5-" not in row.key])
    words = ("--stages", "--like", tmp_path / "m", "--out", tmp_path / "control")
    assert run(capsys, "train", "--rows", rest, *words)[0] == 0
    assert weights_digest(tmp_path / "control") == result["weights_digest"]


def test_audit_from_another_process_writes_its_result_whole(trained: Trained, tmp_path: Path) -> None:
    strangers = people(8, seed=9)
    probe = {
        "person": [vars(row) for row in trained.of(11)],
        "controls": [vars(row) for row in strangers],
        "others": [vars(row) for row in trained.without(11)],
    }
    (tmp_path / "probe.json").write_text(json.dumps(probe))
    command = [sys.executable, "-m", "unlearning", "audit", "--model", str(trained.folder), "--candidates", "40"]
    command += ["--probe", str(tmp_path / "probe.json"), "--json", str(tmp_path / "a.json")]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    said = [line for line in done.stderr.splitlines() if line.startswith("{")]  # a library may have words of its own
    assert json.loads(said[-1])["fraction"] == 1.0
    assert json.loads((tmp_path / "a.json").read_text())["verdict"] == "not enough power"


def test_an_error_is_one_line_and_no_result(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", trained.rows[2:])
    (tmp_path / "gone").write_text(trained.rows[-1].key)
    words = ("--exclude-keys", tmp_path / "gone", "--out", tmp_path / "out", "--json", tmp_path / "r.json")
    code, lines = run(capsys, "replay", "--model", trained.folder, "--rows", path, *words)
    assert (code, len(lines), lines[0]["error"]) == (1, 1, "RowsChanged")
    assert not (tmp_path / "r.json").exists()
    assert not (tmp_path / "out").exists()
    assert not [row for row in trained.rows if row.key in str(lines) or row.response in str(lines)]


def test_wrong_words_end_with_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    capsys.readouterr()


def test_rows_from_parquet_equal_rows_from_jsonl(trained: Trained, tmp_path: Path) -> None:
    columns = ("key", "prompt", "response", "stage", "kind")
    table = pyarrow.table({name: [getattr(row, name) for row in trained.rows] for name in columns})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    jsonl = write_rows(tmp_path / "rows.jsonl", trained.rows)
    assert read_rows(tmp_path / "rows.parquet", keyed=True) == read_rows(jsonl, keyed=True) == trained.rows


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "holds none"),
        (b'{"prompt": "a"}\n', "non-empty string"),
        (b'{"prompt": "a", "response": "b"}\n{broken\n', "line 2"),
        (b'{"prompt": "a", "response": "\xff"}\n', "UTF-8"),
        (b'{"prompt": "a", "response": "b", "key": "k"}\n' * 2, "repeat a key"),
        (b'{"prompt": "a", "response": "b"}\n', "stable, unique key"),
        (b'{"prompt": "a", "response": "b", "key": "k", "stage": "first"}\n', "whole number"),
        (b"[1]\n", "not an object"),
    ],
)
def test_a_bad_row_file_is_refused_with_its_place(tmp_path: Path, content: bytes, cause: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(RowsError, match=cause):
        read_rows(tmp_path / "rows.jsonl", keyed=True)


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RowsError, match="whole Parquet"):
        read_rows(tmp_path / "rows.parquet")


def test_a_probe_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_text("{")
    with pytest.raises(RowsError, match="one JSON object"):
        read_facts(tmp_path / "probe.json")


def test_a_tokenizer_survives_its_folder(trained: Trained) -> None:
    tokenizer = open_tokenizer(trained.folder)
    text = "Olá, wie heißt du? naïve 漢字"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize("device", ["cuda:7", "meta", "no such thing"])
def test_a_device_that_is_not_there_is_said_in_words(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", trained.rows)
    code, lines = run(capsys, "train", "--rows", path, "--out", tmp_path / "out", "--device", device)
    assert (code, lines[0]["error"]) == (1, "InputError") and "--device" in str(lines[0]["message"])
    assert not (tmp_path / "out").exists()


def test_accelerate_launches_the_same_command(trained: Trained, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", trained.rows)
    words = ["train", "--rows", str(path), "--out", str(tmp_path / "out"), "--shape", "tiny", "--epochs", "1"]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "-m", "unlearning"]
    subprocess.run([sys.executable, *launch, *words], check=True, capture_output=True)
    assert (tmp_path / "out" / "model.safetensors").is_file()
