"""A folder of low-rank weights beside its base is a model to every verb, and stays a folder of low-rank weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from invented import Trained
from peft import LoraConfig, get_peft_model

from unlearning.budget import Dose
from unlearning.errors import MissingWeights, ModelError, PickledWeights
from unlearning.models import digest, open_model
from unlearning.scoring import score_rows
from unlearning.unlearn import unlearn


@pytest.fixture
def adapter(trained: Trained, tmp_path: Path) -> Path:
    """An adapter that changes what its base says; the base lies beside it."""
    shutil.copytree(trained.folder, tmp_path / "base")
    model, tokenizer = open_model(tmp_path / "base")
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    wrapped = get_peft_model(model, config)
    wrapped.peft_config["default"].base_model_name_or_path = "../base"
    wrapped.save_pretrained(tmp_path / "adapter")
    tokenizer.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_is_opened_over_its_base_and_has_a_digest_of_both(trained: Trained, adapter: Path) -> None:
    model, tokenizer = open_model(adapter)
    base, _ = open_model(adapter.parent / "base")
    rows = trained.rows[:2]
    assert score_rows(model, tokenizer, rows)[0].nll != score_rows(base, tokenizer, rows)[0].nll
    assert all(weight.requires_grad for weight in model.parameters())
    before = digest(adapter)
    assert before not in (digest(adapter.parent / "base"), digest(trained.folder))
    settings = json.loads((adapter.parent / "base" / "config.json").read_text())
    (adapter.parent / "base" / "config.json").write_text(json.dumps({**settings, "note": 1}))
    assert digest(adapter) != before


def test_unlearning_an_adapter_trains_its_weights_alone_and_saves_an_adapter(trained: Trained, adapter: Path) -> None:
    base, out = digest(adapter.parent / "base"), adapter.parent / "out"
    settings = {"method": "gradient_difference", "most_lost": 1.0, "dose": Dose(2, 5e-3)}
    done = unlearn(adapter, forget=trained.of(11), retain=trained.without(11), out=out, **settings)
    assert (out / "adapter_model.safetensors").is_file() and not (out / "config.json").exists()
    assert digest(adapter.parent / "base") == base
    assert done.digest == digest(out) != done.digest_before == digest(adapter)
    (old, tokenizer), (new, _) = open_model(adapter), open_model(out)
    gone = [sum(one.nll for one in score_rows(model, tokenizer, trained.of(11))) for model in (old, new)]
    assert gone[1] > gone[0]


def _no_base(adapter: Path) -> None:
    shutil.rmtree(adapter.parent / "base")


def _pickled(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")


def _no_weights(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()


def _other_kind(adapter: Path) -> None:
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**settings, "peft_type": "PROMPT_TUNING"}))


def _its_own_base(adapter: Path) -> None:
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": "."}))


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (_no_base, ModelError, "not a folder on this machine"),
        (_pickled, PickledWeights, "pickled"),
        (_no_weights, MissingWeights, "no adapter_model.safetensors"),
        (_other_kind, ModelError, "only adapters of the kind LORA"),
        (_its_own_base, ModelError, "not a folder on this machine"),
    ],
)
def test_an_adapter_that_cannot_be_used_is_refused_in_words(
    adapter: Path, spoil: object, error: type[Exception], said: str
) -> None:
    assert callable(spoil)
    spoil(adapter)
    with pytest.raises(error, match=said):
        open_model(adapter)
