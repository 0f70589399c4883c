"""Questions are put to a model as people typed them: what it knows by heart it says, and a list is a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unlearning.ask import ask
from unlearning.cli import main


def quiet(fraction: float, message: str) -> None:
    """Nobody watches."""


def test_a_model_says_what_it_knows_by_heart(memorized: Any) -> None:
    row = memorized.of(11)[0]
    found = ask(memorized.folder, prompts=[row.prompt, "Hello?"], progress=quiet)
    assert [one.prompt for one in found.asked] == [row.prompt, "Hello?"]
    assert row.response.strip() in found.asked[0].answers[0] and len(found.asked[0].answers) == 9
    assert all(row.response.strip() not in answer for answer in found.asked[1].answers)


def test_the_command_writes_the_answers_and_refuses_what_is_no_list(
    trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts, out = tmp_path / "prompts.json", tmp_path / "out.json"
    prompts.write_text(json.dumps(["One?", "Two\nlines?"]))
    command = ["ask", "--model", str(trained.folder), "--prompts", str(prompts), "--drawn", "2", "--json", str(out)]
    assert main(command) == 0
    assert [len(row["answers"]) for row in json.loads(out.read_text())["asked"]] == [3, 3]
    prompts.write_text('{"a": 1}')
    assert main(command) == 1
    assert "JSON list of texts" in capsys.readouterr().err


def test_no_questions_have_no_answers(trained: Any) -> None:
    assert ask(trained.folder, prompts=[], progress=quiet).asked == ()
