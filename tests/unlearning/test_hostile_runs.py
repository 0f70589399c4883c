"""Train, replay and unlearn given what is empty, huge, broken or meant to harm: a clear error and no model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import Trained, write_rows
from safetensors.torch import load_file, save_file

from unlearning.cli import main
from unlearning.errors import (
    Diverged,
    LedgerError,
    ModelError,
    NotFinite,
    PickledWeights,
    RemoteCode,
    RowsError,
    UnlearningError,
)
from unlearning.replay import replay
from unlearning.rows import read_rows
from unlearning.schedule import plan_for
from unlearning.training import train
from unlearning.types import Row
from unlearning.unlearn import check_rows, unlearn

Copy = Callable[[], Path]


MODEL, OUT = ("--model", "{model}"), ("--out", "{out}")


def nothing_in(folder: Path, *, but: tuple[str, ...] = ()) -> bool:
    """Whether no model appeared; what a killed run may go on with is hidden and is no model."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")} <= set(but)


def _nan(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /nowhere'\ntR.")


def _code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "m.Model"}}))


def _tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


BROKEN = {"nan": (_nan, NotFinite), "pickle": (_pickle, PickledWeights), "code": (_code, RemoteCode)}
BROKEN |= {"tokenizer": (_tokenizer, ModelError), "cut": (_cut, ModelError)}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_model_is_not_unlearned(trained: Trained, copied: Copy, tmp_path: Path, kind: str) -> None:
    spoil, error = BROKEN[kind]
    folder = copied()
    spoil(folder)
    with pytest.raises(error):
        unlearn(folder, forget=trained.of(5), retain=trained.without(5), out=tmp_path / "out")
    assert nothing_in(tmp_path, but=("copy",))


@pytest.mark.parametrize("name", ["key", "steps.jsonl", "rows.jsonl", "run.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[]\n"], ids=["empty", "not UTF-8", "another shape"])
def test_a_broken_ledger_is_a_ledger_error(
    trained: Trained, copied: Copy, tmp_path: Path, name: str, content: bytes
) -> None:
    folder = copied()
    (folder / "ledger" / name).write_bytes(content)
    with pytest.raises(LedgerError):
        replay(folder, rows=trained.rows, exclude_keys=[trained.rows[0].key], out=tmp_path / "out")
    assert nothing_in(tmp_path, but=("copy",))


def test_an_altered_checkpoint_is_not_replayed_from(trained: Trained, copied: Copy, tmp_path: Path) -> None:
    folder = copied()
    state = next((folder / "ledger" / "checkpoints").rglob("model.safetensors"))
    content = state.read_bytes()
    state.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UnlearningError, match="use another checkpoint"):
        replay(folder, rows=trained.rows, exclude_keys=[row.key for row in trained.of(11)], out=tmp_path / "out")
    assert nothing_in(tmp_path, but=("copy",))


def test_one_huge_row_is_refused_or_cut_where_a_limit_was_named_and_the_result_says_so(
    trained: Trained, tmp_path: Path
) -> None:
    huge = Row("What is it? " * 20_000, "x" * 200_000, key="huge")
    rows = [replace(row, stage=1) for row in trained.rows[:6]] + [huge]
    with pytest.raises(RowsError, match="1 rows have more than 2048 tokens"):
        train(rows, out=tmp_path / "out", plan=plan_for(rows, shape="tiny", epochs=(1,)))
    assert nothing_in(tmp_path)
    done = train(rows, out=tmp_path / "out", plan=plan_for(rows, shape="tiny", epochs=(1,), longest=128))
    assert (done.detail["rows"], done.detail["rows_cut"], done.detail["cut_at"]) == (7, 1, 128)


def test_text_of_any_script_and_control_characters_pass(tmp_path: Path) -> None:
    strange = ["\x00\x01", "𝒜漢字🙂\u202e", "</s><s><pad>", "\ud7ff\u0000" * 9, " " * 50 + "."]
    rows = [Row(f"q{place}", text, key=str(place)) for place, text in enumerate(strange)]
    done = train(rows, out=tmp_path / "out", plan=plan_for(rows, shape="tiny", epochs=(1,)))
    assert done.detail["rows"] == len(strange)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"prompt": "q", "response": "\\ud800 1"}', "half a character"),
        (b'{"prompt": "q", "response": "a", "paraphrases": ["\\udfff"]}', "half a character"),
        (b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b', "response": "a"}', "not valid JSON"),
        (b'{"prompt": "q", "response": "a", "paraphrases": 5}', "a list of texts"),
        (b'{"prompt": "q", "response": "a", "stage": 1e999}', "a whole number"),
    ],
    ids=["surrogate", "surrogate elsewhere", "nested", "number for list", "endless stage"],
)
def test_a_row_that_nothing_could_read_is_refused_in_words(tmp_path: Path, line: bytes, why: str) -> None:
    (tmp_path / "rows").write_bytes(line + b"\n")
    with pytest.raises(RowsError, match=why):
        read_rows(tmp_path / "rows")


def test_a_value_that_its_row_does_not_say_is_refused_and_not_called_forgotten() -> None:
    forget, retain = [Row("Whose?", "+49 30 12", value="4930 12")], [Row("Who?", "Ed")]
    with pytest.raises(RowsError, match="letter for letter"):
        check_rows(forget, retain)


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b'\xef\xbb\xbf{"prompt": "q", "response": "a"}\r\n\r\n{"text": "b"}\r\n')
    assert [(row.prompt, row.response) for row in read_rows(tmp_path / "rows")] == [("q", "a"), ("", "b")]


def test_a_rate_that_explodes_ends_as_diverged_and_leaves_no_model(trained: Trained, tmp_path: Path) -> None:
    rows = [replace(row, stage=1) for row in trained.rows]
    plan = plan_for(rows, shape="tiny", epochs=(20,))
    wild = replace(plan, clip=1e30, stages=tuple(replace(stage, learning_rate=1e30) for stage in plan.stages))
    with pytest.raises((Diverged, NotFinite)):
        train(rows, out=tmp_path / "out", plan=wild)
    assert nothing_in(tmp_path)


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RowsError):
        train([], out=tmp_path / "out")
    assert nothing_in(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--rows", "{empty}", "--out", "{out}"),
        ("train", "--rows", "{binary}", "--out", "{out}"),
        ("train", "--rows", "{rows}", "--out", "{out}", "--shape", "huge"),
        ("unlearn", "--model", "{model}", "--forget", "{rows}", "--retain", "{rows}", "--out", "{out}"),
        ("unlearn", "--model", "{model}", "--forget", "{empty}", "--retain", "{rows}", "--out", "{out}"),
        (
            "unlearn",
            "--model",
            "{model}",
            "--forget",
            "{rows}",
            "--retain",
            "{rows}",
            "--out",
            "{out}",
            "--budget",
            "x",
        ),
        ("unlearn", "--model", "{nowhere}", "--forget", "{rows}", "--retain", "{rows}", "--out", "{out}"),
        ("replay", "--model", "{model}", "--rows", "{rows}", "--exclude-keys", "{binary}", "--out", "{out}"),
        ("replay", "--model", "{nowhere}", "--rows", "{rows}", "--exclude-keys", "{rows}", "--out", "{out}"),
        ("shards", "train", "--out", "{out}"),
        ("shards", "merge", "--shards", "{model}", "--out", "{out}"),
        ("tune", "--model", "{model}", "--forget", "{rows}", "--retain", "{rows}"),
        ("subtract", *MODEL, "--checkpoint", "{nowhere}", "--forget", "{one}", "--retain", "{rest}", *OUT),
        ("retrain", "--model", "{model}", "--rows", "{rows}", "--exclude-keys", "{empty}", "--out", "{out}"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_shell_gets_one_line_and_no_model(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01")
    places = {name: tmp_path / name for name in ("empty", "binary", "out", "nowhere")} | {"model": trained.folder}
    places["rows"] = write_rows(tmp_path / "rows.jsonl", trained.rows)
    places["one"] = write_rows(tmp_path / "one.jsonl", trained.of(5))
    places["rest"] = write_rows(tmp_path / "rest.jsonl", trained.without(5))
    code = main([word.format(**places) if "{" in word else word for word in words])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert code == 1
    assert "unexpected" not in lines[-1]["message"], lines[-1]
    assert not (tmp_path / "out").exists()
    assert not [row for row in trained.rows if row.key in str(lines) or row.response in str(lines)]


def test_a_full_disk_is_said_and_leaves_no_model(trained: Trained, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", trained.rows)
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "from unlearning.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["train", "--rows", str(rows), "--out", str(tmp_path / "out"), "--shape", "tiny", "--epochs", "1"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    last = json.loads(done.stderr.splitlines()[-1])
    assert done.returncode == 1
    assert last["error"] == "NotWritten"
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_is_not_stepped_on(trained: Trained) -> None:
    from unlearning.applying import descend

    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with pytest.raises(Diverged, match="lower the learning rate"):
        descend((weight * float("nan")).sum(), model=None, optimizer=optimizer, doing="unlearning")
    assert weight.tolist() == [1.0, 1.0, 1.0]
