"""What research code computes in vain or on the wrong tokens, and ours does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from invented import Trained
from transformers import MambaConfig, MambaForCausalLM

from unlearning import methods
from unlearning.batches import collate, token_losses
from unlearning.errors import ModelError
from unlearning.methods import Material, Turn
from unlearning.methods.rmu import hidden_after, layers_of
from unlearning.methods.soft import remember
from unlearning.models import open_model
from unlearning.tokens import encode

CACHED = ("npo", "dpo", "undial", "jensun", "permu", "rmu", "stranger")


@contextmanager
def passes(model: Any, counted: list[str]) -> Iterator[None]:
    """Counts how often each layer of the model runs; with a hook on it, the stock layers are what runs."""
    handles = [
        layer.register_forward_hook(lambda module, inputs, output, place=place: counted.append(f"layer {place}"))
        for place, layer in enumerate(layers_of(model))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def turn_of(name: str, model: Any, tokenizer: Any, trained: Trained) -> Turn:
    """The first step of a method: two forget rows, four retain rows."""
    forget, retain = trained.of(5), trained.without(5)[:4]
    gone, kept = encode(tokenizer, forget), encode(tokenizer, retain)
    memory = methods.load(name).prepare(Material(model, tokenizer, gone, kept, forget, retain))
    with torch.no_grad():
        reference = torch.cat([token_losses(model, collate([row])) for row in gone])
    return Turn(model, collate(gone), collate(kept), reference, (0, 1), (0, 1, 2, 3), memory)


@pytest.mark.parametrize("name", CACHED)
def test_a_step_never_runs_the_reference_again(trained: Trained, name: str) -> None:
    model, tokenizer = open_model(trained.folder)
    turn, counted = turn_of(name, model, tokenizer, trained), []
    with passes(model, counted):
        methods.load(name).loss(turn)
    assert counted.count("layer 0") == (2 if name == "rmu" else 1)  # forget, retain and refusals in one pass


def test_steering_runs_no_layer_above_the_steered_one(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    batch, counted = collate(encode(tokenizer, trained.rows[:3])), []
    with torch.no_grad(), passes(model, counted):
        states = hidden_after(model, batch, layer=0)
    whole = model(input_ids=batch.ids, output_hidden_states=True).hidden_states[1][:, :-1][batch.where]
    assert counted == ["layer 0"]
    assert torch.allclose(states, whole, atol=1e-5)


def test_steering_changes_feed_forward_outputs_alone_and_then_frees_the_others(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    turn = turn_of("rmu", model, tokenizer, trained)
    free = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert free and all(name.endswith("mlp.down_proj.weight") for name in free)
    method = methods.load("rmu")
    method.loss(turn).backward()
    assert any(weight.grad is not None and bool(weight.grad.any()) for weight in model.parameters())
    method.finish(model, turn.memory)
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_model_without_feed_forward_parts_is_not_steered(trained: Trained) -> None:
    _, tokenizer = open_model(trained.folder)
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, state_size=4, num_hidden_layers=2)
    rows = encode(tokenizer, trained.of(5))
    with pytest.raises(ModelError, match="no feed-forward part"):
        methods.load("rmu").prepare(Material(MambaForCausalLM(config), tokenizer, rows, rows))


@pytest.mark.parametrize("name", ["undial", "jensun", "stranger", "permu"])
def test_targets_stand_on_answer_tokens_and_nowhere_else(trained: Trained, name: str) -> None:
    model, tokenizer = open_model(trained.folder)
    turn = turn_of(name, model, tokenizer, trained)
    asked = encode(tokenizer, trained.of(5))
    answers = [len(row.ids) - row.start for row in asked]
    told = {
        "undial": lambda: turn.memory,
        "permu": lambda: turn.memory,
        "jensun": lambda: turn.memory.kept[:2],
        "stranger": lambda: [lessons[0].told for lessons in turn.memory.lessons],
    }[name]()
    if name == "jensun":
        answers = [len(row.ids) - row.start for row in encode(tokenizer, trained.without(5)[:2])]
    assert [len(soft.rest) for soft in told] == answers


def test_what_is_remembered_does_not_depend_on_the_padding_beside_it(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    rows = sorted(encode(tokenizer, trained.rows), key=lambda row: len(row.ids))
    together, alone = remember(model, [rows[0], rows[-1]]), remember(model, [rows[0]])
    assert torch.allclose(together[0].logs.exp(), alone[0].logs.exp(), atol=1e-5)


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_loss_is_a_finite_number_with_a_gradient(trained: Trained, name: str) -> None:
    model, tokenizer = open_model(trained.folder)
    turn = turn_of(name, model, tokenizer, trained)
    methods.load(name).before_step(model, turn.memory, 0)
    loss = methods.load(name).loss(turn)
    loss.backward()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert bool(torch.isfinite(loss)) and gradients
    assert all(bool(torch.isfinite(grad).all()) for grad in gradients)
