"""Adapters of PEFT as places: described by method, rank and base; of a recorded run, each checkpoint's last step."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from compliance.provenance.connectors import NotErasableHere, Place, load
from compliance.rules.errors import ModelUnreadable

CONFIG = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "mistral-7b", "task_type": "CAUSAL_LM"}


def adapter(folder: Path, **changes: object) -> Place:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **changes}))
    save_file({"lora_A": np.ones((8, 4), np.float32), "lora_B": np.zeros((4, 8), np.float32)},
              folder / "adapter_model.safetensors")  # fmt: skip
    return Place("tone", "model", "model", str(folder))


def test_an_adapter_is_described_by_its_own_weights_its_method_and_its_base(tmp_path: Path) -> None:
    place = adapter(tmp_path / "tone")
    described = load("model").describe(place)
    assert described.detail["parameters"] == 64
    assert described.detail["architecture"] == "LORA adapter"
    assert described.detail["adapter"] == {"method": "LORA", "base": "mistral-7b", "rank": 8}
    assert load("model").absent(place, [b"mistral-7b"]) == 1
    assert load("model").purge(place).digest_after == described.digest
    with pytest.raises(NotErasableHere):
        load("model").erase(place, records=["x"])


def test_a_base_that_is_not_where_it_should_be_is_said(tmp_path: Path) -> None:
    missing = load("model").describe(adapter(tmp_path / "a", base_model_name_or_path="../base")).detail["adapter"]
    assert missing["problem"] == "its base model is not where adapter_config.json says"
    (tmp_path / "base").mkdir()
    there = load("model").describe(adapter(tmp_path / "b", base_model_name_or_path="../base")).detail["adapter"]
    assert "problem" not in there
    assert there["base"] == "base"


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\x00"])
def test_a_damaged_adapter_configuration_is_named(tmp_path: Path, content: str) -> None:
    place = adapter(tmp_path / "tone")
    (tmp_path / "tone" / "adapter_config.json").write_text(content)
    with pytest.raises(ModelUnreadable, match=r"adapter_config\.json is not JSON"):
        load("model").describe(place)


def test_pickled_adapter_weights_are_refused_with_the_reason(tmp_path: Path) -> None:
    place = adapter(tmp_path / "tone")
    (tmp_path / "tone" / "adapter_model.safetensors").rename(tmp_path / "tone" / "adapter_model.bin")
    with pytest.raises(ModelUnreadable, match="pickled"):
        load("model").describe(place)


@pytest.mark.slow
def test_what_peft_itself_writes_is_described(tmp_path: Path) -> None:
    import peft
    import transformers

    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    base = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=64, **shape))
    base.save_pretrained(tmp_path / "base")
    base = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    made = peft.get_peft_model(base, peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    made.save_pretrained(tmp_path / "tone")
    described = load("model").describe(Place("tone", "model", "model", str(tmp_path / "tone")))
    wanted = sum(weight.numel() for name, weight in made.named_parameters() if "lora_" in name)
    assert described.detail["parameters"] == wanted
    assert described.detail["adapter"] == {"method": "LORA", "base": "base", "rank": 4}


def test_each_checkpoint_of_a_recorded_run_says_up_to_which_step_it_knows_the_data(tmp_path: Path) -> None:
    place = adapter(tmp_path / "tone")
    ledger = tmp_path / "tone" / "ledger"
    for stage in (1, 2):
        (ledger / "checkpoints" / f"stage-{stage}").mkdir(parents=True)
    (ledger / "run.json").write_text(json.dumps({"plan": {"stages": [{}, {}]}}))
    steps = [{"number": n, "stage": 1 if n <= 40 else 2, "rows": []} for n in range(1, 101)]
    (ledger / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    detail = load("model").describe(place).detail
    assert detail["checkpoints"] == {"stage-1": 40, "stage-2": 100}
    (ledger / "steps.jsonl").write_text("{")
    assert load("model").describe(place).detail["ledger_problem"] == "ledger/run.json cannot be read"


@pytest.mark.parametrize("named", [[1], 5, {"a": 1}, "x" * 5_000, ["GPT2LMHeadModel"] * 9_000])
def test_strange_words_for_an_architecture_are_cut_or_left_out(tmp_path: Path, named: object) -> None:
    place = adapter(tmp_path / "tone")
    (tmp_path / "tone/config.json").write_text(json.dumps({"architectures": named}))
    assert len(load("model").describe(place).detail["architecture"]) <= 200


def test_a_step_without_a_number_leaves_the_ledger_unread_and_the_model_described(tmp_path: Path) -> None:
    place = adapter(tmp_path / "tone")
    (tmp_path / "tone/ledger/checkpoints/stage-1").mkdir(parents=True)
    (tmp_path / "tone/ledger/run.json").write_text(json.dumps({"plan": {"stages": [{}]}}))
    (tmp_path / "tone/ledger/steps.jsonl").write_text('{"stage": 1, "number": Infinity}\n')
    assert load("model").describe(place).detail["ledger"] is False
