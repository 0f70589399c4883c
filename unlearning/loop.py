"""The one loop that walks a program of micro-batches; `train` and `replay` differ only in the program they hand it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from unlearning.batches import collate, token_losses
from unlearning.errors import Diverged
from unlearning.files import swap_in
from unlearning.ledger import Ledger, Step
from unlearning.models import load_state, save_state
from unlearning.tokens import Encoded
from unlearning.types import Progress, TrainingPlan

SAVE_EVERY = 150  # optimizer steps; what a killed run loses at most


def make_optimizer(model: Any, plan: TrainingPlan) -> Any:
    """AdamW as the plan says; one fused pass over all weights."""
    betas = (plan.beta1, plan.beta2)
    return torch.optim.AdamW(model.parameters(), lr=1e-3, betas=betas, weight_decay=plan.weight_decay, fused=True)


def walk(
    steps: Sequence[Step],
    *,
    model: Any,
    rows: Mapping[str, Encoded],
    plan: TrainingPlan,
    ledger: Ledger,
    progress: Progress,
    origin: Path | None = None,
) -> int:
    """Carry out `steps` on `model` in place and return how many were carried out now.

    Starts from the state saved in this run's own `resume` folder, else from `origin`, else from the beginning. Saves a
    checkpoint at the end of each stage but the last. Raises Diverged when the loss is no longer a number.
    """
    optimizer = make_optimizer(model, plan)
    resume = ledger.folder.parent / "resume"
    source = resume if (resume / "state.json").is_file() else origin
    first = load_state(source, model=model, optimizer=optimizer) if source else 0
    model.train()
    for step in steps[first:]:
        take(step, model=model, rows=rows, optimizer=optimizer, clip=plan.clip)
        after = step.number + 1
        if after < len(steps) and steps[after].stage != step.stage:
            _save(ledger.checkpoint(step.stage), model=model, optimizer=optimizer, step=after)
        if after % SAVE_EVERY == 0 and after < len(steps):
            _save(resume, model=model, optimizer=optimizer, step=after)
        if after % 20 == 0 or after == len(steps):
            progress(after / len(steps), f"stage {step.stage}, step {after} of {len(steps)}")
    for left in resume.parent.glob(f"{resume.name}*"):
        shutil.rmtree(left)
    model.eval()
    return len(steps) - first


def take(step: Step, *, model: Any, rows: Mapping[str, Encoded], optimizer: Any, clip: float) -> None:
    """One micro-batch: mean cross-entropy over its answer tokens; a batch without rows changes nothing."""
    if not step.rows:
        return
    torch.manual_seed(step.seed)
    for group in optimizer.param_groups:
        group["lr"] = step.learning_rate
    loss = token_losses(model, collate([rows[name] for name in step.rows])).mean()
    if not math.isfinite(float(loss.detach())):
        raise Diverged(f"training: the loss is not finite at step {step.number}; lower the learning rate")
    loss.backward()
    if step.boundary:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _save(folder: Path, *, model: Any, optimizer: Any, step: int) -> None:
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    save_state(fresh, model=model, optimizer=optimizer, step=step)
    swap_in(fresh, folder)
