"""The second matrix of a feed-forward block: keys `k` `(token, inner)` go in, what is added to the stream comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from unlearning.errors import ModelError
from unlearning.tokens import Encoded

# Where a layer keeps that matrix, by the names that families use: Llama, Mistral, Qwen, Gemma; GPT-2; GPT-NeoX, Falcon,
# Bloom; Phi; GPT-J; XGLM; MPT.
PATHS = (
    "mlp.down_proj",
    "mlp.c_proj",
    "mlp.dense_4h_to_h",
    "mlp.fc2",
    "mlp.fc_out",
    "fc2",
    "ffn.down_proj",
)
FLAT = frozenset({"opt"})  # families that lay all rows end to end there, so that a place is no longer a row's
FIRST = 50


def second_matrices(model: Any) -> list[Any]:
    """The module of each layer, first to last; raises ModelError for a family that is not known."""
    depth = model.config.num_hidden_layers
    body = getattr(model, model.base_model_prefix)
    stacks = [part for part in body.modules() if isinstance(part, torch.nn.ModuleList) and len(part) == depth]
    for path in PATHS if stacks and model.config.model_type not in FLAT else ():
        found = [_at(layer, path) for layer in stacks[0]]
        if all(module is not None for module in found):
            return found
    raise ModelError(
        f"editing: the feed-forward blocks of a {model.config.model_type} model are not where they are known to be; "
        "unlearn or retrain instead"
    )


def _at(layer: Any, path: str) -> Any:
    for name in path.split("."):
        layer = getattr(layer, name, None)
    return layer


def matrix(module: Any) -> Any:
    """The weight as `(outer, inner)`, a view: GPT-2 keeps it the other way round."""
    return module.weight if isinstance(module, torch.nn.Linear) else module.weight.t()


@contextmanager
def keys_of(module: Any) -> Iterator[list[Any]]:
    """While open, what goes into the matrix is collected: one `(row, time, inner)` for each call."""
    seen: list[Any] = []
    handle = module.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def added(module: Any, rows: Sequence[int], places: Sequence[int], vectors: Any) -> Iterator[None]:
    """While open, `vectors` `(row, outer)` are added to what the matrix gives at each row's place."""

    def add(_: Any, __: Any, output: Any) -> Any:
        output = output.clone()
        output[list(rows), list(places)] = output[list(rows), list(places)] + vectors
        return output

    handle = module.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def run(model: Any, ids: Any) -> Any:
    """Logits of a rectangle of ids, by the model's own code, so that hooks are heard: `(row, time, vocabulary)`."""
    return model(input_ids=ids, use_cache=False).logits


def covariance(model: Any, module: Any, rows: Sequence[Encoded], *, size: int = 16) -> Any:
    """Mean of k kᵀ over the tokens of some text, with a little of the identity: `(inner, inner)` in float64.

    The token before each answer counts FIRST times, for that is where another row's answer would be lost.
    """
    inner = matrix(module).shape[1]
    total, count = torch.zeros((inner, inner), dtype=torch.float64), 0
    for start in range(0, len(rows), size):
        for row in rows[start : start + size]:
            with keys_of(module) as seen, torch.inference_mode():
                getattr(model, model.base_model_prefix)(input_ids=torch.tensor([row.ids]), use_cache=False)
            keys = seen[0][0].double()
            first = keys[row.start - 1]
            total += keys.t() @ keys + FIRST * torch.outer(first, first)
            count += len(keys) + FIRST
    total /= max(1, count)
    return total + 1e-6 * total.diagonal().mean() * torch.eye(inner, dtype=torch.float64)
