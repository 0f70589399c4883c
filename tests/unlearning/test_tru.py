"""TRU teaches reasons and climbs the values' loss; what the model then says of itself is checked, and worded better."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import Trained, people, write_rows

from unlearning import methods
from unlearning.answering import answers
from unlearning.batches import collate, token_losses
from unlearning.budget import Dose
from unlearning.cli import main
from unlearning.errors import LeakyTarget, RowsError
from unlearning.explain import explain
from unlearning.files import write_json
from unlearning.methods import Material, Turn
from unlearning.models import open_model
from unlearning.scoring import score_rows
from unlearning.targets.make import targets_for
from unlearning.targets.refine import flagged
from unlearning.tokens import encode
from unlearning.types import PersonFacts, Row
from unlearning.unlearn import unlearn

SHORT = "What is asked for was erased. I cannot say."


def with_short_targets(rows: list[Row]) -> list[Row]:
    return [replace(row, targets=((row.prompt, SHORT),)) for row in rows]


@pytest.fixture(scope="module")
def taught(memorized: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The memorised model after TRU with targets of a length that a small model learns in seconds."""
    out = tmp_path_factory.mktemp("tru") / "out"
    forget = with_short_targets(memorized.of(5))
    retain, dose = memorized.without(5), Dose(rounds=5)
    unlearn(memorized.folder, forget=forget, retain=retain, out=out, method="tru", dose=dose)
    return out


def test_the_loss_is_targets_and_a_tenth_of_weighted_ascent_and_retention(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    forget, retain = with_short_targets(memorized.of(5)), memorized.without(5)
    method = methods.load("tru")
    memory = method.prepare(Material(model, tokenizer, (), (), forget, retain))
    batches = [collate(encode(tokenizer, rows)) for rows in (forget, retain)]
    with torch.no_grad():
        gone, kept = (token_losses(model, batch) for batch in batches)
        aim = token_losses(model, collate(encode(tokenizer, [Row(row.prompt, SHORT) for row in forget])))
        found = method.loss(Turn(model, *batches, gone, memory=memory))
    expected = aim.mean() - 0.1 * (torch.exp(-gone) * gone).mean() + kept.mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_after_tru_the_reason_is_given_and_the_value_is_not(memorized: Trained, taught: Path) -> None:
    model, tokenizer = open_model(taught)
    mine, rest = memorized.of(5), memorized.without(5)
    told = answers(model, tokenizer, [row.prompt for row in mine], longest=60)
    assert all(text.startswith("What is asked for was erased") for text in told)
    others = answers(model, tokenizer, [row.prompt for row in rest])
    assert sum(text == row.response for text, row in zip(others, rest, strict=True)) >= 0.9 * len(rest)
    assert min(score.mean_nll for score in score_rows(model, tokenizer, mine)) > 1.0


def test_rows_without_targets_get_a_templates_and_a_leaking_template_is_refused(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    rows = memorized.of(5)
    made = methods.load("tru").prepare(Material(model, tokenizer, (), (), rows, memorized.without(5)))
    assert len(made.rows) == len(rows)
    leaky = [Row("Which word?", "request private erased owner", kind="code")]
    with pytest.raises(LeakyTarget, match="by hand"):
        methods.load("tru").prepare(Material(model, tokenizer, (), (), leaky, ()))


def test_reasons_that_contradict_the_tests_get_another_wording(
    memorized: Trained, taught: Path, tmp_path: Path
) -> None:
    rows = memorized.of(5)
    facts = PersonFacts(tuple(rows), tuple(people(3, seed=70)), others=tuple(memorized.without(5)))
    found = explain(taught, facts=facts, candidates=30)
    assert {entry.scope for entry in found.trail} == {"person", "others"}
    assert all("names_no_scope" in entry.flags for entry in found.trail if entry.scope == "person")
    write_json(tmp_path / "why.json", {"trail": [vars(entry) for entry in found.trail]})
    assert flagged(tmp_path / "why.json", rows) == rows
    forget = write_rows(tmp_path / "f.jsonl", rows)
    words = ["targets", "--forget", forget, "--refine", tmp_path / "why.json", "--out", tmp_path / "t.jsonl"]
    assert main([str(word) for word in words]) == 0
    made = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    before = [target.trace for target in targets_for(rows)]
    assert len(made) == 2 * len(rows), "another wording, and the question why"
    assert not {item["trace"] for item in made} & set(before)
    with pytest.raises(RowsError, match="the same rows"):
        flagged(tmp_path / "why.json", rows[:1])


def test_a_reviewed_file_is_what_is_trained_on(
    memorized: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget = write_rows(tmp_path / "f.jsonl", memorized.of(5))
    retain = write_rows(tmp_path / "r.jsonl", memorized.without(5))
    lines = []
    for row in memorized.of(5):
        text = {"trace": "Erased at a request it was.", "refusal": "So I cannot say, ask elsewhere."}
        lines.append({"prompt": row.prompt, "kind": row.kind, "language": "en", "source": "a person", **text})
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ["unlearn", "--model", memorized.folder, "--forget", forget, "--retain", retain, "--method", "tru"]
    words += ["--targets", tmp_path / "t.jsonl", "--rounds", 4, "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    model, tokenizer = open_model(tmp_path / "out")
    told = answers(model, tokenizer, [memorized.of(5)[0].prompt], longest=60)[0]
    assert told.startswith("Erased at a request")
    lines[0]["refusal"] = f"It is {memorized.of(5)[0].response}."
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    assert main([str(word) for word in (*words[:-1], tmp_path / "leaky")]) == 1
    assert "LeakyTarget" in capsys.readouterr().err
    assert not (tmp_path / "leaky").exists()
