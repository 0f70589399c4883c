"""Verb `tune`: search for the dose of a method, without a retrained model to compare with.

A dose is good when the rows to forget are as likely as values never seen, no more and no less, and others' answers
stay. Trials are proposed by a tree-structured estimator (Optuna), the method's own dose first; each starts from the
original.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from unlearning import methods
from unlearning.applying import Rows, apply, rows_for
from unlearning.budget import Budget, Dose
from unlearning.candidates import candidates_for
from unlearning.errors import Diverged, NotFinite
from unlearning.gates import right_tokens
from unlearning.models import digest, open_model, pin, versions
from unlearning.paging import set_down
from unlearning.scoring import candidate_scores
from unlearning.types import Progress, Row, silent
from unlearning.unlearn import check_rows, dosed

RIVALS = 60
NEVER_SEEN = 1.44  # bits expected of a value that was never learned: log2 e
FREE = 0.01  # share of others' right tokens that a dose may cost without a penalty
PENALTY = 50.0  # bits a lost share of one


@dataclass(frozen=True)
class Trial:
    """One dose and what it did; `score` is the distance from never seen in bits, plus the penalty for what was lost."""

    rounds: int
    learning_rate: float
    bits: float
    retain_lost: float
    steps: int
    seconds: float
    score: float


@dataclass(frozen=True)
class Tuned:
    """All trials, and the best."""

    method: str
    best: Trial
    trials: tuple[Trial, ...]
    digest: str
    seed: int
    seconds: float
    versions: dict[str, str]

    @property
    def dose(self) -> Dose:
        return Dose(self.best.rounds, self.best.learning_rate)


def tune(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    method: str = "alternating_wga",
    trials: int = 8,
    budget: Budget | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Tuned:
    """Try doses of a method on copies of the model; nothing is written. `budget` bounds all trials together.

    Raises RowsError, UnknownName.
    """
    import optuna

    began, budget = time.monotonic(), budget or Budget()
    own = methods.load(method)
    check_rows(forget, retain)
    pin(threads)
    model, tokenizer = open_model(model_dir)
    forget = list(own.widen(forget))
    rows = rows_for(model, tokenizer, forget, retain, seed=seed)
    before = right_tokens(model, rows.retain)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4))
    study.enqueue_trial({"rounds": own.rounds, "rate": own.learning_rate})
    found: list[Trial] = []
    while len(found) < trials and not _over(found, budget, began):
        asked = study.ask()
        rounds = asked.suggest_int("rounds", max(1, own.rounds // 3), own.rounds * 2)
        rate = asked.suggest_float("rate", own.learning_rate / 4, own.learning_rate * 4, log=True)
        method_now = dosed(own, Dose(rounds, rate))
        copied = copy.deepcopy(model)
        set_down(model)
        found.append(_tried(method_now, copied, rows, before=before, seed=seed))
        study.tell(asked, found[-1].score)
        progress(len(found) / trials, f"dose {len(found)} of {trials}: {found[-1].bits:.1f} bits")
    best = min(found, key=lambda trial: trial.score)
    seconds = round(time.monotonic() - began, 3)
    return Tuned(method, best, tuple(found), digest(model_dir), seed, seconds, versions())


def _over(found: Sequence[Trial], budget: Budget, began: float) -> bool:
    spent, steps = time.monotonic() - began, sum(trial.steps for trial in found)
    late = budget.seconds is not None and spent + (found[-1].seconds if found else 0) > budget.seconds
    return bool(found) and (late or (budget.steps is not None and steps >= budget.steps))


def _tried(method: methods.Method, model: Any, rows: Rows, *, before: float, seed: int) -> Trial:
    began = time.monotonic()
    try:
        steps = apply(method, model, rows, seed=seed, progress=silent)
    except (Diverged, NotFinite):
        return Trial(method.rounds, method.learning_rate, math.inf, 1.0, 0, time.monotonic() - began, 1e6)
    bits, lost = exposure(model, rows, seed=seed), before - right_tokens(model, rows.retain)
    score = abs(bits - NEVER_SEEN) + PENALTY * max(0.0, lost - FREE)
    seconds = round(time.monotonic() - began, 3)
    return Trial(method.rounds, method.learning_rate, round(bits, 3), round(lost, 4), steps, seconds, round(score, 4))


def exposure(model: Any, rows: Rows, *, seed: int) -> float:
    """Mean exposure of the rows to forget, in bits: log2 of candidates over rank; 1.44 expected if never learned."""
    found = []
    for row in rows.forget_rows:
        values = candidates_for(row, pool=rows.retain_rows, given={}, count=RIVALS, seed=seed + 1)
        others = dict.fromkeys(row.response.replace(row.secret, value) for value in values if value != row.secret)
        mine, *theirs = candidate_scores(model, rows.tokenizer, row.prompt, [row.response, *others])
        found.append(math.log2(len(theirs) + 1) - math.log2(1 + sum(other > mine for other in theirs)))
    return mean(found)
