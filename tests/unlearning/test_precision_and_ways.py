"""Half-precision folders stay half-precision; a model that the quick ways would misread is asked plainly or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from invented import TEXT, Trained
from safetensors.torch import load_file
from transformers.cache_utils import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from unlearning import answering, precision, prefixes
from unlearning.agreement import check_ways
from unlearning.batches import PLAIN_WAY, answer_logits, collate
from unlearning.budget import Budget
from unlearning.errors import ModelError, NotFinite
from unlearning.models import open_model, save_model
from unlearning.prefixes import NO_CACHE
from unlearning.tokens import Encoded, make_tokenizer
from unlearning.unlearn import unlearn


@pytest.fixture(params=[torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def halved(trained: Trained, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    model, tokenizer = open_model(trained.folder)
    model.to(request.param).save_pretrained(tmp_path / "half")
    tokenizer.save_pretrained(tmp_path / "half")
    return tmp_path / "half"


def test_a_half_precision_model_is_computed_in_float32_and_saved_as_it_was_given(halved: Path, tmp_path: Path) -> None:
    model, tokenizer = open_model(halved)
    assert next(model.parameters()).dtype is torch.float32
    save_model(model, tokenizer, tmp_path / "again")
    before, after = (load_file(folder / "model.safetensors") for folder in (halved, tmp_path / "again"))
    assert before.keys() == after.keys()
    assert all(after[name].dtype is before[name].dtype and after[name].equal(before[name]) for name in before)
    assert next(model.parameters()).dtype is torch.float32, "the model in hand stays as it was"


@pytest.fixture
def mixed(trained: Trained, tmp_path: Path) -> Path:
    """Norms in float32, as many such folders have them, one matrix in float16, the rest in bfloat16."""
    model, tokenizer = open_model(trained.folder)
    for name, weight in model.named_parameters():
        if "norm" not in name:
            weight.data = weight.data.to(torch.float16 if name.endswith("0.mlp.up_proj.weight") else torch.bfloat16)
    model.save_pretrained(tmp_path / "mixed")
    tokenizer.save_pretrained(tmp_path / "mixed")
    return tmp_path / "mixed"


def test_in_a_folder_of_several_precisions_each_weight_keeps_its_own(
    mixed: Path, trained: Trained, tmp_path: Path
) -> None:
    model, tokenizer = open_model(mixed)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    save_model(model, tokenizer, tmp_path / "again")
    done = unlearn(
        mixed,
        forget=trained.rows[:2],
        retain=trained.rows[2:],
        out=tmp_path / "out",
        method="npo",
        budget=Budget(steps=8),
        most_lost=1.0,
    )
    before, same, after = (load_file(tmp_path / name / "model.safetensors") for name in ("mixed", "again", "out"))
    assert {weight.dtype for weight in before.values()} == {torch.float32, torch.float16, torch.bfloat16}
    assert all(same[name].dtype is weight.dtype and same[name].equal(weight) for name, weight in before.items())
    assert all(after[name].dtype is weight.dtype for name, weight in before.items())
    assert any(not after[name].equal(weight) for name, weight in before.items())
    assert (
        done.detail["saved_as"] == "bfloat16 and float16 and float32" and 0 < float(done.detail["rounding_undid"]) < 1
    )


def test_names_that_a_wrapper_made_longer_keep_their_precision() -> None:
    model = torch.nn.Linear(2, 2)
    setattr(model, precision.NAME, {"layers.0.weight": torch.bfloat16})
    assert precision.of(model, "base_model.model.layers.0.weight") is torch.bfloat16
    assert precision.of(model, "layers.0.bias") is torch.float32


def test_an_unlearned_half_precision_model_says_what_rounding_undid(
    halved: Path, trained: Trained, tmp_path: Path
) -> None:
    done = unlearn(
        halved,
        forget=trained.rows[:2],
        retain=trained.rows[2:],
        out=tmp_path / "out",
        method="npo",
        budget=Budget(steps=8),
        most_lost=1.0,
    )
    (kind,) = {str(weight.dtype) for weight in load_file(tmp_path / "out" / "model.safetensors").values()}
    assert done.detail["saved_as"] == kind.removeprefix("torch.") == str(precision.given(halved)).removeprefix("torch.")
    assert 0 < float(done.detail["rounding_undid"]) < 1


def test_a_weight_too_large_for_its_precision_is_no_model(trained: Trained, tmp_path: Path) -> None:
    model, tokenizer = open_model(trained.folder)
    setattr(model, precision.NAME, torch.float16)
    with torch.no_grad():
        next(model.parameters())[0, 0] = 1e6
    with pytest.raises(NotFinite, match="too large"):
        save_model(model, tokenizer, tmp_path / "out")


def folder_of(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    make_tokenizer(TEXT).save_pretrained(folder)
    return folder


def test_a_model_whose_weights_change_when_it_is_asked_is_refused(tmp_path: Path) -> None:
    config = transformers.RwkvConfig(vocab_size=400, hidden_size=16, num_hidden_layers=7, context_length=32)
    folder = folder_of(transformers.RwkvForCausalLM(config), tmp_path / "rwkv")
    with pytest.raises(ModelError, match="changes its weights"):
        open_model(folder)


def test_a_model_that_sees_what_comes_later_is_refused(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    folder = folder_of(transformers.BertLMHeadModel(config), tmp_path / "bert")
    with pytest.raises(ModelError, match="causal"):
        open_model(folder)


class Odd(transformers.GPT2LMHeadModel):
    """A model of the caller's own: it answers otherwise in company, or from its cache."""

    in_company = from_cache = 0.0

    def forward(self, input_ids: Any, position_ids: Any = None, **named: Any) -> CausalLMOutputWithPast:
        found = super().forward(input_ids=input_ids, position_ids=position_ids, **named)
        cached = isinstance(named.get("past_key_values"), DynamicCache)
        found.logits[..., 0] += self.in_company * (len(found.logits) > 1) + self.from_cache * cached
        return found


def odd(**faults: float) -> Any:
    config = transformers.GPT2Config(vocab_size=400, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    model = Odd(config).eval()
    model.config.model_type = "odd"
    for name, value in faults.items():
        setattr(model, name, value)
    return model


def test_a_model_that_answers_otherwise_in_company_is_asked_row_by_row() -> None:
    model = odd(in_company=3.0)
    check_ways(model, doing="opening a model")
    assert getattr(model, PLAIN_WAY) is True
    rows = [Encoded((5, 6, 7, 8), 1), Encoded((9, 10), 1)]
    with torch.no_grad():
        alone = torch.cat([model(input_ids=torch.tensor([row.ids])).logits[0, :-1] for row in rows])
        torch.testing.assert_close(answer_logits(model, collate(rows)), alone)


def test_a_model_that_answers_otherwise_from_its_cache_is_asked_without_it() -> None:
    model, sound = odd(from_cache=3.0), odd()
    check_ways(model, doing="opening a model")
    check_ways(sound, doing="opening a model")
    assert getattr(model, NO_CACHE) is True and not hasattr(sound, NO_CACHE)
    assert prefixes.begin(model, [1, 2, 3]).cache is None and prefixes.begin(sound, [1, 2, 3]).cache is not None
    plain: list[int] = [1, 2, 3]
    with torch.inference_mode():
        for _ in range(4):
            plain.append(int(model(input_ids=torch.tensor([plain])).logits[0, -1].argmax()))
        (said,) = answering.written(
            model, [[1, 2, 3]], ends=set(), longest=4, choose=lambda logits: logits.argmax(dim=-1)
        )
    assert said == plain[3:]
