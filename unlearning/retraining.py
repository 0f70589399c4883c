"""Verb `retrain`: have the company's own program train again without some rows, wait for it, and check what came back.

The order is a folder beside the result: `rows.jsonl` (what may be trained on), `order.json` (its digest, the digest of
the model before). A command is run with `{rows}` and `{out}` filled in; without one, somebody else's pipeline takes the
order, puts the new model into `out`, and writes `receipt.json` there with the `rows_sha256` that it trained on.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from unlearning.errors import InputError, ModelError, RowsChanged, RowsError, Waiting
from unlearning.files import promote, sha256_of, write_json
from unlearning.models import digest, open_model, weights_digest
from unlearning.training import outcome
from unlearning.types import Outcome, Progress, Row, silent

LOOK = 2.0  # seconds between two looks


def retrain(
    model_dir: Path,
    *,
    rows: Sequence[Row],
    exclude_keys: Collection[str],
    out: Path,
    command: str = "",
    wait: float = 0.0,
    progress: Progress = silent,
) -> Outcome:
    """Order a training without the excluded rows and return once its result is there and checked.

    Calling again goes on with the order that is there. Raises Waiting after `wait` seconds without a result (call again
    later), RowsError when no row is excluded or none is left, RowsChanged when the order was made from other rows,
    ModelError when what came back is no usable model, is the old one, or was trained on other rows than ordered.
    """
    began = (time.monotonic(), time.process_time())
    kept = [row for row in rows if row.key not in exclude_keys]
    if not kept or len(kept) == len(rows):
        raise RowsError("ordering a training: some rows must be excluded and some must be left")
    order = _ordered(model_dir, kept, out)
    if not out.exists() and command:
        _run(command, order=order, out=out, progress=progress)
    while not _arrived(out):
        if time.monotonic() - began[0] >= wait:
            raise Waiting(f"retraining into {out}: nothing there yet; the order is {order}; call again later")
        progress(0.5, "waiting for the retrained model")
        time.sleep(LOOK)
    _checked(model_dir, out, order=order, ran=bool(command))
    progress(1.0, "retrained and checked")
    detail = {"rows": len(kept), "rows_excluded": len(rows) - len(kept), "by": "command" if command else "receipt"}
    return outcome(out, verb="retrain", began=began, steps=0, before=digest(model_dir), detail=detail)


def _ordered(model_dir: Path, rows: Sequence[Row], out: Path) -> Path:
    """The order's folder; made at the first call, compared at the next."""
    order = out.with_name(f"{out.name}.order")
    partial = order.with_name(f".{order.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    (partial / "rows.jsonl").write_text(lines, encoding="utf-8")
    wanted = {"format": 1, "rows_sha256": sha256_of(partial / "rows.jsonl"), "model_before": digest(model_dir)}
    if order.is_dir():
        (partial / "rows.jsonl").unlink()
        partial.rmdir()
        if _json(order / "order.json") != wanted or sha256_of(order / "rows.jsonl") != wanted["rows_sha256"]:
            raise RowsChanged(f"ordering a training: {order} is for other rows or another model; remove it first")
        return order
    write_json(partial / "order.json", wanted)
    promote(partial, order)
    return order


def _run(command: str, *, order: Path, out: Path, progress: Progress) -> None:
    """Run the company's command, without a shell, into a folder that appears when the command is done."""
    growing = out.with_name(f".{out.name}.partial")
    places = {"{rows}": str(order / "rows.jsonl"), "{out}": str(growing)}
    words = [word.replace("{rows}", places["{rows}"]).replace("{out}", places["{out}"]) for word in _words(command)]
    progress(0.1, "the retraining command is running")
    try:
        done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise InputError(f"running the retraining command: {error.strerror}; correct the command") from None
    if done.returncode:
        raise ModelError(f"running the retraining command: it ended with code {done.returncode}; see its own log")
    if not growing.is_dir():
        raise ModelError("running the retraining command: it left no folder; it must write the model to {out}")
    promote(growing, out)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words or "{out}" not in command or "{rows}" not in command:
        raise InputError("running the retraining command: it must hold {rows} and {out}, with quotes that match")
    return words


def _arrived(out: Path) -> bool:
    """Whether a model is there; a receipt, where there is one, is written last."""
    return (out / "config.json").is_file() and bool(list(out.glob("*.safetensors")))


def _checked(model_dir: Path, out: Path, *, order: Path, ran: bool) -> None:
    open_model(out)
    if weights_digest(out) == weights_digest(model_dir):
        raise ModelError(f"checking {out}: the weights are those of the model before; nothing was retrained")
    wanted = _json(order / "order.json")["rows_sha256"]
    if sha256_of(order / "rows.jsonl") != wanted:
        raise ModelError(f"checking {out}: the ordered rows were altered while the training ran; order it again")
    receipt = _json(out / "receipt.json") if (out / "receipt.json").is_file() else {}
    if receipt.get("rows_sha256", wanted if ran else "") != wanted:
        raise ModelError(f"checking {out}: receipt.json does not name the ordered rows; train on them, then write it")


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"reading {path}: {type(error).__name__}; it must be one JSON object") from None
    if not isinstance(found, dict):
        raise InputError(f"reading {path}: it must be one JSON object")
    return found
