"""Find the dose: Optuna from good defaults with successive halving, or random search for parity."""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import torch
from torch import nn

from unlearning.classifiers import answers, methods, statistics
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import logits_of
from unlearning.classifiers.outcome import Budget, Recipe, Space, Task
from unlearning.classifiers.planning import scope_of
from unlearning.errors import Diverged, InputError
from unlearning.types import Progress, silent

OBJECTIVES = ("balanced", "unlearning_score")


@dataclass(frozen=True)
class Trial:
    """One dose that was tried."""

    parameters: dict[str, Any]
    value: float
    seconds: float


@dataclass(frozen=True)
class Trials:
    """Every dose that was tried, and the best; the model of the best, so that nothing is run twice."""

    method: str
    objective: str
    trials: tuple[Trial, ...]
    best: Trial
    model: Any
    seconds: float


def tune(
    model: nn.Module,
    forget: Examples,
    retain: Examples,
    *,
    method: str,
    holdout: Examples,
    objective: str = "balanced",
    search: str = "halving",
    among: Collection[str] | None = None,
    recipe: Recipe | None = None,
    folds: Any = None,
    budget: Budget = Budget(),  # noqa: B008 - frozen
    seed: int = 0,
    progress: Progress = silent,
) -> Trials:
    """Try doses within the budget; `holdout` is neither test set nor training set, and no retrained model is needed.

    `balanced` is accuracy on what is kept minus the gap between the forget rows' loss and that of held-out rows like
    them; `unlearning_score` is retained accuracy minus recognition of what is to be forgotten. `search` is `halving`
    (a third of the data first, the better half goes on) or `random`; `among` names the parameters that are searched,
    all that the method offers when not given.
    """
    if objective not in OBJECTIVES or search not in ("halving", "random"):
        raise InputError(f"tuning: objectives are {', '.join(OBJECTIVES)}; searches are halving, random")
    answers.check(model, forget.features, classes=forget.classes)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {name: s for name, s in methods.load(method).SEARCH.items() if among is None or name in among}
    random = search == "random"
    sampler = optuna.samplers.RandomSampler(seed=seed) if random else optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(
        direction="maximize", sampler=sampler, pruner=optuna.pruners.SuccessiveHalvingPruner(reduction_factor=2)
    )
    defaults = {name: methods.defaults(method)[name] for name in space}
    if not random:
        study.enqueue_trial(defaults)
    start, done, best = time.perf_counter(), [], None
    model = copy.deepcopy(model)
    statistics.count_anew(model, retain, generator=torch.Generator().manual_seed(seed))
    for number in range(max(1, budget.trials)):
        asked = study.ask()
        dose = _dose(asked, space, defaults)
        began = time.perf_counter()
        value, after = _try(
            model, forget, retain, method, dose, holdout, objective, asked, study, recipe, folds, seed, halve=not random
        )
        trial = Trial(dose, value, time.perf_counter() - began)
        done.append(trial)
        if after is not None and (best is None or value > best[0].value):
            best = (trial, after)
        progress((number + 1) / budget.trials, f"Dose {number + 1} of {budget.trials}: {value:.3f}")
        if budget.seconds is not None and time.perf_counter() - start > budget.seconds:
            break
    if best is None:
        raise Diverged("tuning: no dose gave a usable model; widen the budget or choose another method")
    return Trials(method, objective, tuple(done), best[0], best[1], time.perf_counter() - start)


def _dose(asked: optuna.Trial, space: Mapping[str, Space], defaults: dict[str, Any]) -> dict[str, Any]:
    return {name: _value_of(asked, name, bounds, defaults[name]) for name, bounds in space.items()}


def _value_of(asked: optuna.Trial, name: str, bounds: Space, default: Any) -> Any:
    low, high = bounds[0], bounds[-1]
    if isinstance(low, str) or isinstance(high, str):
        return asked.suggest_categorical(name, [str(word) for word in bounds])
    if isinstance(default, int):
        return asked.suggest_int(name, int(low), int(high))
    return asked.suggest_float(name, low, high, log=low > 0 and high / low > 20)


def _try(
    model: nn.Module,
    forget: Examples,
    retain: Examples,
    method: str,
    dose: dict[str, Any],
    holdout: Examples,
    objective: str,
    asked: optuna.Trial,
    study: optuna.Study,
    recipe: Recipe | None,
    folds: Any,
    seed: int,
    *,
    halve: bool,
) -> tuple[float, nn.Module | None]:
    """(value, model); a dose that is worse than half of the others on a third of the data is not run on all of it."""
    scope, chance = scope_of(forget, retain), torch.Generator().manual_seed(seed)
    stages = [(forget.sample(max(1, len(forget) // 3), generator=chance), 0), (forget, 1)] if halve else [(forget, 1)]
    value = -1.0
    for rows, step in stages:
        task = Task(copy.deepcopy(model), rows, retain, scope, seed, recipe, folds)
        try:
            after = methods.run(method, task, dose)
        except Diverged:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
            return -1.0, None
        value = _value(after, forget, holdout, objective)
        asked.report(value, step)
        if step == 0 and asked.should_prune():
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            return value, None
    study.tell(asked, value)
    return value, after


def _value(model: nn.Module, forget: Examples, holdout: Examples, objective: str) -> float:
    logits = logits_of(model, holdout.features)
    right = logits.argmax(1) == holdout.labels
    same = torch.isin(holdout.labels, forget.labels.unique())
    whole = len(forget.labels.unique()) == 1
    kept = float(right[~same].float().mean()) if whole and bool((~same).any()) else float(right.float().mean())
    mine = logits_of(model, forget.features)
    if objective == "unlearning_score" or whole:
        return kept - float((mine.argmax(1) == forget.labels).float().mean())
    loss = torch.nn.functional.cross_entropy
    gap = abs(float(loss(mine, forget.labels)) - float(loss(logits[same], holdout.labels[same])))
    return kept - 0.5 * gap
