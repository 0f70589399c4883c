"""Many models of one recipe at once, each on its own rows: one batched product instead of a loop over models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.examples import Examples
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
        skeleton = build(self.recipe, seed=0).eval()
        with torch.no_grad():
            answer = vmap(lambda weights, rows: functional_call(skeleton, weights, (rows,)), in_dims=(0, None))
            return torch.cat([answer(self.weights, piece) for piece in features.split(size)], dim=1)

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
    stacked, buffers = stack_module_state([build(recipe, seed=seed + n) for n in range(members.shape[0])])
    if buffers:
        raise InputError(
            "training shadow models: networks with running statistics cannot be stacked; train them singly"
        )
    weights = {name: tensor.detach().clone().requires_grad_(False) for name, tensor in stacked.items()}
    skeleton = build(recipe, seed=0).train()

    def loss(given: dict[str, Tensor], rows: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(skeleton, given, (rows,)), labels)

    gradients = vmap(grad(loss))
    optimizer = torch.optim.Adam(list(weights.values()), lr=recipe.learning_rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    rows = rows_an_epoch or int(members.sum(1).max())
    for epoch in range(recipe.epochs):
        for places in _places(members, rows, size=recipe.batch, generator=generator):
            found = gradients(weights, examples.features[places], examples.labels[places])
            for name, tensor in weights.items():
                tensor.grad = found[name]
            optimizer.step()
        if not all(bool(torch.isfinite(t).all()) for t in weights.values()):
            raise Diverged("training shadow models: weights left the numbers; lower the learning rate")
        progress((epoch + 1) / recipe.epochs, f"Shadow models, epoch {epoch + 1} of {recipe.epochs}")
    return Shadows(recipe, weights, members)


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
