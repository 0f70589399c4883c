"""Verb `forecast`: before anything is changed, what a model knows of its own training rows, and how long a run takes.

A model that hardly answers what it was trained on loses and gains answers by chance alone, and no gate on others'
answers can say whether it was damaged: whoever approves a run should know this first.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unlearning import methods
from unlearning.applying import descend
from unlearning.auto import replay_seconds
from unlearning.batches import collate, token_losses
from unlearning.compare import answered
from unlearning.errors import RowsError
from unlearning.models import open_model, pin
from unlearning.scoring import encoded_for
from unlearning.tokens import Encoded
from unlearning.types import Progress, Row, silent

TIMED = 3  # optimizer steps that are timed, after one that warms up


@dataclass(frozen=True)
class Forecast:
    """How many of `asked` training rows the model answers with the true value, and predicted wall seconds of a run."""

    asked: int
    answered: int
    seconds: float
    route: str


def forecast(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    method: str = "alternating_wga",
    questions: int = 100,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Forecast:
    """Ask the model some of the rows to retain; time a few steps of a replay where one is recorded, else of `method`.

    Nothing is written. Raises RowsError without rows, ModelError, UnknownName.
    """
    recipe = methods.load(method)
    if not forget or not retain:
        raise RowsError("forecasting: rows to forget and rows to retain are both needed")
    pin(threads)
    asked = random.Random(f"forecast {seed}").sample(list(retain), min(questions, len(retain)))
    found = answered(model_dir, asked)
    progress(0.5, "asked the model")
    model, tokenizer = open_model(model_dir)
    seconds, route = replay_seconds(model_dir, model, tokenizer, forget, retain, []), "replay"
    if seconds is None:
        rows = encoded_for(model, tokenizer, [*retain, *forget])
        seconds, route = recipe.steps * _step_seconds(model, rows, 2 * recipe.rows, seed=seed), method
    progress(1.0, "timed a few steps")
    return Forecast(len(asked), found, round(seconds, 1), route)


def _step_seconds(model: Any, rows: Sequence[Encoded], count: int, *, seed: int) -> float:
    """Seconds of one step of plain training on so many rows, on a copy."""
    model, draw, began = copy.deepcopy(model).train(), random.Random(seed), time.monotonic()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
    for step in range(TIMED + 1):
        began = time.monotonic() if step == 1 else began
        batch = collate([rows[index] for index in draw.choices(range(len(rows)), k=count)])
        descend(token_losses(model, batch).mean(), model=model, optimizer=optimizer, doing="forecasting")
    return (time.monotonic() - began) / TIMED
