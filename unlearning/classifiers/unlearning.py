"""Make a classifier forget a class or some rows, and say what may be said about the result."""

from __future__ import annotations

import copy
import time
from typing import Any

import torch
from torch import nn

from unlearning.classifiers import answers, methods, statistics
from unlearning.classifiers.audit import audit
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.outcome import (
    Budget,
    Cost,
    Figure,
    Provenance,
    Recipe,
    Task,
    UnlearnResult,
    weights_digest,
)
from unlearning.classifiers.planning import Plan, plan
from unlearning.errors import Diverged, NotFinite
from unlearning.models import versions
from unlearning.types import Progress, silent


def unlearn(
    model: nn.Module,
    forget: Examples,
    retain: Examples | None = None,
    *,
    method: str = "auto",
    parameters: dict[str, Any] | None = None,
    recipe: Recipe | None = None,
    folds: Any = None,
    holdout: Examples | None = None,
    references: tuple[nn.Module, ...] = (),
    budget: Budget = Budget(),  # noqa: B008 - frozen
    seed: int = 0,
    progress: Progress = silent,
) -> UnlearnResult:
    """Return a new model; the one given is never changed. Errors: InputError and its kin, Diverged."""
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        raise NotFinite("forgetting: the model's weights hold NaN or infinity; restore an earlier version")
    answers.check(model, forget.features, classes=forget.classes)
    start, spent = time.perf_counter(), time.process_time()
    if not len(forget):
        return _nothing(model, forget, retain, seed=seed)
    planned = plan(forget, retain, recipe=recipe, folds=folds is not None, budget=budget)
    name = planned.choices[0].method if method == "auto" else method
    given = parameters or {}
    task = Task(copy.deepcopy(model), forget, retain, planned.scope, seed, recipe, folds, progress)
    methods.check(name, task, given)
    exact = methods.load(name).EXACTNESS == "exact"  # such a model starts from nothing
    counted = "" if exact else statistics.count_anew(task.model, retain, generator=task.generator())
    after = methods.run(name, task, given)
    if not all(bool(torch.isfinite(p).all()) for p in after.parameters()):
        raise Diverged(f"{name}: the new weights hold NaN or infinity, nothing was kept; choose a lower rate")
    cost = Cost(time.perf_counter() - start, time.process_time() - spent, planned.predicted_retraining)
    said = (counted,) if counted else ()
    return _judged(
        model, after, task, planned, name, given, holdout=holdout, references=references, cost=cost, said=said
    )


def _judged(
    model: nn.Module,
    after: nn.Module,
    task: Task,
    planned: Plan,
    name: str,
    given: dict[str, Any],
    *,
    holdout: Examples | None,
    references: tuple[nn.Module, ...],
    cost: Cost,
    said: tuple[str, ...],
) -> UnlearnResult:
    found = audit(
        after,
        task.forget,
        retain=task.retain,
        holdout=holdout,
        original=model,
        references=references,
        exactness=methods.load(name).EXACTNESS,
        scope=planned.scope,
    )
    chosen = f"{name}: {next((c.reason for c in planned.choices if c.method == name), 'asked for by name')}"
    return UnlearnResult(
        model=after,
        method=name,
        parameters={**methods.defaults(name), **given},
        scope=planned.scope,
        exactness=methods.load(name).EXACTNESS,
        gate=found.gate,
        reasons=(chosen, *said, *found.reasons, *planned.advice),
        figures=found.figures,
        cost=cost,
        provenance=_provenance(model, after, task.forget, task.retain, seed=task.seed),
    )


def _provenance(
    before: nn.Module, after: nn.Module, forget: Examples, retain: Examples | None, *, seed: int
) -> Provenance:
    kept = retain.digest() if retain is not None else ""
    return Provenance(weights_digest(before), weights_digest(after), forget.digest(), kept, seed, versions())


def _nothing(model: nn.Module, forget: Examples, retain: Examples | None, *, seed: int) -> UnlearnResult:
    same = copy.deepcopy(model)
    return UnlearnResult(
        model=same,
        method="none",
        parameters={},
        scope="none",
        exactness="exact",
        gate="pass",
        reasons=("Nothing was to be forgotten: the model is the one that was given, byte for byte.",),
        figures=(Figure("changed weights", 0.0),),
        cost=Cost(0.0, 0.0),
        provenance=_provenance(model, same, forget, retain, seed=seed),
    )
