"""A folder is opened only when it is a whole model that brings no code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from invented import Trained
from safetensors.torch import load_file, save_file

from unlearning.errors import MissingWeights, ModelError, NotFinite, PickledWeights, QuantizedWeights, RemoteCode
from unlearning.models import digest, open_model
from unlearning.tokens import make_tokenizer, prompt_ids

Copy = Callable[[], Path]


def test_a_saved_model_opens_with_the_same_weights(trained: Trained) -> None:
    model, _ = open_model(trained.folder)
    stored = load_file(trained.folder / "model.safetensors")
    assert all(torch.equal(stored[name], weight) for name, weight in model.state_dict().items() if name in stored)


def test_pickled_weights_are_refused_and_not_loaded(copied: Copy) -> None:
    folder = copied()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /nowhere'\ntR.")
    with pytest.raises(PickledWeights, match="convert them to safetensors"):
        open_model(folder)


QUANTIZED: dict[str, tuple[str, dict[str, object]]] = {
    "bitsandbytes": ("config.json", {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}),
    "gptq": ("config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}}),
    "awq": ("config.json", {"quantization_config": {"quant_method": "awq", "bits": 4}}),
    "mxfp4": ("config.json", {"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": []}}),
    "gptq as it was written first": ("quantize_config.json", {"bits": 4, "group_size": 128}),
}


@pytest.mark.parametrize("kind", QUANTIZED)
def test_quantized_weights_are_refused_with_what_to_do(copied: Copy, kind: str) -> None:
    folder, (name, settings) = copied(), QUANTIZED[kind]
    before = json.loads((folder / name).read_text()) if (folder / name).is_file() else {}
    (folder / name).write_text(json.dumps({**before, **settings}))
    with pytest.raises(QuantizedWeights, match=r"unlearn in the folder that they were made from .* quantize anew"):
        open_model(folder)


def test_a_configuration_that_is_a_list_is_refused(copied: Copy) -> None:
    folder = copied()
    (folder / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="holds no settings"):
        open_model(folder)


def test_a_folder_without_weights_is_refused(copied: Copy) -> None:
    folder = copied()
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingWeights):
        open_model(folder)


def test_weights_that_lack_a_tensor_are_refused_instead_of_made_up(copied: Copy) -> None:
    folder = copied()
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.0.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingWeights, match="1 tensors"):
        open_model(folder)


def test_a_truncated_weight_file_is_refused(copied: Copy) -> None:
    folder = copied()
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        open_model(folder)


def test_a_single_nan_is_refused(copied: Copy) -> None:
    folder = copied()
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NotFinite):
        open_model(folder)


def test_a_model_that_wants_its_own_code_is_refused(copied: Copy) -> None:
    folder = copied()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "model.Model"}}))
    with pytest.raises(RemoteCode):
        open_model(folder)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_configuration_is_refused(copied: Copy, content: str) -> None:
    folder = copied()
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError):
        open_model(folder)


def test_the_digest_follows_the_weights_and_ignores_notes(copied: Copy) -> None:
    folder = copied()
    first = digest(folder)
    (folder / "NOTES.md").write_text("a note")
    assert digest(folder) == first
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert digest(folder) != first


def test_a_model_that_turns_one_text_into_another_is_refused_in_words(copied: Callable[[], Path]) -> None:
    folder = copied()
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "is_encoder_decoder": True}))
    with pytest.raises(ModelError, match="give a causal language model"):
        open_model(folder)


def test_a_chat_template_that_takes_no_question_is_refused_in_words() -> None:
    tokenizer = make_tokenizer([])
    for template in ("{{ somebody(messages) }}", "{{ messages[5].content }}", "{% if %}"):
        tokenizer.chat_template = template
        with pytest.raises(ModelError, match="asking by the chat template"):
            prompt_ids(tokenizer, "What is the code?")
