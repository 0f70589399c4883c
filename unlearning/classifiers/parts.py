"""The parts of a network that methods and measures name: its linear layers in the order in which they work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from unlearning.classifiers.fitting import layout
from unlearning.errors import ModelError


def linears(model: nn.Module, example: Tensor) -> list[nn.Linear]:
    """Linear layers in the order of the forward pass; ModelError when the last one is not the head.

    The model looks at one row in evaluation mode: running statistics stay as they are, and one row is enough for them.
    """
    order: list[nn.Linear] = []
    was = model.training
    model.eval()
    hooks = [
        part.register_forward_pre_hook(lambda part, _: order.append(part))
        for part in model.modules()
        if isinstance(part, nn.Linear)
    ]
    try:
        with torch.no_grad():
            answer = model(layout(example[:1]))
    finally:
        model.train(was)
        for hook in hooks:
            hook.remove()
    if not order or not isinstance(answer, Tensor) or order[-1].out_features != answer.shape[-1]:
        raise ModelError(
            "looking at a classifier: its answer does not come from a linear layer (nn.Linear), which this method and"
            " the audit of a class work on; use retrain, which needs none"
        )
    return order


@contextmanager
def listening(part: nn.Module) -> Iterator[list[Tensor]]:
    """Inputs of a layer, one tensor a forward pass, while the context is open."""
    heard: list[Tensor] = []
    hook = part.register_forward_pre_hook(lambda _, given: heard.append(given[0].detach()))
    try:
        yield heard
    finally:
        hook.remove()


def inputs_of(model: nn.Module, part: nn.Module, features: Tensor, *, size: int = 2048) -> Tensor:
    """What the layer is given for these rows [n, width]; in evaluation mode, without gradients."""
    was = model.training
    model.eval()
    with listening(part) as heard, torch.no_grad():
        for piece in features.split(size):
            model(layout(piece))
    model.train(was)
    return torch.cat(heard)


def tail_from(model: nn.Module, part: nn.Linear) -> nn.Module | None:
    """In a plain `nn.Sequential`, the layers from `part` on, sharing their weights; None in any other network."""
    if not isinstance(model, nn.Sequential):
        return None
    children = list(model)
    found = [place for place, child in enumerate(children) if child is part]
    return nn.Sequential(*children[found[0] :]) if found else None
