"""Many models of one recipe at once, each on its own rows: one batched product instead of a loop over models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.answers import check
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import chance_of, descend, layout, logits_of
from unlearning.classifiers.networks import build
from unlearning.classifiers.outcome import Recipe
from unlearning.errors import Diverged, InputError
from unlearning.types import Progress, silent


@dataclass(frozen=True)
class Shadows:
    """`weights` are the models' parameters stacked [models, ...]; `members` [models, rows] says who saw which row."""

    recipe: Recipe
    weights: dict[str, Tensor]
    members: Tensor

    def __len__(self) -> int:
        return int(self.members.shape[0])

    def logits(self, features: Tensor, *, size: int = 512) -> Tensor:
        """Logits [models, n, classes] of every model for every row."""
        return torch.stack([logits_of(self.model(n), features, size=size) for n in range(len(self))])

    def model(self, number: int) -> nn.Module:
        """One of the models as a module of its own."""
        found = build(self.recipe, seed=0)
        found.load_state_dict({name: tensor[number].clone() for name, tensor in self.weights.items()})
        return found.eval()


def train_shadows(
    recipe: Recipe,
    examples: Examples,
    members: Tensor,
    *,
    seed: int = 0,
    rows_an_epoch: int | None = None,
    progress: Progress = silent,
) -> Shadows:
    """Train one model a row of `members` [models, rows] (bool).

    All take the same number of steps: as many rows an epoch as the largest has (or `rows_an_epoch`); a smaller one
    begins again with its first rows.
    """
    if members.dim() != 2 or members.shape[1] != len(examples) or not bool(members.any(1).all()):
        raise InputError("training shadow models: members must be [models, rows] with at least one row a model")
    check(build(recipe, seed=seed), examples.features, classes=examples.classes)
    rows = rows_an_epoch or int(members.sum(1).max())
    given = (recipe, examples, members, rows, seed, progress)
    try:
        with chance_of(seed):
            weights = _together(*given)
    except _NotStacked:
        weights = _singly(*given)
    if not all(bool(torch.isfinite(t).all()) for t in weights.values()):
        raise Diverged("training shadow models: weights left the numbers; lower the learning rate")
    return Shadows(recipe, weights, members)


class _NotStacked(Exception):
    """The network has running statistics or tied weights, or an operation that knows no stack of models."""


def _together(
    recipe: Recipe, examples: Examples, members: Tensor, rows: int, seed: int, progress: Progress
) -> dict[str, Tensor]:
    """Weights [models, ...] of models that take their steps side by side; _NotStacked before the first step."""
    models = [build(recipe, seed=seed + n) for n in range(members.shape[0])]
    stacked, buffers = stack_module_state(models)
    if buffers or set(stacked) != set(models[0].state_dict()):  # a tied weight has two names, and stands there once
        raise _NotStacked
    weights = {name: tensor.detach().clone().requires_grad_(False) for name, tensor in stacked.items()}
    skeleton = build(recipe, seed=0).train()

    def loss(given: dict[str, Tensor], rows: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(skeleton, given, (rows,)), labels)

    gradients = vmap(grad(loss), randomness="different")
    optimizer = torch.optim.Adam(list(weights.values()), lr=recipe.learning_rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(recipe.epochs):
        for places in _places(members, rows, size=recipe.batch, generator=generator):
            try:
                found = gradients(weights, examples.features[places], examples.labels[places])
            except (RuntimeError, ValueError):
                raise _NotStacked from None
            for name, tensor in weights.items():
                tensor.grad = found[name]
            optimizer.step()
        progress((epoch + 1) / recipe.epochs, f"Shadow models, epoch {epoch + 1} of {recipe.epochs}")
    return weights


def _singly(
    recipe: Recipe, examples: Examples, members: Tensor, rows: int, seed: int, progress: Progress
) -> dict[str, Tensor]:
    """The same, one model after another, running statistics and all; slower by about as much as there are models."""
    states = []
    for number, mine in enumerate(members):
        own = mine.nonzero().flatten()[torch.arange(rows) % int(mine.sum())]
        model = build(recipe, seed=seed + number)
        _learn(model, recipe, layout(examples.features[own]), examples.labels[own], seed=seed + number)
        states.append(model.state_dict())
        progress((number + 1) / len(members), f"Shadow model {number + 1} of {len(members)}")
    return {name: torch.stack([state[name] for state in states]).detach() for name in states[0]}


def _learn(model: nn.Module, recipe: Recipe, features: Tensor, labels: Tensor, *, seed: int) -> None:
    """Rows may stand twice here, which `Examples` forbid."""
    with chance_of(seed):
        descend(
            model,
            len(labels),
            lambda places: F.cross_entropy(model(features[places]), labels[places]),
            epochs=recipe.epochs,
            learning_rate=recipe.learning_rate,
            batch=recipe.batch,
            generator=torch.Generator().manual_seed(seed),
            statistics=len(labels) > 1,
        )


def train_references(
    recipe: Recipe,
    retain: Examples,
    *,
    count: int = 16,
    share: float = 0.8,
    seed: int = 0,
    progress: Progress = silent,
) -> Shadows:
    """Models that saw no row that was to go: each on a random `share` of what is kept, for an audit of rows.

    They take as many steps as a model on all of `retain`. They hold those rows' data: destroy them after the audit.
    """
    if not 1 <= count <= 256 or not 0 < share <= 1:
        raise InputError("training references: 1 to 256 of them, on a share between 0 and 1")
    chance = torch.Generator().manual_seed(seed)
    members = torch.rand(count, len(retain), generator=chance) < share
    return train_shadows(recipe, retain, members, seed=seed + 1, rows_an_epoch=len(retain), progress=progress)


def _places(members: Tensor, rows: int, *, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Places [models, batch], each model's own rows in an order of its own, from the start again where they end."""
    own = members.sum(1, keepdim=True)
    noise = torch.rand(members.shape, generator=generator).masked_fill(~members, 2.0)
    order = noise.argsort(1).gather(1, torch.arange(rows).expand(len(members), rows) % own)
    yield from order.split(size, dim=1)
