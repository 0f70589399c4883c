"""Checkpoint arithmetic: subtract what learning the person did to an old checkpoint (MSA, arXiv 2506.20941).

θ = θ_now - α (θ_forget - θ_old) + β (θ_retain - θ_old), where θ_forget and θ_retain are the old checkpoint, tuned on
the rows to forget and on rows to retain. The checkpoint should precede the person; it may be far from today's model.
"""

from __future__ import annotations

import copy
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from unlearning import precision, room
from unlearning.applying import descend
from unlearning.batches import collate, token_losses
from unlearning.errors import ModelError
from unlearning.files import partial_folder, promote
from unlearning.gates import MOST_LOST, gates_for
from unlearning.models import digest, open_model, pin, save_model
from unlearning.scoring import encoded_for
from unlearning.tokens import Encoded
from unlearning.training import outcome
from unlearning.types import Outcome, Progress, Row, silent
from unlearning.unlearn import check_rows

ROWS = 16


@dataclass(frozen=True)
class Weights:
    """How far each vector goes (α, β), and how both were tuned."""

    forget: float = 1.0
    retain: float = 0.0
    steps: int = 60
    learning_rate: float = 5e-4


def subtract(
    model_dir: Path,
    *,
    checkpoint: Path,
    forget: Sequence[Row],
    retain: Sequence[Row],
    out: Path,
    weights: Weights | None = None,
    most_lost: float = MOST_LOST,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Outcome:
    """Write the new folder `out`; `checkpoint` is a model folder or a state of a recorded run, of the same shape.

    Raises RowsError, ModelError where the checkpoint does not fit, Diverged, Refused where others' answers were lost.
    """
    began, weights = (time.monotonic(), time.process_time()), weights or Weights()
    check_rows(forget, retain)
    pin(threads)
    partial = partial_folder(out)
    model, tokenizer = open_model(model_dir)
    given = precision.start(model)
    gone, kept = encoded_for(model, tokenizer, forget), encoded_for(model, tokenizer, retain)
    gates = gates_for(model, kept, (), seed=seed, most_lost=most_lost)
    old = older(model, checkpoint)
    change = _change(old, gone, weights, seed=seed)
    progress(0.4, "learned what to subtract")
    healing = _change(old, kept, weights, seed=seed) if weights.retain else None
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.sub_(change[name], alpha=weights.forget)
            if healing is not None:
                weight.add_(healing[name], alpha=weights.retain)
    shutil.rmtree(partial)
    detail = {
        **given.settle(model),
        **gates.check(model),
        "method": "checkpoint_arithmetic",
        "forget_rows": len(forget),
        "seed": seed,
        **room.said(tokenizer, [*forget, *retain], model=model),
    }
    save_model(model, tokenizer, partial)
    promote(partial, out)
    progress(1.0, "subtracted")
    steps = weights.steps * (2 if weights.retain else 1)
    before = digest(model_dir)
    return outcome(
        out, verb="subtract", began=began, steps=steps, before=before, exactness="approximate", detail=detail
    )


def older(model: Any, checkpoint: Path) -> Any:
    """The same architecture with a checkpoint's weights; raises ModelError where they do not fit."""
    old = copy.deepcopy(model)
    try:
        found: dict[str, Any] = {}
        for path in sorted(checkpoint.glob("model*.safetensors")):
            found |= load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"opening {checkpoint}: {type(error).__name__}; give a whole checkpoint") from None
    with torch.no_grad():
        for name, weight in old.named_parameters():
            if name not in found or found[name].shape != weight.shape:
                raise ModelError(f"opening {checkpoint}: not a checkpoint of this model; give one of the same shape")
            weight.copy_(found[name])
    return old


def _change(old: Any, rows: Sequence[Encoded], weights: Weights, *, seed: int) -> dict[str, Any]:
    """What tuning the checkpoint on rows does to each weight."""
    model, draw = copy.deepcopy(old), random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=weights.learning_rate, weight_decay=0.0, fused=True)
    model.train()
    for step in range(weights.steps):
        torch.manual_seed(seed * 1_000_003 + step)
        batch = collate(draw.sample(list(rows), min(ROWS, len(rows))))
        descend(token_losses(model, batch).mean(), model=model, optimizer=optimizer, doing="tuning a checkpoint")
    before = dict(old.named_parameters())
    return {name: weight.detach() - before[name].detach() for name, weight in model.named_parameters()}
