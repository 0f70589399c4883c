"""Which way to forget: what the records allow first, what a pilot run shows next; always with the reasons.

Order: shards (exact, one of them is trained anew), replay (exact), checkpoint arithmetic, an approximate method. The
exact way is left only where its records are missing or it would end after the deadline.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unlearning import methods
from unlearning.applying import apply, rows_for
from unlearning.arithmetic import subtract
from unlearning.budget import Budget
from unlearning.errors import LedgerError, UnlearningError
from unlearning.gates import MOST_LOST, right_tokens
from unlearning.ledger import Ledger, has_ledger
from unlearning.loop import make_optimizer, take
from unlearning.models import open_model, pin
from unlearning.replay import replay, start_of
from unlearning.shard_training import forget_in_shards, shards_that_saw
from unlearning.shards import is_sharded
from unlearning.tokens import encode
from unlearning.tuning import NEVER_SEEN, exposure
from unlearning.types import Outcome, Progress, Row, silent
from unlearning.unlearn import unlearn

PILOTS = ("stranger", "alternating_wga", "npo")
PILOT_STEPS = 3


@dataclass(frozen=True)
class Choice:
    """The way taken, the method where it is approximate, how long it should take, and why: one sentence a reason."""

    route: str
    method: str
    seconds: float
    why: tuple[str, ...]


def choose(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    checkpoint: Path | None = None,
    deadline: float | None = None,
    pilots: Sequence[str] = PILOTS,
    seed: int = 0,
    progress: Progress = silent,
) -> Choice:
    """Choose a way to forget; `deadline` is in seconds from now, `pilots` are methods to try. Nothing is written."""
    pin(1)
    if is_sharded(model_dir):
        return _sharded(model_dir, forget)
    model, tokenizer = open_model(model_dir)
    why: list[str] = [f"The model has {sum(weight.numel() for weight in model.parameters()):,} weights."]
    seconds = replay_seconds(model_dir, model, tokenizer, forget, retain, why)
    if seconds is not None and (deadline is None or seconds <= deadline):
        return Choice("replay", "replay", round(seconds, 1), (*why, "Replay is exact, so nothing else was considered."))
    if seconds is not None:
        why.append(f"Replay would take about {seconds:.0f} s, and the deadline is {deadline:.0f} s.")
    if checkpoint is not None:
        why.append("A checkpoint from before was given: its change is subtracted, which needs no long run.")
        return Choice("checkpoint_arithmetic", "checkpoint_arithmetic", 0.0, tuple(why))
    progress(0.3, "trying approximate methods")
    return _piloted(model, tokenizer, forget, retain, deadline=deadline, pilots=pilots, seed=seed, why=why)


def _sharded(folder: Path, forget: Sequence[Row]) -> Choice:
    """Shards are forgotten in whatever else is recorded: nothing is as cheap, and nothing else is as exact."""
    touched, count = shards_that_saw(folder, [row.key for row in forget])
    why = (
        f"The folder holds {count} shards of people over one base; {len(touched)} of them saw the rows.",
        "Training those again without the rows is exact and the cheapest way, so nothing else was considered.",
    )
    return Choice("shards", "shards", 0.0, why)


def replay_seconds(
    model_dir: Path, model: Any, tokenizer: Any, forget: Sequence[Row], retain: Sequence[Row], why: list[str]
) -> float | None:
    """How long a replay would take, from a few timed steps; None, with the reason added, where it cannot be done."""
    if not has_ledger(model_dir):
        why.append("No recorded run: the model cannot be rebuilt exactly.")
        return None
    ledger = Ledger(model_dir / "ledger")
    try:
        first, total = start_of(model_dir, exclude_keys=[row.key for row in forget])
        names = dict(zip(ledger.hashed(row.key for row in retain), retain, strict=True))
        missing = len(set(ledger.rows()) - set(names) - set(ledger.hashed(row.key for row in forget)))
        plan, steps = ledger.plan(), ledger.steps()
    except (UnlearningError, KeyError) as error:
        reason = str(error) if isinstance(error, LedgerError) else "its record is not that of our own loop"
        why.append(f"A run is recorded, but cannot be replayed: {reason}.")
        return None
    if missing:
        why.append(f"A run is recorded, but {missing} of its rows were not given: it cannot be replayed.")
        return None
    encoded = dict(zip(names, encode(tokenizer, list(names.values()), longest=plan.longest), strict=True))
    shown = [replace(step, rows=tuple(n for n in step.rows if n in encoded)) for step in steps[first:]]
    each = _timed([step for step in shown if step.rows][: PILOT_STEPS + 1], model, encoded, plan)
    why.append(f"The run is recorded; its tail of {total - first} of {total} steps never needs the rows.")
    return each * (total - first)


def _timed(steps: Sequence[Any], model: Any, rows: Any, plan: Any) -> float:
    """Seconds a step, on a copy; the first step warms up."""
    model, began = copy.deepcopy(model).train(), time.monotonic()
    optimizer = make_optimizer(model, plan)
    for place, step in enumerate(steps):
        began = time.monotonic() if place == 1 else began
        take(step, model=model, rows=rows, optimizer=optimizer, clip=plan.clip)
    return (time.monotonic() - began) / max(1, len(steps) - 1)


def _piloted(
    model: Any,
    tokenizer: Any,
    forget: Sequence[Row],
    retain: Sequence[Row],
    *,
    deadline: float | None,
    pilots: Sequence[str],
    seed: int,
    why: list[str],
) -> Choice:
    """A quarter of each candidate's rounds on a copy: nearest to never seen wins, if others' answers stay."""
    rows = rows_for(model, tokenizer, forget, retain, seed=seed)
    before, found = right_tokens(model, rows.retain), []
    for name in pilots:
        method = methods.load(name)
        pilot, began = copy.deepcopy(model), time.monotonic()
        each = method.forget_steps + method.retain_steps
        budget = Budget(steps=each * max(1, method.rounds // 4))  # a method of one round is tried whole
        try:
            steps = apply(method, pilot, rows, seed=seed, progress=silent, budget=budget)
        except UnlearningError as error:
            why.append(f"Pilot of {name}: {error}.")
            continue
        seconds = (time.monotonic() - began) * method.steps / max(1, steps)
        bits, lost = exposure(pilot, rows, seed=seed), before - right_tokens(pilot, rows.retain)
        why.append(f"Pilot of {name}: {bits:.1f} bits, {lost:.1%} of others' answers lost, {seconds:.0f} s in full.")
        if lost <= MOST_LOST and (deadline is None or seconds <= deadline):
            found.append((abs(bits - NEVER_SEEN), name, seconds))
    if not found:
        why.append("No pilot kept the others' answers and the deadline; the first is taken, behind its gates.")
        return Choice("approximate", pilots[0], 0.0, tuple(why))
    _, name, seconds = min(found)
    why.append(f"{name} came nearest to a model that never saw the rows.")
    return Choice("approximate", name, round(seconds, 1), tuple(why))


def forget_by_choice(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    out: Path,
    checkpoint: Path | None = None,
    deadline: float | None = None,
    namesakes: Sequence[Row] = (),
    most_lost: float = MOST_LOST,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Outcome:
    """Choose a way and take it; the outcome's detail names the route and says why."""
    choice = choose(
        model_dir, forget=forget, retain=retain, checkpoint=checkpoint, deadline=deadline, seed=seed, progress=progress
    )
    keys = {row.key for row in forget}
    if choice.route == "shards":
        done = forget_in_shards(model_dir, rows=[*forget, *retain], exclude_keys=keys, out=out, progress=progress)
    elif choice.route == "replay":
        done = replay(model_dir, rows=[*forget, *retain], exclude_keys=keys, out=out, progress=progress)
    elif choice.route == "checkpoint_arithmetic" and checkpoint is not None:
        done = subtract(
            model_dir, checkpoint=checkpoint, forget=forget, retain=retain, out=out, most_lost=most_lost, seed=seed
        )
    else:
        done = unlearn(
            model_dir,
            forget=forget,
            retain=retain,
            out=out,
            method=choice.method,
            namesakes=namesakes,
            most_lost=most_lost,
            seed=seed,
            threads=threads,
            progress=progress,
        )
    return replace(done, detail={**done.detail, "route": choice.route, "why": " ".join(choice.why)})
