"""RMU: steer the hidden states of forget answers to a random direction, hold those of retain rows (arXiv 2403.03218).

The forward pass ends at the steered layer, the original's states are computed once, and only the feed-forward outputs
of that layer and the two before it change. The direction's length follows the states' own (arXiv 2408.06223).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import Batch, collate
from unlearning.errors import ModelError
from unlearning.methods import Material, Method, Turn

SCALE, HOLD = 5.0, 30.0  # length of the direction in mean state norms; weight of the retain rows
OUTPUTS = ("down_proj", "c_proj", "dense_4h_to_h", "fc2", "fc_out")


@dataclass(frozen=True)
class Steering:
    """The layer, where forget answers are sent `(width,)`, and the original's states of each retain row's answer."""

    layer: int
    aim: Any
    kept: list[Any]


class _Reached(Exception):
    """Ends a forward pass: no layer above the one asked for is computed."""


def layers_of(model: Any) -> Any:
    """The list of a model's layers; raises ModelError where there is none."""
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return module
    raise ModelError("steering hidden states: the model has no list of layers; choose a method that uses answers alone")


def hidden_after(model: Any, batch: Batch, *, layer: int) -> Any:
    """Hidden states after `layer` where an answer token follows: `(tokens, width)`."""
    reached: list[Any] = []

    def stop(module: Any, inputs: Any, output: Any) -> None:
        reached.append(output[0] if isinstance(output, tuple) else output)
        raise _Reached

    handle = layers_of(model)[layer].register_forward_hook(stop)
    try:
        model(input_ids=batch.ids, use_cache=False)
    except _Reached:
        pass
    finally:
        handle.remove()
    if not reached or not isinstance(reached[0], torch.Tensor) or reached[0].dim() != 3:
        raise ModelError(
            f"steering hidden states: a {model.config.model_type} model's layers give none that can be steered; "
            "choose a method that uses answers alone"
        )
    return reached[0][:, :-1][batch.where]


def trained(model: Any, *, layer: int) -> Iterator[Any]:
    """The weights that RMU changes: feed-forward outputs of the layer and the two below it."""
    for block in list(layers_of(model))[max(0, layer - 2) : layer + 1]:
        yield from (
            weight
            for name, weight in block.named_parameters()
            if "attn" not in name and "attention" not in name and any(part in name for part in OUTPUTS)
        )


def prepare(material: Material) -> Steering:
    """The direction, and the original's states; freezes all weights but those that are steered."""
    model = material.model
    layer = model.config.num_hidden_layers // 2
    with torch.no_grad():
        kept = [hidden_after(model, collate([row]), layer=layer) for row in material.retain]
        states = hidden_after(model, collate(list(material.forget)), layer=layer)
    draw = torch.Generator().manual_seed(material.seed)
    direction = torch.rand(states.shape[1], generator=draw, device="cpu").to(states)
    aim = SCALE * states.norm(dim=1).mean() * direction / direction.norm()
    steered = list(trained(model, layer=layer))
    if not steered:
        raise ModelError(
            f"steering hidden states: a {model.config.model_type} model has no feed-forward part to steer by; "
            "choose a method that uses answers alone"
        )
    for weight in model.parameters():
        weight.requires_grad_(False)
    for weight in steered:
        weight.requires_grad_(True)
    return Steering(layer, aim, kept)


def steer(states: Any, aim: Any, held: Any, original: Any, *, hold: float = HOLD) -> Any:
    """‖h(x_f) - c u‖² + α ‖h(x_r) - h_0(x_r)‖², means over tokens and width."""
    return (states - aim).square().mean() + hold * (held - original).square().mean()


def loss(turn: Turn) -> Any:
    """Steering of forget answers, holding of retain answers."""
    layer = turn.memory.layer
    held = hidden_after(turn.model, turn.retain, layer=layer)
    original = torch.cat([turn.memory.kept[index] for index in turn.kept])
    return steer(hidden_after(turn.model, turn.forget, layer=layer), turn.memory.aim, held, original)


def release(model: Any, memory: Steering) -> None:
    """All weights may change again."""
    for weight in model.parameters():
        weight.requires_grad_(True)


METHOD = Method(
    loss,
    rounds=40,
    forget_steps=1,
    learning_rate=5e-3,
    prepare=prepare,
    finish=release,
    source="arXiv 2403.03218",
    watched=False,
)
