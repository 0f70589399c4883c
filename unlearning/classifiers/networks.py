"""Small architectures by name, and a folder format without code: configuration as JSON, weights as safetensors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unlearning.classifiers.outcome import Recipe
from unlearning.errors import MissingWeights, ModelError, NotFinite, PickledWeights, UnknownName
from unlearning.files import partial_folder, promote, write_json

CONFIG, WEIGHTS = "classifier.json", "model.safetensors"


class Standardise(nn.Module):
    """Pixels around nought, by a fixed mean and spread."""

    def __init__(self, mean: float, spread: float) -> None:
        super().__init__()
        self.mean, self.spread = mean, spread

    def forward(self, pixels: Tensor) -> Tensor:
        """(x - mean) / spread."""
        return (pixels - self.mean) / self.spread


def strided_cnn(
    *,
    channels: int = 1,
    side: int = 28,
    classes: int = 10,
    width: int = 16,
    hidden: int = 64,
    mean: float = 0.13,
    spread: float = 0.31,
) -> nn.Module:
    """Two strided convolutions and two linear layers (106 k parameters on 28 x 28)."""
    after = (((side + 1) // 2) + 1) // 2
    return nn.Sequential(
        Standardise(mean, spread),
        nn.Conv2d(channels, width, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * after * after, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def mlp(*, inputs: int, classes: int, hidden: int = 128) -> nn.Module:
    """One hidden layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


class Ensemble(nn.Module):
    """Networks that answer together: the logarithm of their mean probability [n, classes]."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, rows: Tensor) -> Tensor:
        """log of the mean of the members' softmax."""
        said = torch.stack([member(rows).log_softmax(1) for member in self.members])
        return said.logsumexp(0) - math.log(len(self.members))


def ensemble(*, of: str, options: dict[str, Any], count: int) -> nn.Module:
    """So many networks of one architecture, which must not be an ensemble itself."""
    if of not in ARCHITECTURES or of == "ensemble" or not 1 <= count <= 1000:
        raise ModelError("building an ensemble: it needs 1 to 1000 members of a simple architecture")
    return Ensemble([ARCHITECTURES[of](**options) for _ in range(count)])


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {"strided_cnn": strided_cnn, "mlp": mlp, "ensemble": ensemble}


def build(recipe: Recipe, *, seed: int) -> nn.Module:
    """A fresh model with weights that only the seed decides; leaves the global source of chance as it was."""
    if isinstance(recipe.build, str) and recipe.build not in ARCHITECTURES:
        raise UnknownName(
            f"building a classifier: no architecture of that name; there are {', '.join(ARCHITECTURES)}, and one of"
            " your own is given each time by --module, in the file that it was trained with, unchanged"
        )
    make = ARCHITECTURES[recipe.build] if isinstance(recipe.build, str) else recipe.build
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return make(**recipe.options)
        except TypeError:
            raise ModelError(
                "building a classifier: the recipe's options do not fit; see what its build takes"
            ) from None


def save(
    model: nn.Module,
    recipe: Recipe,
    out: Path,
    *,
    notes: dict[str, Any] | None = None,
    inside: dict[str, dict[str, Tensor]] | None = None,
) -> None:
    """Write a model folder, with further weights in folders inside; it appears whole or not at all."""
    if not isinstance(recipe.build, str):
        raise ModelError(
            "writing a model folder: its recipe is code, which no folder holds; keep your state_dict instead"
        )
    partial = partial_folder(out)
    for name, tensors in (inside or {}).items():
        (partial / name).mkdir(parents=True, exist_ok=True)
        save_file({key: tensor.clone().contiguous() for key, tensor in tensors.items()}, partial / name / WEIGHTS)
    save_file({name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}, partial / WEIGHTS)
    facts = {"build": recipe.build, "options": recipe.options, "epochs": recipe.epochs}
    facts |= {"learning_rate": recipe.learning_rate, "batch": recipe.batch, "notes": notes or {}}
    write_json(partial / CONFIG, facts)
    promote(partial, out)


def open_recipe(folder: Path) -> tuple[Recipe, dict[str, Any]]:
    """The recipe and notes of a model folder; ModelError when it is none."""
    try:
        facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        recipe = Recipe(
            build=str(facts["build"]),
            options=dict(facts["options"]),
            epochs=int(facts["epochs"]),
            learning_rate=float(facts["learning_rate"]),
            batch=int(facts["batch"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"opening {folder}: no readable {CONFIG}; give a folder that `classifier train` wrote"
        ) from None
    return recipe, dict(facts.get("notes", {}))


def load(folder: Path) -> tuple[nn.Module, Recipe, dict[str, Any]]:
    """(model, recipe, notes) of a model folder; refuses pickles, missing or foreign tensors, and NaN."""
    recipe, notes = open_recipe(folder)
    model = build(recipe, seed=0)
    model.load_state_dict(load_weights(folder, recipe))
    return model.eval(), recipe, notes


def load_weights(folder: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The weights in a folder that fit the recipe; refuses pickles, missing or foreign tensors, and NaN."""
    if not (folder / WEIGHTS).is_file():
        if any(folder.glob("*.pt")) or any(folder.glob("*.pth")) or any(folder.glob("*.bin")):
            raise PickledWeights(f"opening {folder}: weights only as pickle, which may run code; save as safetensors")
        raise MissingWeights(f"opening {folder}: no {WEIGHTS}; restore the folder")
    try:
        tensors: dict[str, Tensor] = load_file(folder / WEIGHTS)
        build(recipe, seed=0).load_state_dict(tensors)
    except SafetensorError:
        raise ModelError(f"opening {folder}: {WEIGHTS} is damaged; restore it") from None
    except RuntimeError:
        raise ModelError(f"opening {folder}: the weights do not fit the architecture; restore the folder") from None
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise NotFinite(f"opening {folder}: the weights hold NaN or infinity; restore an earlier version")
    return tensors
