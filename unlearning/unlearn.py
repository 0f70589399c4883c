"""Verb `unlearn`: change a model approximately so that it gives some rows no more, where no recorded run exists."""

from __future__ import annotations

import math
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from unlearning import methods
from unlearning.batches import collate, token_losses
from unlearning.dose import StillKnown, still_known
from unlearning.errors import Diverged, RowsError
from unlearning.files import partial_folder, promote
from unlearning.methods import Material, Method, Turn
from unlearning.models import check_finite, digest, open_model, pin, save_model
from unlearning.tokens import Encoded, encode
from unlearning.training import outcome
from unlearning.types import Outcome, Progress, Row, silent


def unlearn(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    out: Path,
    method: str = "alternating_wga",
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Outcome:
    """Apply an approximate method and write the new folder `out`, without a ledger: its run cannot be repeated exactly.

    Raises RowsError when a list is empty or a row is on both, UnknownName, OutputExists, Diverged.
    """
    began = (time.monotonic(), time.process_time())
    recipe = methods.load(method)
    _check(forget, retain)
    pin(threads)
    before = digest(model_dir)
    partial = partial_folder(out)
    model, tokenizer = open_model(model_dir)
    forget = list(recipe.widen(forget))
    rows = Rows(encode(tokenizer, forget), encode(tokenizer, retain), still_known(tokenizer, forget, retain, seed=seed))
    rows = replace(rows, tokenizer=tokenizer, forget_rows=forget, retain_rows=retain)
    steps = apply(recipe, model, rows, seed=seed, progress=progress)
    shutil.rmtree(partial)
    save_model(model, tokenizer, partial)
    promote(partial, out)
    detail = {"method": method, "forget_rows": len(forget), "retain_rows": len(retain), "seed": seed}
    return outcome(out, verb="unlearn", began=began, steps=steps, before=before, exactness="approximate", detail=detail)


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


def apply(method: Method, model: Any, rows: Rows, *, seed: int, progress: Progress) -> int:
    """Change `model` in place; returns the optimizer steps taken. Rows that are not known any more are left alone."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    forget, retain = rows.forget, rows.retain
    memory = method.prepare(rows.material(model, seed=seed))
    reference = [_losses(model, row) for row in forget]
    optimizer = torch.optim.AdamW(model.parameters(), lr=method.learning_rate, weight_decay=0.0, fused=True)
    model.train()
    total = method.steps
    for step in range(total):
        method.before_step(model, memory, step)
        for group in optimizer.param_groups:
            group["lr"] = method.learning_rate * method.rate(step / total)
        kept = _some(range(len(retain)), method.rows, draw)
        forgetting = step % (method.forget_steps + method.retain_steps) < method.forget_steps
        known = (_known(model, rows) if method.watched else range(len(forget))) if forgetting else ()
        chosen = _some(known, method.rows, draw)
        shown = chosen or [0]
        turn = Turn(
            model,
            collate([forget[index] for index in shown]),
            collate([retain[index] for index in kept]),
            torch.cat([reference[index] for index in shown]),
            chosen=tuple(chosen),
            kept=tuple(kept),
            memory=memory,
            step=step,
        )
        loss = method.loss(turn) if chosen else method.heal(turn)
        descend(loss, model=model, optimizer=optimizer, doing="unlearning")
        progress((step + 1) / total, f"step {step + 1} of {total}")
    method.finish(model, memory)
    model.eval()
    check_finite(model, doing="unlearning")
    return total


def descend(loss: Any, *, model: Any, optimizer: Any, doing: str) -> None:
    """One optimizer step; raises Diverged when the loss is no number."""
    if not math.isfinite(float(loss.detach())):
        raise Diverged(f"{doing}: the loss is not finite; lower the learning rate or choose another method")
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _some(among: Sequence[int], count: int, draw: random.Random) -> list[int]:
    return sorted(draw.sample(among, min(count, len(among))))


def _known(model: Any, rows: Rows) -> list[int]:
    model.eval()
    found = rows.known(model)
    model.train()
    return found


def _losses(model: Any, row: Encoded) -> Any:
    with torch.no_grad():
        return token_losses(model, collate([row]))


def _check(forget: Sequence[Row], retain: Sequence[Row]) -> None:
    if not forget or not retain:
        raise RowsError("unlearning: rows to forget and rows to retain are both needed")
    if {(row.prompt, row.response) for row in forget} & {(row.prompt, row.response) for row in retain}:
        raise RowsError("unlearning: a row is to be forgotten and retained; take it off one list")
