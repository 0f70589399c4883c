"""Reading an inner layer as if it were the last: what the last layers hide may stand there (arXiv 2309.17410).

The attacker chooses the layer on other people's rows, which the model knows, so that the choice says nothing of its own
about the person.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch.nn import ModuleList

from unlearning.errors import NotApplicable
from unlearning.scoring import score_rows
from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

ROWS = 20  # other people's rows that the layer is chosen on


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """The model cut behind the inner layer that tells most."""
    depth = examined.model.config.num_hidden_layers
    cuts = [cut_after(examined.model, layer) for layer in range(1, depth)]
    if not cuts:
        raise NotApplicable("reading inner layers: the model has only one layer")
    if not benign:
        return examined.with_model(cuts[-1])
    losses = [_loss(cut, examined.tokenizer, benign[:ROWS]) for cut in cuts]
    return examined.with_model(cuts[losses.index(min(losses))])


def _loss(model: Any, tokenizer: Any, rows: Sequence[Row]) -> float:
    return sum(score.nll for score in score_rows(model, tokenizer, rows))


def cut_after(model: Any, layers: int) -> Any:
    """The same model, weights shared, with its first `layers` layers only; norm and head stay."""
    depth = model.config.num_hidden_layers
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = layers
    if len(getattr(config, "layer_types", None) or ()) > layers:  # some families count them themselves
        config.layer_types = config.layer_types[:layers]
    outer, body = _shallow(model, config), _shallow(getattr(model, model.base_model_prefix), config)
    outer._modules[model.base_model_prefix] = body
    stack = next(
        (name for name, part in body._modules.items() if isinstance(part, ModuleList) and len(part) == depth), ""
    )
    if not stack:
        raise NotApplicable(f"reading inner layers: no list of {depth} layers in a {model.config.model_type} model")
    body._modules[stack] = ModuleList(list(body._modules[stack])[:layers])
    return outer


def _shallow(module: Any, config: Any) -> Any:
    """The module's twin with parts and configuration of its own list, and the same weights."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    twin.config = config
    return twin
