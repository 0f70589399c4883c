"""SISA: shards that are trained apart and slices that are learned one after another, so that forgetting is exact.

Bourtoule et al. 2021, Machine Unlearning. A row lies in one shard and one slice by a hash of its id. Forgetting it goes
back, in its shard alone, to the checkpoint from before its slice and learns the rest again: the result is, to the bit,
what training without the row gives. Checkpoints and shards hold the person's data: both are replaced.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
from torch import nn

from unlearning.classifiers.examples import Examples, part_ids
from unlearning.classifiers.fitting import fit
from unlearning.classifiers.networks import Ensemble, build
from unlearning.classifiers.outcome import Recipe
from unlearning.errors import InputError
from unlearning.types import Progress, silent

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Sisa:
    """`checkpoints[shard][slice]` are the weights after that slice was learned; the last one of a shard answers."""

    recipe: Recipe
    checkpoints: tuple[tuple[Weights, ...], ...]
    seed: int

    @property
    def shards(self) -> int:
        """How many models answer together."""
        return len(self.checkpoints)

    @property
    def slices(self) -> int:
        """How many steps each of them learned in."""
        return len(self.checkpoints[0])

    def model(self) -> Ensemble:
        """All shards as one network: the logarithm of their mean probability."""
        found = Ensemble([_with(self.recipe, shard[-1]) for shard in self.checkpoints])
        found.eval()
        return found


@dataclass(frozen=True)
class Relearned:
    """What is there after forgetting: the parts, which shards were touched, and the row passes that it took."""

    parts: Sisa
    shards: tuple[int, ...]
    passes: int


def ensemble_recipe(recipe: Recipe, shards: int) -> Recipe:
    """The recipe under which the ensemble's folder is opened again."""
    return replace(recipe, build="ensemble", options={"of": recipe.build, "options": recipe.options, "count": shards})


def train_sisa(
    recipe: Recipe, examples: Examples, *, shards: int = 5, slices: int = 1, seed: int = 0, progress: Progress = silent
) -> Sisa:
    """Train every shard slice by slice; InputError when a shard would hold no row."""
    if not 1 <= shards <= 1000 or not 1 <= slices <= 1000:
        raise InputError("training by shards: shards and slices are numbers from 1 to 1000")
    found = []
    for shard in range(shards):
        found.append(_learn(recipe, examples, shard, (), shards=shards, slices=slices, seed=seed))
        progress((shard + 1) / shards, f"Shard {shard + 1} of {shards}")
    return Sisa(recipe, tuple(found), seed)


def forget(parts: Sisa, examples: Examples, ids: Collection[str], *, progress: Progress = silent) -> Relearned:
    """Take rows out; `examples` are all rows that the parts were trained on. Equal to `train_sisa` without the rows."""
    gone, rest = part_ids(examples, ids)
    first: dict[int, int] = {}
    for i in gone.ids:
        shard, piece = _place(i, parts.shards, parts.slices, parts.seed)
        first[shard] = min(piece, first.get(shard, piece))
    found, passes = list(parts.checkpoints), 0
    for done, (shard, piece) in enumerate(sorted(first.items())):
        kept = parts.checkpoints[shard][:piece]
        found[shard] = _learn(
            parts.recipe, rest, shard, kept, shards=parts.shards, slices=parts.slices, seed=parts.seed
        )
        passes += _passes(parts, rest, shard, piece)
        progress((done + 1) / len(first), f"Shard {done + 1} of {len(first)} learned again")
    return Relearned(Sisa(parts.recipe, tuple(found), parts.seed), tuple(sorted(first)), passes)


def _learn(
    recipe: Recipe,
    examples: Examples,
    shard: int,
    kept: tuple[Weights, ...],
    *,
    shards: int,
    slices: int,
    seed: int,
) -> tuple[Weights, ...]:
    """The shard's checkpoints: those in `kept`, then one a slice, each learned with all slices before it."""
    places = [_place(i, shards, slices, seed) for i in examples.ids]
    model = build(recipe, seed=seed * 1000 + shard) if not kept else _with(recipe, kept[-1])
    found = list(kept)
    for piece in range(len(kept), slices):
        mine = examples.take([n for n, (s, r) in enumerate(places) if s == shard and r <= piece])
        if not len(mine):
            raise InputError("training by shards: a shard holds no row; use fewer shards or slices")
        fit(
            model,
            mine,
            epochs=stage_epochs(recipe, slices),
            learning_rate=recipe.learning_rate,
            batch=recipe.batch,
            seed=seed + piece,
        )
        found.append({name: tensor.detach().clone() for name, tensor in model.state_dict().items()})
    return tuple(found)


def stage_epochs(recipe: Recipe, slices: int) -> int:
    """Epochs a slice, so that all of them together pass over as many rows as the recipe does."""
    return max(1, round(2 * recipe.epochs / (slices + 1)))


def _passes(parts: Sisa, rest: Examples, shard: int, piece: int) -> int:
    places = [_place(i, parts.shards, parts.slices, parts.seed) for i in rest.ids]
    own = [r for s, r in places if s == shard]
    return stage_epochs(parts.recipe, parts.slices) * sum(sum(r <= p for r in own) for p in range(piece, parts.slices))


def _place(row_id: str, shards: int, slices: int, seed: int) -> tuple[int, int]:
    """(shard, slice) of a row, by a hash: it stays the same when other rows come and go."""
    digest = hashlib.blake2b(f"shard {seed}:{row_id}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") % shards, int.from_bytes(digest[8:], "big") % slices


def _with(recipe: Recipe, weights: Weights) -> nn.Module:
    model = build(recipe, seed=0)
    model.load_state_dict(copy.deepcopy(weights))
    return model.eval()
