"""Verb `train`: a small language model from nothing, with a recorded run that can be repeated without one person."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unlearning import room
from unlearning.errors import RowsError
from unlearning.files import partial_folder, promote, sha256_of
from unlearning.ledger import CUT_BEFORE, Ledger, Step, content_of, steps_digest
from unlearning.loop import walk
from unlearning.models import digest, pin, save_model, state_digest, versions, weights_digest
from unlearning.schedule import plan_for, program
from unlearning.shapes import make_model, most_tokens
from unlearning.tokens import Encoded, encode, make_tokenizer
from unlearning.types import Outcome, Progress, Row, StagePlan, TrainingPlan, silent


def train(
    rows: Sequence[Row],
    *,
    out: Path,
    plan: TrainingPlan | None = None,
    tokenizer: Any = None,
    progress: Progress = silent,
) -> Outcome:
    """Train a model on the answers of `rows`, stage after stage; write it, with its ledger, to the new folder `out`.

    `plan` defaults to `plan_for(rows)`; `tokenizer` to the 256 bytes. A killed run is resumed by calling again with the
    same arguments. Raises RowsError (also for rows longer than a model can see), OutputExists, Diverged.
    """
    started, cpu = time.monotonic(), time.process_time()
    plan = plan or plan_for(rows, longest=room.named())
    _check(rows, plan)
    pin(plan.threads)
    tokenizer = tokenizer if tokenizer is not None else make_tokenizer([])
    plan = room.roomy(plan, room.lengths_of(tokenizer, rows), most=most_tokens(plan.shape))
    partial = partial_folder(out)
    ledger, steps = _record(rows, partial=partial, plan=plan, tokenizer=tokenizer)
    model = make_model(plan.shape, tokenizer=tokenizer, seed=plan.seed, longest=plan.longest)
    first_weights = state_digest(model)
    ids = encoded_whole(model, tokenizer, rows, plan=plan)
    encoded = dict(zip(ledger.hashed(row.key for row in rows), ids, strict=True))
    done = walk(steps, model=model, rows=encoded, plan=plan, ledger=ledger, progress=progress)
    save_model(model, tokenizer, partial)
    finish(ledger, steps=steps, extra={"first_weights": first_weights, "tokenizer": tokenizer_digest(partial)})
    (partial / "identity").unlink()
    promote(partial, out)
    weights = sum(weight.numel() for weight in model.parameters())
    detail = {"rows": len(rows), "parameters": weights, **cut_in(tokenizer, rows, plan=plan)}
    return outcome(out, verb="train", began=(started, cpu), steps=done, detail=detail)


def encoded_whole(model: Any, tokenizer: Any, rows: Sequence[Row], *, plan: TrainingPlan) -> list[Encoded]:
    """The rows' ids as the plan says; raises InputError where memory is not there to learn from the longest."""
    found = encode(tokenizer, rows, longest=plan.longest)
    longest = max((len(row.ids) for row in found), default=1)
    room.check_memory(model, longest=longest, rows=len(found), learning=True)
    return found


def cut_in(tokenizer: Any, rows: Sequence[Row], *, plan: TrainingPlan) -> dict[str, int]:
    """How many rows the plan cut, and where; nothing where all were learned whole."""
    count = room.cut(tokenizer, rows, room=plan.longest)
    return {"rows_cut": count, "cut_at": plan.longest} if count else {}


def finish(ledger: Ledger, *, steps: Sequence[Step], extra: dict[str, Any]) -> None:
    """Close the recorded run: digests of program and rows, and the versions that it depends on."""
    total = hashlib.sha256("".join(ledger.rows().values()).encode()).hexdigest()
    fixed = {"steps_digest": steps_digest(steps), "rows_digest": total, "versions": versions()}
    ledger.write_run({**ledger.run(), **fixed, **extra})


def outcome(
    out: Path,
    *,
    verb: str,
    began: tuple[float, float],
    steps: int,
    before: str = "",
    exactness: str = "exact",
    detail: Any,
) -> Outcome:
    """The outcome of a verb that wrote the model folder `out`."""
    return Outcome(
        verb=verb,
        out=str(out),
        digest=digest(out),
        weights_digest=weights_digest(out),
        digest_before=before,
        steps=steps,
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        exactness=exactness,
        versions=versions(),
        detail=detail,
    )


def tokenizer_digest(folder: Path) -> str:
    return sha256_of(folder / "tokenizer.json")


def _check(rows: Sequence[Row], plan: TrainingPlan) -> None:
    keys = {row.key for row in rows}
    if not rows or "" in keys or len(keys) < len(rows):
        raise RowsError("training: each row needs a key of its own, and there must be at least one row")
    if {row.stage for row in rows} - {stage.number for stage in plan.stages}:
        raise RowsError("training: a row belongs to a stage that the plan does not have; correct `stage` or the plan")


def _record(rows: Sequence[Row], *, partial: Path, plan: TrainingPlan, tokenizer: Any) -> tuple[Ledger, list[Step]]:
    """Write down the program before the first step; what a killed run of another program left is thrown away."""
    identity = _identity(rows, plan=plan, tokenizer=tokenizer)
    note = partial / "identity"
    if not note.is_file() or note.read_text(encoding="utf-8") != identity:
        shutil.rmtree(partial)
        partial.mkdir()
        note.write_text(identity, encoding="utf-8")
    ledger = Ledger(partial / "ledger")
    ledger.create_key()
    names = dict(zip((row.key for row in rows), ledger.hashed(row.key for row in rows), strict=True))
    steps = program(rows, plan=plan, names=names)
    contents = dict(zip(names.values(), ledger.hashed(content_of(row) for row in rows), strict=True))
    ledger.write_rows(contents)
    ledger.write_steps(steps)
    ledger.write_run({"format": 1, "verb": "train", "plan": plan_json(plan), "seed": plan.seed})
    return ledger, steps


def plan_json(plan: TrainingPlan) -> dict[str, Any]:
    """The plan as JSON keeps it."""
    return {**vars(plan), "stages": [vars(stage) for stage in plan.stages]}


def plan_from(settings: Mapping[str, Any]) -> TrainingPlan:
    """The plan that JSON kept."""
    settings = {"longest": CUT_BEFORE, **settings}
    stages = tuple(StagePlan(**stage) for stage in settings["stages"])
    return TrainingPlan(stages=stages, **{name: value for name, value in settings.items() if name != "stages"})


def _identity(rows: Sequence[Row], *, plan: TrainingPlan, tokenizer: Any) -> str:
    # Only ever in the partial folder, and gone before the model is visible.
    content = [[row.key, row.stage, content_of(row)] for row in rows]
    text = json.dumps([content, plan_json(plan), tokenizer.backend_tokenizer.to_str(), versions()])
    return hashlib.sha256(text.encode()).hexdigest()
