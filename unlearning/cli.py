"""Arguments to verbs, and their results to JSON."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unlearning.errors import RowsError, UnlearningError
from unlearning.files import write_json
from unlearning.rows import read_rows


def main(arguments: Sequence[str]) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        result = options.verb(options)
        if options.json:
            write_json(options.json, asdict(result))
    except Exception as error:
        _say({"error": type(error).__name__, "message": _message(error)})
        return 1
    return 0


def _message(error: Exception) -> str:
    """Our own words for our own errors; of others only where they happened, for their words may quote a row."""
    if isinstance(error, UnlearningError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}; make room or correct the path, then start again"
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"unexpected, in {Path(last.filename).name} line {last.lineno}; please report this line"


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content, ensure_ascii=False), file=sys.stderr, flush=True)


def _progress(fraction: float, message: str) -> None:
    _say({"fraction": round(fraction, 4), "message": message})


def _train(options: argparse.Namespace) -> Any:
    from dataclasses import replace

    from unlearning.ledger import Ledger
    from unlearning.models import open_tokenizer
    from unlearning.schedule import plan_for
    from unlearning.tokens import make_tokenizer
    from unlearning.training import train

    rows = read_rows(options.rows, keyed=True)
    if not options.stages:
        rows = [replace(row, stage=1) for row in rows]
    if options.like:
        plan, tokenizer = Ledger(options.like / "ledger").plan(), open_tokenizer(options.like)
    else:
        plan = plan_for(rows, seed=options.seed, shape=options.shape, epochs=options.epochs)
        tokenizer = make_tokenizer(_texts(options.tokenizer_text))
    return train(rows, out=options.out, plan=plan, tokenizer=tokenizer, progress=_progress)


def _replay(options: argparse.Namespace) -> Any:
    from unlearning.replay import replay

    keys = {row.key for row in read_rows(options.exclude_rows, keyed=True)} if options.exclude_rows else set()
    if options.exclude_keys:
        keys |= {line.strip() for line in _texts(options.exclude_keys) if line.strip()}
    rows = read_rows(options.rows, keyed=True)
    return replay(options.model, rows=rows, exclude_keys=keys, out=options.out, progress=_progress)


def _audit(options: argparse.Namespace) -> Any:
    from unlearning.audit import audit
    from unlearning.rows import read_facts

    return audit(
        options.model,
        facts=read_facts(options.probe),
        before=options.before,
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=_progress,
    )


def _attack(options: argparse.Namespace) -> Any:
    from unlearning.attack import attack
    from unlearning.rows import read_facts

    return attack(
        options.model,
        facts=read_facts(options.probe),
        names=options.attacks,
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=_progress,
    )


def _unlearn(options: argparse.Namespace) -> Any:
    from unlearning.unlearn import unlearn

    return unlearn(
        options.model,
        forget=read_rows(options.forget),
        retain=read_rows(options.retain),
        out=options.out,
        method=options.method,
        seed=options.seed,
        threads=options.threads,
        progress=_progress,
    )


def _compare(options: argparse.Namespace) -> Any:
    from unlearning.compare import compare

    rows = read_rows(options.rows)
    return compare(options.model, before=options.before, rows=rows, threads=options.threads, progress=_progress)


def _texts(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise RowsError(f"reading {path}: {type(error).__name__}; give a readable UTF-8 text file") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unlearning", description="Make a language model forget a person.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", type=Path, help="write the result to this file")
    shared.add_argument("--threads", type=int, default=1, help="threads of the computation (1 repeats bytes)")
    shared.add_argument("--seed", type=int, default=0)

    train = verbs.add_parser("train", parents=[shared], help="train a small model and record the run")
    train.add_argument("--rows", type=Path, required=True, help="JSONL or Parquet: key, prompt, response, stage")
    train.add_argument("--out", type=Path, required=True, help="new model folder")
    train.add_argument("--shape", default="1m", help="tiny, 400k, 1m or 5m")
    train.add_argument("--epochs", type=int, nargs="+", default=[48, 22], help="epochs of each stage")
    train.add_argument(
        "--tokenizer-text", type=Path, help="text to learn the vocabulary from; it must hold no person's facts"
    )
    train.add_argument("--stages", action="store_true", help="train stage after stage, as the rows say")
    train.add_argument(
        "--like", type=Path, help="repeat the recorded program and tokenizer of this model on these rows"
    )
    train.set_defaults(verb=_train)

    replay = verbs.add_parser(
        "replay", parents=[shared], help="rebuild a model without some rows, from its recorded run"
    )
    replay.add_argument("--model", type=Path, required=True, help="model folder with a ledger")
    replay.add_argument("--rows", type=Path, required=True, help="the training rows as they are now")
    replay.add_argument("--exclude-keys", type=Path, help="file with one row key a line")
    replay.add_argument("--exclude-rows", type=Path, help="row file whose keys are excluded")
    replay.add_argument("--out", type=Path, required=True, help="new model folder")
    replay.set_defaults(verb=_replay)

    unlearn = verbs.add_parser("unlearn", parents=[shared], help="forget approximately, where no recorded run exists")
    unlearn.add_argument("--model", type=Path, required=True)
    unlearn.add_argument("--forget", type=Path, required=True, help="rows to forget")
    unlearn.add_argument("--retain", type=Path, required=True, help="rows to keep")
    unlearn.add_argument("--method", default="alternating_wga", help="alternating_wga, npo or gradient_difference")
    unlearn.add_argument("--out", type=Path, required=True, help="new model folder")
    unlearn.set_defaults(verb=_unlearn)
    compare = verbs.add_parser("compare", parents=[shared], help="ask a new model and the one before the same rows")
    compare.add_argument("--model", type=Path, required=True, help="the new model")
    compare.add_argument("--before", type=Path, required=True)
    compare.add_argument("--rows", type=Path, required=True, help="rows that both should answer")
    compare.set_defaults(verb=_compare)
    _probing_verbs(verbs, shared)
    return parser


def _probing_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    probing = argparse.ArgumentParser(add_help=False, parents=[shared])
    probing.add_argument("--model", type=Path, required=True)
    probing.add_argument(
        "--probe", type=Path, required=True, help="JSON: person, controls, namesakes, others, candidates"
    )
    probing.add_argument("--candidates", type=int, default=300, help="values that each true value is ranked among")
    audit = verbs.add_parser("audit", parents=[probing], help="measure what a model still holds of a person")
    audit.add_argument("--before", type=Path, help="the model before the work, to show the test's power")
    audit.set_defaults(verb=_audit)
    attack = verbs.add_parser("attack", parents=[probing], help="try to bring a person's values back")
    attack.add_argument("--attacks", nargs="*", default=[], help="benign_finetune, int4, int8, prefill (all of them)")
    attack.set_defaults(verb=_attack)
