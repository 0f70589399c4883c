"""GPT-2, a chat model with a template, rows of bare text: the same verbs measure, attack and edit all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import TEXT, Trained, people
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

from unlearning.answering import answers, sampled
from unlearning.attack import attack
from unlearning.attacks import TABLE
from unlearning.attacks.benign_finetune import started
from unlearning.attacks.logit_lens import cut_after
from unlearning.attacks.quantise import levels
from unlearning.audit import audit, value_of
from unlearning.batches import collate, token_losses
from unlearning.edit import edit
from unlearning.errors import ModelError, UnknownName
from unlearning.evaluate import evaluate_folder
from unlearning.explain import blanked, explain, stance_of
from unlearning.models import digest, open_model, save_model
from unlearning.prefixes import shared_start
from unlearning.scoring import candidate_scores, score_rows
from unlearning.tokens import encode, make_tokenizer
from unlearning.types import PersonFacts, Row

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SIZES = {"vocab_size": 300, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def gpt2() -> object:
    return GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=160, resid_pdrop=0.0, **SIZES))


def llama() -> object:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(max_position_embeddings=160, tie_word_embeddings=True, **sizes, **SIZES))


def as_text(row: Row) -> Row:
    """The same fact as a sentence without a question."""
    return replace(row, prompt="", response=f"{row.prompt} {row.response}.", value=row.response)


CASES: dict[str, tuple[Callable[[], object], str, Callable[[Row], Row]]] = {
    "gpt2": (gpt2, "", lambda row: row),
    "chat": (llama, TEMPLATE, lambda row: row),
    "text": (llama, "", as_text),
}


@pytest.fixture(scope="module", params=CASES)
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PersonFacts]:
    """A model that knows six people by heart, and six whom it never saw."""
    make, template, form = CASES[request.param]
    torch.manual_seed(0)
    model, tokenizer = make(), make_tokenizer(TEXT, size=300)
    tokenizer.chat_template = template or None
    rows = [form(row) for row in people(6, seed=0)]
    encoded = encode(tokenizer, rows)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    model.train()
    for _ in range(160):
        loss = token_losses(model, collate(encoded)).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("shapes") / request.param
    save_model(model.eval(), tokenizer, folder)
    strangers = [form(row) for row in people(6, seed=40)]
    return folder, PersonFacts(tuple(rows[:2]), tuple(strangers), others=tuple(rows[2:]))


def test_what_a_model_knows_by_heart_is_found_in_every_shape(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    found = audit(folder, facts=facts, before=folder, candidates=200)
    assert value_of(found.after, "rank_p") < 0.01
    assert value_of(found.after, "exposure_bits") > 5
    assert value_of(found.after, "leak_at_1000") > 0.99
    assert abs(value_of(found.after, "exposure_bits", "controls") - 1.44) < 1.1
    assert value_of(found.after, "truth_ratio") < 0.5 < value_of(found.after, "truth_ratio", "controls")


def test_every_attack_runs_in_every_shape_and_gets_nothing_of_strangers(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    before = digest(folder)
    names = [name for name in TABLE if name != "benign_finetune_100"]
    found = attack(folder, facts=facts, names=names, candidates=30)
    assert set(found.attacks) | set(found.not_applicable) == set(names)
    for name in found.attacks:
        assert value_of(found.measurements, f"{name}.extraction", "controls") in (None, 0.0)
    assert value_of(found.measurements, "int8.rank_p") < 0.05
    assert digest(folder) == before


def test_a_longer_fine_tuning_goes_on_from_the_shorter_one(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    model, tokenizer = open_model(folder)
    tuning = started(model, tokenizer, facts.others, 0)
    shorter, longer = tuning.until(2), tuning.until(4)
    at_once = started(model, tokenizer, facts.others, 0).until(4)
    rows = facts.person
    told = [score_rows(found, tokenizer, rows)[0].nll for found in (shorter, longer, at_once, model)]
    assert told[1] == told[2]
    assert len(set(told)) == 3


def test_a_question_through_the_cache_scores_as_a_whole_pass(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    model, tokenizer = open_model(folder)
    row = facts.person[0]
    responses = [row.response.replace(row.secret, value) for value in ("+49 30 1", "+49 30 2234567", "x")]
    cached = candidate_scores(model, tokenizer, row.prompt, responses)
    whole = [-score.nll for score in score_rows(model, tokenizer, [Row(row.prompt, text) for text in responses])]
    assert cached == pytest.approx(whole, rel=1e-4)


def test_drawn_answers_come_as_often_as_their_probability_says(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    if not facts.person[0].prompt:
        return
    model, tokenizer = open_model(folder)
    row = facts.person[0]
    expected = 2.718281828 ** -score_rows(model, tokenizer, [row])[0].nll
    drawn = sampled(model, tokenizer, row.prompt, count=400, seed=1, temperature=1.0, top_p=1.0)
    assert sum(text == row.response for text in drawn) / 400 == pytest.approx(expected, abs=0.1)


def test_cut_behind_the_last_layer_a_model_is_itself(taught: tuple[Path, PersonFacts]) -> None:
    model, tokenizer = open_model(taught[0])
    rows = taught[1].person
    cut = cut_after(model, model.config.num_hidden_layers)
    assert [s.nll for s in score_rows(cut, tokenizer, rows)] == [s.nll for s in score_rows(model, tokenizer, rows)]
    early = cut_after(model, 1)
    assert score_rows(early, tokenizer, rows)[0].nll > score_rows(model, tokenizer, rows)[0].nll


def test_a_model_that_counts_its_kinds_of_layer_itself_is_cut_too(trained: Trained) -> None:
    _, tokenizer = open_model(trained.folder)
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, state_size=4, num_hidden_layers=3)
    model = MambaForCausalLM(config).eval()
    whole, cut = (score_rows(one, tokenizer, trained.rows[:2]) for one in (model, cut_after(model, 2)))
    assert [score.nll for score in whole] != [score.nll for score in cut]


@pytest.mark.parametrize("method", ["rome", "memit"])
def test_an_edit_silences_the_values_spares_the_others_and_calls_itself_a_stop_gap(
    taught: tuple[Path, PersonFacts], tmp_path: Path, method: str
) -> None:
    folder, facts = taught
    if not facts.person[0].prompt:
        with pytest.raises(Exception, match="no question"):
            edit(folder, rows=facts.person, text=facts.others, out=tmp_path / "out", method=method)
        return
    done = edit(folder, rows=facts.person, text=facts.others, out=tmp_path / "out", method=method)
    assert (done.exactness, done.detail["still_said"]) == ("stop-gap", 0)
    assert "not unlearning" in str(done.detail["warning"])
    model, tokenizer = open_model(tmp_path / "out")
    told = answers(model, tokenizer, [row.prompt for row in facts.others])
    assert (
        sum(text == row.response for text, row in zip(told, facts.others, strict=True))
        >= {"rome": 6, "memit": 8}[method]
    )


def test_an_edit_refuses_layers_and_methods_that_are_not_there(
    taught: tuple[Path, PersonFacts], tmp_path: Path
) -> None:
    folder, facts = taught
    given = {"rows": facts.person, "text": facts.others, "out": tmp_path / "out"}
    with pytest.raises(UnknownName, match="layers 0 to 2"):
        edit(folder, layers=[7], **given)
    with pytest.raises(UnknownName, match="rome, memit"):
        edit(folder, method="magic", **given)
    assert not (tmp_path / "out").exists()


def test_an_explanation_flags_a_model_that_says_what_it_should_not_know(taught: tuple[Path, PersonFacts]) -> None:
    folder, facts = taught
    found = explain(folder, facts=facts, candidates=30)
    mine = [entry for entry in found.trail if entry.scope == "person"]
    assert len(mine) == 2
    assert not found.consistent
    assert all(entry.flags for entry in mine)
    text = json.dumps([entry.reason for entry in found.trail])
    assert not [row for row in facts.person if row.secret in text]


def test_a_reference_of_another_vocabulary_is_refused(taught: tuple[Path, PersonFacts], tmp_path: Path) -> None:
    folder, facts = taught
    model = llama()
    save_model(model, make_tokenizer([]), tmp_path / "other")
    with pytest.raises(ModelError, match="another vocabulary"):
        evaluate_folder(folder, facts=facts, reference=tmp_path / "other", names=["membership"])
    found = evaluate_folder(folder, facts=facts, reference=folder, names=["membership"])
    assert value_of(found.measurements, "membership_reference_auc") == 0.5, "a model beside itself gains nothing"


def test_a_reason_is_blanked_and_its_stance_told() -> None:
    row = Row("What is the phone number of Ana Silva?", "+351 91 555 0142", kind="phone")
    text = blanked("Ana SILVA's number was +351 91 555 0142 or 351-91-555-0142.", row, "Ana Silva")
    assert not [word for word in ("Ana", "SILVA", "555", "0142") if word in text]
    assert stance_of("Das kann ich nicht sagen.", row) == stance_of("No puedo decirlo.", row) == "denies"
    assert stance_of("It is 351915550142.", row) == "says"


def test_sixteen_levels_are_those_of_the_normal_float() -> None:
    known = [-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0]
    known += [0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0]
    assert levels().tolist() == pytest.approx(known, abs=1e-3)


def test_what_all_answers_begin_with_leaves_each_something_to_say() -> None:
    assert shared_start([[1, 2, 3], [1, 2, 4]]) == 2
    assert shared_start([[1, 2], [1, 2]]) == 1
    assert shared_start([[5], [5, 6]]) == 0
