"""What asks a model about a person meets bad rows, bad models and bad words with one clear line, and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from invented import Trained, people, write_rows
from safetensors.torch import load_file, save_file

from unlearning.attack import attack, struck
from unlearning.attacks import TABLE
from unlearning.audit import STANDARD, audit
from unlearning.cli import main
from unlearning.edit import edit
from unlearning.errors import ModelError, RowsError, UnknownName
from unlearning.evaluate import evaluate_folder
from unlearning.examined import Examined
from unlearning.explain import explain
from unlearning.models import open_model
from unlearning.tokens import make_tokenizer
from unlearning.types import PersonFacts, Row

ASKING = ("audit", "attack", "evaluate", "explain")


@pytest.fixture(scope="module")
def facts(trained: Trained) -> PersonFacts:
    return PersonFacts(tuple(trained.of(11)), tuple(people(4, seed=60)), others=tuple(trained.without(11)))


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, str]:
    """The one line that a refused verb says."""
    assert main([str(word) for word in words]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "error" in lines[-1]
    found: dict[str, str] = lines[-1]
    return found


def probe(facts: PersonFacts) -> dict[str, object]:
    return {name: [asdict(row) for row in getattr(facts, name)] for name in ("person", "controls", "others")}


@pytest.mark.parametrize("verb", ASKING)
@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "one JSON object"),
        (b"\xff\xfe\x00", "one JSON object"),
        (b"[]", "not an object"),
        (b'{"person": {}}', "needed"),
        (b'{"person": "Ana"}', "list of rows"),
        (b'{"person": [{"prompt": "q"}]}', "non-empty string"),
        (b'{"person": [{"prompt": "q", "response": "a", "paraphrases": [1]}]}', "list of texts"),
        (b'{"person": [{"prompt": "q", "response": "a", "value": "b"}]}', "letter for letter"),
        (b'{"person": [{"prompt": "q", "response": "a"}], "candidates": [1]}', "each kind"),
        (b'{"person": [], "controls": []}', "needed"),
    ],
)
def test_a_bad_probe_is_refused_in_one_line(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, content: bytes, cause: str
) -> None:
    (tmp_path / "p.json").write_bytes(content)
    words = ("--model", trained.folder, "--probe", tmp_path / "p.json", "--json", tmp_path / "out.json")
    said = refused(capsys, verb, *words)
    assert said["error"] == "RowsError"
    assert cause in said["message"]
    assert not (tmp_path / "out.json").exists()


def test_a_person_among_the_never_seen_is_refused(trained: Trained, facts: PersonFacts) -> None:
    mixed = replace(facts, controls=(*facts.controls, facts.person[0]))
    for work in (audit, attack, evaluate_folder, explain):
        with pytest.raises(RowsError, match="among the never-seen"):
            work(trained.folder, facts=mixed)


def test_rows_come_from_files_too_and_not_from_both(
    trained: Trained, facts: PersonFacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {name: write_rows(tmp_path / f"{name}.jsonl", getattr(facts, name)) for name in ("person", "controls")}
    words = [word for name, path in paths.items() for word in (f"--{name}", path)]
    out = tmp_path / "out.json"
    given = ("evaluate", "--model", trained.folder, *words, "--metrics", "memorization", "rouge", "--json", out)
    assert main([str(word) for word in given]) == 0
    names = {item["name"] for item in json.loads(out.read_text())["measurements"]}
    assert {"extraction_strength", "rouge_l_f1", "samples_for_even_odds"} <= names
    capsys.readouterr()
    (tmp_path / "p.json").write_text(json.dumps(probe(facts)))
    said = refused(capsys, "audit", "--model", trained.folder, *words, "--probe", tmp_path / "p.json")
    assert "either --probe" in said["message"]


@pytest.mark.parametrize(
    ("verb", "word", "name"),
    [("audit", "--attacks", "magic"), ("attack", "--attacks", "magic"), ("evaluate", "--metrics", "magic")],
)
def test_names_that_do_not_exist_are_refused_before_anything_is_measured(
    trained: Trained, facts: PersonFacts, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    verb: str, word: str, name: str,
) -> None:  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps(probe(facts)))
    said = refused(capsys, verb, "--model", trained.folder, "--probe", tmp_path / "p.json", word, name)
    assert said["error"] == "UnknownName"
    assert "choose one of" in said["message"]


@pytest.mark.parametrize("count", ["0", "9", "-5", "many", "1000000000"])
def test_a_foolish_number_of_candidates_is_a_wrong_word(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", "--model", "m", "--probe", "p", f"--candidates={count}"])
    assert ended.value.code == 2
    capsys.readouterr()


def not_finite(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    next(iter(weights.values()))[0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def truncated(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def remote(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))


def without_words(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize("spoil", [not_finite, truncated, pickled, remote, without_words])
def test_a_bad_model_is_refused_by_every_verb_that_asks(
    copied: Callable[[], Path], facts: PersonFacts, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = copied()
    spoil(folder)
    for work in (audit, attack, evaluate_folder, explain):
        with pytest.raises(ModelError):
            work(folder, facts=facts)
    with pytest.raises(ModelError):
        edit(folder, rows=facts.person, text=facts.others, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"verb": "replay", "exactness": "exact", "digest": "00"}'])
def test_a_receipt_that_is_not_this_models_own_is_refused(
    trained: Trained, facts: PersonFacts, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ModelError, match="receipt"):
        audit(trained.folder, facts=facts, receipt=tmp_path / "r.json")


def test_every_standard_attack_is_in_the_table_and_unknown_ones_are_refused(
    trained: Trained, facts: PersonFacts
) -> None:
    assert set(STANDARD) == set(TABLE) - {"relearn", "benign_finetune_100", "sampling"}
    with pytest.raises(UnknownName):
        audit(trained.folder, facts=facts, attack_names=("magic",))


def test_one_fact_alone_makes_some_attacks_impossible_and_that_is_said(trained: Trained, facts: PersonFacts) -> None:
    alone = replace(facts, person=facts.person[:1], controls=facts.controls[:1], others=())
    names = ("relearn", "soft_prompt", "multi_hop", "in_context", "benign_finetune", "int8")
    found = attack(trained.folder, facts=alone, names=names, candidates=20)
    assert found.attacks == ("int8",)
    assert set(found.not_applicable) == set(names) - {"int8"}


def test_the_persons_own_rows_are_never_trained_on_in_a_harmless_fine_tuning(
    memorized: Trained, facts: PersonFacts
) -> None:
    """A caller who lists the person among the others would teach the values and then find them."""
    model, tokenizer = open_model(memorized.folder)
    strangers = tuple(people(2, seed=61))
    asked = replace(facts, person=strangers[:2], others=(*facts.others, *strangers[:2]))
    found, _ = struck(Examined(model, tokenizer, asked, candidates=30), names=["benign_finetune"])
    values = {item.name: item.value for item in found if item.scope == "person"}
    assert values["benign_finetune.extraction"] == 0.0


def test_text_in_every_script_is_asked_about(trained: Trained) -> None:
    odd = ("Ω≈ç√∫", "漢字かな", "עברית", "🙂🙃", "a\u0000b", "</s><s><pad>", "{prompt}", "%s %d", "\\1")
    rows = tuple(Row(f"What is the code of {text}?", f"{text} {place}", kind="code") for place, text in enumerate(odd))
    facts = PersonFacts(rows[:3], rows[3:], others=tuple(trained.without(11))[:6])
    names = ("indirect", "cross_language", "jailbreak", "in_context")
    found = attack(trained.folder, facts=facts, names=names, candidates=12)
    assert found.attacks == names
    assert explain(trained.folder, facts=facts, candidates=12).trail


def test_a_tokenizer_with_more_words_than_the_model_is_refused(copied: Callable[[], Path], facts: PersonFacts) -> None:
    folder = copied()
    words = [f"{first}{second}{third}" for first in "bdfgk" for second in "aeiou" for third in "lmnrst"]
    make_tokenizer([" ".join(words)] * 3, size=2000).save_pretrained(folder)
    with pytest.raises(ModelError, match="tokenizer"):
        audit(folder, facts=facts)
