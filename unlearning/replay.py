"""Verb `replay`: rebuild a model as if one person's rows had never been there, from the last state before them.

Exact in this sense: the result has the bytes of the recorded program, run from its beginning without these rows,
given the recorded software, machine type and thread count (arXiv 2508.12220; our schedule makes the order of the
others independent of who is absent).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlearning.errors import LedgerError, RowsChanged
from unlearning.files import partial_folder, promote
from unlearning.ledger import Ledger, Step, content_of, has_ledger, steps_digest
from unlearning.loop import walk
from unlearning.models import check_folder, digest, open_tokenizer, pin, save_model, state_digest, versions
from unlearning.shapes import make_model
from unlearning.training import cut_in, encoded_whole, finish, outcome, plan_json, tokenizer_digest
from unlearning.types import Outcome, Progress, Row, silent


def replay(
    model_dir: Path,
    *,
    rows: Sequence[Row],
    exclude_keys: Collection[str],
    out: Path,
    progress: Progress = silent,
) -> Outcome:
    """Repeat the recorded run of `model_dir` without the rows whose keys are excluded; writes the new folder `out`.

    `rows` is the training set as it is now; the excluded rows need not be in it any more, all others must, unchanged.
    A killed replay is resumed by calling again with the same arguments. Raises LedgerError when nothing was recorded or
    none of the keys was, RowsChanged when a needed row is missing or different, OutputExists.
    """
    began = (time.monotonic(), time.process_time())
    old, steps, gone = _recorded(model_dir, exclude_keys)
    plan = old.plan()
    pin(plan.threads)
    kept = _needed(old, rows, gone)
    shorter = [replace(step, rows=tuple(name for name in step.rows if name not in gone)) for step in steps]
    origin = _last_before(old, steps, gone)
    partial = partial_folder(out)
    ledger = _begin(partial, old=old, steps=shorter, gone=gone, origin=origin)
    tokenizer = open_tokenizer(model_dir)
    model = make_model(plan.shape, tokenizer=tokenizer, seed=plan.seed, longest=plan.longest)
    first = state_digest(model)
    same = _same_start(old, first=first, tokenizer=tokenizer_digest(model_dir))
    encoded = dict(zip(kept, encoded_whole(model, tokenizer, list(kept.values()), plan=plan), strict=True))
    copied = ledger.folder / origin[1].relative_to(old.folder) if origin else None
    walk(shorter, model=model, rows=encoded, plan=plan, ledger=ledger, progress=progress, origin=copied)
    save_model(model, tokenizer, partial)
    finish(ledger, steps=shorter, extra={"first_weights": first, "tokenizer": tokenizer_digest(partial)})
    (partial / "identity").unlink()
    promote(partial, out)
    start = origin[0] if origin else 0
    detail = {"rows_excluded": len(gone), "first_step": start, "steps_recorded": len(steps), "same_software": int(same)}
    detail |= cut_in(tokenizer, list(kept.values()), plan=plan)
    before = digest(model_dir)
    return outcome(out, verb="replay", began=began, steps=len(steps) - start, before=before, detail=detail)


def start_of(model_dir: Path, *, exclude_keys: Collection[str]) -> tuple[int, int]:
    """Step at which a replay would start, and how many steps were recorded: what the replay would cost."""
    old, steps, gone = _recorded(model_dir, exclude_keys)
    origin = _last_before(old, steps, gone)
    return (origin[0] if origin else 0), len(steps)


def _recorded(model_dir: Path, exclude_keys: Collection[str]) -> tuple[Ledger, list[Step], set[str]]:
    """Ledger, program, and the hashes of those excluded rows that were recorded."""
    check_folder(model_dir)
    if not has_ledger(model_dir):
        raise LedgerError(f"replaying {model_dir}: no recorded run (ledger/); use an approximate method or retrain")
    ledger = Ledger(model_dir / "ledger")
    gone = set(ledger.hashed(exclude_keys)) & set(ledger.rows())
    if not gone:
        raise LedgerError(f"replaying {model_dir}: none of the rows to exclude was recorded; nothing to do")
    return ledger, ledger.steps(), gone


def _needed(ledger: Ledger, rows: Sequence[Row], gone: set[str]) -> dict[str, Row]:
    """Hash to row for all rows that stay; each must be the row that was recorded."""
    recorded = ledger.rows()
    found = dict(zip(ledger.hashed(row.key for row in rows), rows, strict=True))
    needed = {name: found[name] for name in recorded if name not in gone and name in found}
    missing = len(recorded) - len(gone) - len(needed)
    contents = ledger.hashed(content_of(row) for row in needed.values())
    changed = sum(recorded[name] != content for name, content in zip(needed, contents, strict=True))
    if missing or changed:
        raise RowsChanged(
            f"replaying {ledger.folder}: of the rows that stay, {missing} are missing and {changed} differ from those "
            "recorded; restore the training set, or exclude these rows too"
        )
    return needed


def _last_before(ledger: Ledger, steps: Sequence[Step], gone: set[str]) -> tuple[int, Path] | None:
    """The latest saved state that had not seen any of the rows: (next step, folder); None means from the beginning."""
    exposure = min((step.number for step in steps if gone.intersection(step.rows)), default=len(steps))
    clean = [state for state in ledger.checkpoints() if state[0] <= exposure]
    return clean[-1] if clean else None


def _begin(
    partial: Path, *, old: Ledger, steps: Sequence[Step], gone: set[str], origin: tuple[int, Path] | None
) -> Ledger:
    """Write the new ledger, which knows nothing of the rows that are gone, or take up the one of a killed run."""
    ledger = Ledger(partial / "ledger")
    identity = hashlib.sha256(json.dumps([old.run(), steps_digest(steps), versions()]).encode()).hexdigest()
    note = partial / "identity"
    if note.is_file() and note.read_text(encoding="utf-8") == identity:
        return ledger
    shutil.rmtree(partial)
    ledger.create_key(old.key())
    ledger.write_rows({name: content for name, content in old.rows().items() if name not in gone})
    ledger.write_steps(steps)
    parent = {
        "recorded_run": old.run()["steps_digest"],
        "first_step": origin[0] if origin else 0,
        "rows_excluded": len(gone),
    }
    plan = old.plan()
    ledger.write_run(
        {"format": 1, "verb": "replay", "plan": plan_json(plan), "seed": plan.seed, "replayed_from": parent}
    )
    for state, folder in old.checkpoints():
        if origin and state <= origin[0]:
            shutil.copytree(folder, ledger.folder / folder.relative_to(old.folder))
    note.write_text(identity, encoding="utf-8")
    return ledger


def _same_start(old: Ledger, *, first: str, tokenizer: str) -> bool:
    """Whether bytes can be compared with the recorded run; a changed tokenizer makes the replay meaningless."""
    run: dict[str, Any] = old.run()
    if run["tokenizer"] != tokenizer:
        raise LedgerError(f"replaying {old.folder}: the tokenizer is not the one of the recorded run; restore it")
    return bool(run["first_weights"] == first and run["versions"] == versions())
