"""The loop that applies an approximate method: it watches itself, keeps to a budget and survives a kill.

It takes up no further round once, after healing, no row's value is likelier than values never seen: what goes further
does not hide the value, it marks it. Every step draws from (seed, step) alone, so that a resumed run has the bytes of
an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unlearning import processes
from unlearning.batches import collate, token_losses
from unlearning.budget import Budget
from unlearning.dose import StillKnown, still_known
from unlearning.errors import Diverged, InputError
from unlearning.files import swap_in
from unlearning.methods import Material, Method, Turn
from unlearning.models import check_finite, load_state, save_state
from unlearning.scoring import encoded_for
from unlearning.tokens import Encoded
from unlearning.types import Progress, Row

SAVE_SECONDS = 15.0  # what a killed run loses at most
NOTED = "memory.json"  # what the method's memory gained on the way


@dataclass(frozen=True)
class Rows:
    """What is to go, what is to stay, and the question which of the first the model still knows."""

    forget: Sequence[Encoded]
    retain: Sequence[Encoded]
    known: StillKnown
    tokenizer: Any = None
    forget_rows: Sequence[Row] = ()
    retain_rows: Sequence[Row] = ()

    def material(self, model: Any, *, seed: int) -> Material:
        """What a method prepares from."""
        return Material(model, self.tokenizer, self.forget, self.retain, self.forget_rows, self.retain_rows, seed)


def rows_for(model: Any, tokenizer: Any, forget: Sequence[Row], retain: Sequence[Row], *, seed: int) -> Rows:
    """The rows as ids that the model has room for, and what it still knows of the first."""
    gone, kept = encoded_for(model, tokenizer, forget), encoded_for(model, tokenizer, retain)
    known = still_known(tokenizer, forget, retain, seed=seed)
    return Rows(gone, kept, known, tokenizer, list(forget), list(retain))


def apply(
    method: Method,
    model: Any,
    rows: Rows,
    *,
    seed: int,
    progress: Progress,
    budget: Budget | None = None,
    keep: Path | None = None,
) -> int:
    """Change `model` in place; returns the optimizer steps taken. Rows that are not known any more are left alone.

    `keep` is where a state is saved from time to time, and taken up if one is there. Raises Diverged, InputError.
    """
    run = _Run(method, model, rows, seed=seed, budget=budget or Budget(), keep=keep)
    first = run.resume()
    model.train()
    done = first
    for step in range(first, run.total):
        if run.is_over(step):
            break
        descend(run.loss(step), model=model, optimizer=run.optimizer, doing="unlearning")
        done = step + 1
        run.save(done)
        progress(done / run.total, f"step {done} of {run.total}")
    method.finish(model, run.memory)
    model.eval()
    check_finite(model, doing="unlearning")
    return done


class _Run:
    """One application: what was prepared once, and what each step asks."""

    def __init__(self, method: Method, model: Any, rows: Rows, *, seed: int, budget: Budget, keep: Path | None) -> None:
        self.method, self.model, self.rows, self.seed, self.keep = method, model, rows, seed, keep
        self.round = method.forget_steps + method.retain_steps
        self.total, self.budget = _steps_within(method, budget), budget
        self.began = self.saved = time.monotonic()
        torch.manual_seed(seed)
        self.memory = method.prepare(rows.material(model, seed=seed))
        self.reference = [_losses(model, row) for row in rows.forget]
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=method.learning_rate, weight_decay=0.0, fused=True)

    def resume(self) -> int:
        if self.keep is None:
            return 0
        if not processes.agreed(all((self.keep / name).is_file() for name in ("state.json", NOTED))):
            return 0
        self.method.recall(self.memory, json.loads((self.keep / NOTED).read_text("utf-8")))
        return load_state(self.keep, model=self.model, optimizer=self.optimizer)

    def save(self, step: int) -> None:
        if self.keep is None or time.monotonic() - self.saved < SAVE_SECONDS or not processes.here().is_first:
            return
        fresh = self.keep.with_name(f"{self.keep.name}.fresh")
        save_state(fresh, model=self.model, optimizer=self.optimizer, step=step)
        (fresh / NOTED).write_text(json.dumps(self.method.noted(self.memory)), "utf-8")
        swap_in(fresh, self.keep)
        self.saved = time.monotonic()

    def is_over(self, step: int) -> bool:
        """Asked before each round: is everything forgotten already, or would another round take too long?"""
        if step % self.round or not step:
            return False
        spent = processes.agreed(time.monotonic() - self.began)
        if self.budget.seconds is not None and spent * (1 + self.round / step) > self.budget.seconds:
            return True
        return self.method.watched and not self.known()

    def known(self) -> list[int]:
        self.model.eval()
        found = processes.agreed(self.rows.known(self.model))
        self.model.train()
        return found

    def loss(self, step: int) -> Any:
        """The loss of one step: of the method where something is still known, else of healing."""
        method, draw = self.method, random.Random(f"{self.seed}|{step}")
        torch.manual_seed(self.seed * 1_000_003 + step)
        method.before_step(self.model, self.memory, step)
        for group in self.optimizer.param_groups:
            group["lr"] = method.learning_rate * method.rate(step / method.steps)
        kept = _some(range(len(self.rows.retain)), method.rows, draw)
        known: Sequence[int] = ()
        if step % self.round < method.forget_steps:
            known = self.known() if method.watched else range(len(self.rows.forget))
        chosen = _some(known, method.rows, draw)
        turn = self._turn(chosen or [0], kept, chosen, step)
        with processes.divided():
            return method.loss(turn) if chosen else method.heal(turn)

    def _turn(self, shown: Sequence[int], kept: Sequence[int], chosen: Sequence[int], step: int) -> Turn:
        return Turn(
            self.model,
            collate([self.rows.forget[index] for index in shown]),
            collate([self.rows.retain[index] for index in kept]),
            torch.cat([self.reference[index] for index in shown]),
            chosen=tuple(chosen),
            kept=tuple(kept),
            memory=self.memory,
            step=step,
        )


def _steps_within(method: Method, budget: Budget) -> int:
    """Whole rounds only: a run that ends before healing would leave a wounded model."""
    if budget.steps is None:
        return method.steps
    each = method.forget_steps + method.retain_steps
    rounds = min(method.rounds, budget.steps // each)
    if not rounds:
        raise InputError(f"unlearning: a round of this method is {each} steps, and the budget is {budget.steps}")
    return rounds * each


def descend(loss: Any, *, model: Any, optimizer: Any, doing: str) -> None:
    """One optimizer step; raises Diverged when the loss is no number."""
    if not math.isfinite(float(loss.detach())):
        raise Diverged(f"{doing}: the loss is not finite; lower the learning rate or choose another method")
    loss.backward()
    processes.average(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _some(among: Sequence[int], count: int, draw: random.Random) -> list[int]:
    return sorted(draw.sample(among, min(count, len(among))))


def _losses(model: Any, row: Encoded) -> Any:
    with torch.no_grad():
        return token_losses(model, collate([row]))
