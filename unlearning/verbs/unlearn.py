"""`unlearn`: forget approximately, where no recorded run exists."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.budget import Dose, read_budget
from unlearning.types import Progress, Row

HELP = "forget approximately, where no recorded run exists"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--forget", type=Path, required=True, nargs="+", help="rows to forget; one file a request")
    parser.add_argument("--retain", type=Path, required=True, help="rows to keep")
    parser.add_argument("--namesakes", type=Path, help="rows of people with a like name, who must be told apart")
    parser.add_argument("--method", default="alternating_wga", help="a method of the table, by name, or auto")
    parser.add_argument("--checkpoint", type=Path, help="auto: a checkpoint from before the person, to subtract from")
    parser.add_argument("--deadline", help="auto: how long it may take, as 90s, 10m or 2h")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")
    parser.add_argument("--targets", type=Path, help="reviewed file of the verb `targets`, for the method tru")
    parser.add_argument("--budget", help="how long to work: 90s, 10m, 2h or 400steps")
    parser.add_argument("--adapter", choices=["lora"], help="train low-rank weights only, then fold them in")
    parser.add_argument("--rank", type=int, default=8, help="rank of the adapter")
    parser.add_argument("--rounds", type=int, help="rounds of the method, in place of its own")
    parser.add_argument("--learning-rate", type=float, help="learning rate, in place of the method's own")
    parser.add_argument("--most-lost", type=float, default=0.10, help="share of others' right answers that may go")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.adapters import Lora
    from unlearning.rows import read_rows
    from unlearning.unlearn import unlearn

    asked = [read_rows(path) for path in options.forget]
    forget = [row for rows in asked for row in rows]
    retain = read_rows(options.retain)
    if options.method == "auto":
        return _by_choice(options, forget, retain, progress)
    if options.targets:
        forget = _with_targets(options, forget, retain)
    return unlearn(
        options.model,
        forget=forget,
        retain=retain,
        namesakes=read_rows(options.namesakes) if options.namesakes else (),
        out=options.out,
        method=options.method,
        adapter=Lora(rank=options.rank) if options.adapter else None,
        budget=read_budget(options.budget) if options.budget else None,
        most_lost=options.most_lost,
        dose=Dose(options.rounds, options.learning_rate),
        requests=[len(rows) for rows in asked],
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )


def _by_choice(options: argparse.Namespace, forget: list[Row], retain: list[Row], progress: Progress) -> Any:
    from unlearning.auto import forget_by_choice
    from unlearning.rows import read_rows

    return forget_by_choice(
        options.model,
        forget=forget,
        retain=retain,
        out=options.out,
        checkpoint=options.checkpoint,
        deadline=read_budget(options.deadline).seconds if options.deadline else None,
        namesakes=read_rows(options.namesakes) if options.namesakes else (),
        most_lost=options.most_lost,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )


def _with_targets(options: argparse.Namespace, forget: list[Row], retain: list[Row]) -> list[Row]:
    """The forget rows with the targets that somebody reviewed, linted once more."""
    from unlearning.models import open_tokenizer
    from unlearning.targets import thinks
    from unlearning.targets.make import attached, read_targets

    found = read_targets(options.targets, rows=forget, context=retain)
    return attached(forget, found, thinking=thinks(open_tokenizer(options.model)))
