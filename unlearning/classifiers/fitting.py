"""Training and looking: one loop that every method and every control shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that everybody reads

from unlearning.classifiers.answers import check
from unlearning.classifiers.answers import layout as layout  # where everything that trains looks for it
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.networks import build
from unlearning.classifiers.outcome import Recipe
from unlearning.errors import Diverged
from unlearning.types import Progress, silent


@contextmanager
def chance_of(seed: int) -> Iterator[None]:
    """Dropout draws from the process's own source of chance: by this seed here, and as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def batches(n: int, *, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Shuffled places in pieces of `size`; a last piece of one row joins the one before (one row has no spread)."""
    pieces = list(torch.randperm(n, generator=generator).split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    yield from pieces


def logits_of(model: nn.Module, features: Tensor, *, size: int = 2048) -> Tensor:
    """Logits [n, classes] in evaluation mode, without gradients."""
    was, found = model.training, []
    model.eval()
    with torch.no_grad():
        for piece in features.split(size):
            found.append(model(layout(piece)))
    model.train(was)
    return torch.cat(found) if found else torch.empty(0)


def accuracy(model: nn.Module, examples: Examples) -> float:
    """Share of rows whose largest logit is the label's; NaN for no rows."""
    if not len(examples):
        return float("nan")
    return float((logits_of(model, examples.features).argmax(1) == examples.labels).float().mean())


def adam(parameters: Iterable[nn.Parameter], *, learning_rate: float) -> torch.optim.Adam:
    """Adam in one pass over the weights where PyTorch has one."""
    chosen = list(parameters)
    fused = all(p.is_floating_point() for p in chosen) and bool(chosen)
    return torch.optim.Adam(chosen, lr=learning_rate, fused=fused)


def learn(model: nn.Module, *, statistics: bool = False) -> None:
    """Training mode; running statistics (batch norm) follow the batches only where they are representative of all."""
    model.train()
    for part in () if statistics else model.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()


def descend(
    model: nn.Module,
    rows: int,
    loss_at: Callable[[Tensor], Tensor],
    *,
    epochs: int,
    learning_rate: float,
    batch: int,
    generator: torch.Generator,
    parameters: Iterable[nn.Parameter] | None = None,
    after_step: Callable[[], None] | None = None,
    statistics: bool = False,
    progress: Progress = silent,
) -> nn.Module:
    """Minimise `loss_at(places)` with Adam over shuffled places of `rows`, in place; Diverged when it is no number.

    `statistics` lets running ones follow the batches, which a few rows of one class would distort.
    """
    optimizer = adam(parameters if parameters is not None else model.parameters(), learning_rate=learning_rate)
    learn(model, statistics=statistics)
    last, steps = torch.zeros(()), max(1, -(-rows // batch))
    for epoch in range(epochs):
        for step, places in enumerate(batches(rows, size=batch, generator=generator)):
            optimizer.zero_grad(set_to_none=True)
            last = loss_at(places)
            last.backward()
            optimizer.step()
            if after_step:
                after_step()
            if step % 200 == 199:
                progress((epoch + step / steps) / epochs, f"Epoch {epoch + 1} of {epochs}, step {step + 1} of {steps}")
        if not bool(torch.isfinite(last)):
            raise Diverged("training a classifier: the loss is no number any more; lower the learning rate")
        progress((epoch + 1) / epochs, f"Epoch {epoch + 1} of {epochs}, loss {float(last.detach()):.3f}")
    return model.eval()


def fit(
    model: nn.Module,
    examples: Examples,
    *,
    epochs: int,
    learning_rate: float,
    batch: int,
    seed: int,
    progress: Progress = silent,
) -> nn.Module:
    """Train in place on labels."""
    features = layout(examples.features)
    with chance_of(seed):
        return descend(
            model,
            len(examples),
            lambda places: F.cross_entropy(model(features[places]), examples.labels[places]),
            epochs=epochs,
            learning_rate=learning_rate,
            batch=batch,
            generator=torch.Generator().manual_seed(seed),
            statistics=len(examples) > 1,
            progress=progress,
        )


def train(recipe: Recipe, examples: Examples, *, seed: int, progress: Progress = silent) -> nn.Module:
    """The recipe's model, from nothing."""
    model = build(recipe, seed=seed)
    check(model, examples.features, classes=examples.classes)
    return fit(
        model,
        examples,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        batch=recipe.batch,
        seed=seed,
        progress=progress,
    )


def predict_seconds(recipe: Recipe, examples: Examples, *, probe: int = 8) -> float:
    """Wall-clock seconds that training on these examples would take, from a few timed steps of it."""
    model = build(recipe, seed=0)
    few = examples.take(list(range(min(len(examples), recipe.batch * probe))))
    if not len(few):
        return 0.0
    fit(
        model,
        few.take(list(range(min(len(few), recipe.batch)))),
        epochs=2,
        learning_rate=1e-4,
        batch=recipe.batch,
        seed=0,
    )
    start = time.perf_counter()
    fit(model, few, epochs=1, learning_rate=recipe.learning_rate, batch=recipe.batch, seed=0)
    return (time.perf_counter() - start) * recipe.epochs * len(examples) / len(few)
