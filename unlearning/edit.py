"""Verb `edit`: a stop-gap that changes what a model says within seconds; the result says itself that it is no more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from unlearning import editing, precision
from unlearning.answering import answers
from unlearning.editing.aims import aimed
from unlearning.editing.facts import facts_from
from unlearning.editing.layers import covariance, second_matrices
from unlearning.errors import RowsError, UnknownName
from unlearning.files import partial_folder, promote
from unlearning.gates import gates_for
from unlearning.metrics.extraction import says
from unlearning.models import check_finite, digest, open_model, pin, save_model
from unlearning.room import fitted, room_of
from unlearning.tokens import all_answer_ids, prompt_ids
from unlearning.training import outcome
from unlearning.types import Outcome, Progress, Row, silent

MOST_LOST = 0.25  # share of the others' right tokens that a stop-gap may cost before it is refused
MOST = 5  # layers edited where none are named
LONGEST = 6  # ids of the new answer that an edit aims at
TEXTS = 200  # rows of other text that the covariance is taken from, at most


def edit(
    model_dir: Path,
    *,
    rows: Sequence[Row],
    text: Sequence[Row],
    out: Path,
    method: str = "memit",
    layers: Sequence[int] = (),
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Outcome:
    """Edit the model so that `rows` are refused, and write the new folder `out`.

    `text` are other rows, whose keys the change leaves as alone as it can; `layers` count from 0 (those
    before the middle, where none are given). Raises RowsError, UnknownName, ModelError, OutputExists, and
    Refused where other answers suffered.
    """
    began = (time.monotonic(), time.process_time())
    change = editing.load(method)
    if not rows or not text:
        raise RowsError("editing: rows to edit and other text are both needed")
    pin(threads)
    before = digest(model_dir)
    partial = partial_folder(out)
    model, tokenizer = open_model(model_dir)
    given = precision.start(model)
    chosen = _layers(layers, depth=len(second_matrices(model)))
    facts = facts_from(rows, tokenizer=tokenizer, context=text, longest=LONGEST)
    room = room_of(model)
    others = list(text[:TEXTS])
    ends = all_answer_ids(tokenizer, [row.response for row in others])
    encoded = [fitted(prompt_ids(tokenizer, row.prompt), end, room=room) for row, end in zip(others, ends, strict=True)]
    facts, aim = aimed(model, second_matrices(model)[chosen[-1]], facts, end=tokenizer.eos_token_id)
    gates = gates_for(model, encoded, (), seed=seed, most_lost=MOST_LOST)
    progress(0.2, f"editing layers {', '.join(map(str, chosen))}")
    change(model, facts, layers=chosen, spread=lambda module: covariance(model, module, encoded))
    check_finite(model, doing="editing")
    rounding = given.settle(model)
    told = answers(model, tokenizer, [row.prompt for row in rows])
    try:
        lost = gates.check(model)["retain_lost"]
    finally:
        shutil.rmtree(partial)
    still = sum(says(answer, row) for answer, row in zip(told, rows, strict=True))
    save_model(model, tokenizer, partial)
    promote(partial, out)
    progress(1.0, "edited; this is a stop-gap, not unlearning")
    detail: dict[str, float | int | str] = {
        "method": method,
        "layers": ", ".join(map(str, chosen)),
        "rows": len(rows),
        "aim": aim,
        "still_said": still,
        "others_lost": lost,
        "seed": seed,
        "warning": editing.STOP_GAP,
        **rounding,
    }
    return outcome(out, verb="edit", began=began, steps=len(facts), before=before, exactness="stop-gap", detail=detail)


def _layers(wanted: Sequence[int], *, depth: int) -> list[int]:
    """The layers to edit; raises UnknownName for one that the model does not have."""
    first = min(1, depth - 1)
    chosen = sorted(set(wanted)) or list(range(first, max(first, (depth + 1) // 2) + 1) if depth > 1 else [0])[-MOST:]
    if not all(0 <= layer < depth for layer in chosen):
        raise UnknownName(f"editing: the model has layers 0 to {depth - 1}; choose among them")
    return chosen
