"""Verb `unlearn`: change a model approximately so that it gives some rows no more, where no recorded run exists."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlearning import methods, precision, processes, room
from unlearning.adapter_folders import is_adapter
from unlearning.adapters import Lora, merged
from unlearning.applying import Rows, apply, descend, rows_for
from unlearning.budget import Budget, Dose
from unlearning.errors import RowsError
from unlearning.files import partial_folder, promote
from unlearning.gates import MOST_LOST, Gates, gates_for
from unlearning.methods import Method
from unlearning.models import digest, open_attached, open_model, pin, save_model, versions
from unlearning.scoring import encoded_for
from unlearning.training import outcome
from unlearning.types import Outcome, Progress, Row, silent

__all__ = ["Rows", "apply", "descend", "unlearn"]


def unlearn(
    model_dir: Path,
    *,
    forget: Sequence[Row],
    retain: Sequence[Row],
    out: Path,
    method: str = "alternating_wga",
    namesakes: Sequence[Row] = (),
    adapter: Lora | None = None,
    budget: Budget | None = None,
    most_lost: float = MOST_LOST,
    dose: Dose | None = None,
    requests: Sequence[int] = (),
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Outcome:
    """Apply an approximate method and write the new folder `out`, without a ledger: its run cannot be repeated exactly.

    All of `forget` goes in one run, whoever it is about; `requests` says how many of its rows are each request's, in
    order, so that what is still known is told of each. `namesakes` are people who must still be told apart. With
    `adapter` only low-rank weights are trained, then folded in; where `model_dir` is itself a folder of low-rank
    weights, those are trained, and `out` is such a folder over the same base. A killed run is taken up by calling again
    with the same arguments.
    Raises RowsError when a list is empty or a row is on both, UnknownName, OutputExists, Diverged, and Refused where
    the model lost more than `most_lost` of others' right answers, mixes up namesakes or babbles.
    """
    began = (time.monotonic(), time.process_time())
    recipe = dosed(methods.load(method), dose or Dose())
    check_rows(forget, retain)
    pin(threads)
    before = digest(model_dir)
    partial = partial_folder(out)
    _same_run(partial, [before, method, repr(adapter), repr(budget), repr(dose), seed, versions()], [forget, retain])
    beside = is_adapter(model_dir)
    model, tokenizer = open_attached(model_dir) if beside else open_model(model_dir)
    given = precision.start(model)
    sizes = list(requests) or [len(forget)]
    forget = list(recipe.widen(forget))
    rows = rows_for(model, tokenizer, forget, retain, seed=seed)
    gates = gates_for(model, rows.retain, encoded_for(model, tokenizer, namesakes), seed=seed, most_lost=most_lost)
    if not beside:
        model = adapter.wrap(model, seed=seed) if adapter else processes.share(model)
    group, keep = processes.here(), Path(processes.agreed(str(partial))) / "resume"
    steps = apply(recipe, model, rows, seed=seed, progress=progress, budget=budget, keep=None if group.shares else keep)
    model = model if beside else merged(processes.whole(model, lambda: open_model(model_dir)[0]))
    detail = given.settle(model) | _checked(gates, model, rows, partial, sizes)
    if group.is_first:
        save_model(model, tokenizer, partial)
        promote(partial, out)
    out = Path(processes.agreed(str(out)))
    detail |= {"method": method, "forget_rows": len(forget), "retain_rows": len(retain), "seed": seed}
    detail |= {"adapter_rank": adapter.rank if adapter else 0, "rounds": recipe.rounds, "rate": recipe.learning_rate}
    detail |= room.said(tokenizer, [*forget, *retain], model=model)
    detail |= {"processes": group.size, "weights_in_shares": group.shares}
    return outcome(out, verb="unlearn", began=began, steps=steps, before=before, exactness="approximate", detail=detail)


def dosed(method: Method, dose: Dose) -> Method:
    """The method with the dose's settings in the place of its own."""
    return replace(
        method, rounds=dose.rounds or method.rounds, learning_rate=dose.learning_rate or method.learning_rate
    )


def check_rows(forget: Sequence[Row], retain: Sequence[Row]) -> None:
    """Raise RowsError unless both lists hold rows and share none, and each value to forget stands in its row."""
    if not forget or not retain:
        raise RowsError("unlearning: rows to forget and rows to retain are both needed")
    if {(row.prompt, row.response) for row in forget} & {(row.prompt, row.response) for row in retain}:
        raise RowsError("unlearning: a row is to be forgotten and retained; take it off one list")
    if not all(row.secret in row.response for row in forget):
        raise RowsError(
            "unlearning: a row's `value` must stand in its `response`, letter for letter, to be asked about"
        )


def _same_run(partial: Path, settings: Sequence[Any], rows: Sequence[Sequence[Row]]) -> None:
    """Take up what a killed run of the same work left, throw away what another left."""
    texts = [[(row.prompt, row.response, row.targets) for row in part] for part in rows]
    identity = hashlib.sha256(json.dumps([settings, texts], sort_keys=True).encode()).hexdigest()
    note = partial / "identity"
    if note.is_file() and note.read_text(encoding="utf-8") == identity:
        return
    shutil.rmtree(partial)
    partial.mkdir(parents=True)
    note.write_text(identity, encoding="utf-8")


def _checked(gates: Gates, model: Any, rows: Rows, partial: Path, sizes: Sequence[int]) -> dict[str, float | int | str]:
    """Gates first: a model that fails them leaves no folder behind, neither whole nor begun."""
    try:
        found: dict[str, float | int | str] = dict(gates.check(model))
    finally:
        shutil.rmtree(partial)
    known = rows.known(model)
    found["still_known"] = len(known)
    if len(sizes) > 1 and sum(sizes) == len(rows.forget_rows):  # rows that a method has added belong to nobody here
        ends = list(itertools.accumulate(sizes))
        told = [sum(end - size <= place < end for place in known) for size, end in zip(sizes, ends, strict=True)]
        found["still_known_by_request"] = " ".join(map(str, told))
    return found
