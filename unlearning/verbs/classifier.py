"""`classifier`: train, plan, unlearn, audit and tune classifiers of images and numbers, or give them folds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "classifiers: train, plan, unlearn, audit, tune, folds"
DOES = ("train", "plan", "unlearn", "audit", "tune", "folds")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("does", choices=DOES)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder: IDX files, CIFAR-10 batches, images by class, or schema.json and a table",
    )
    parser.add_argument("--model", type=Path, help="model folder that `classifier train` wrote")
    parser.add_argument("--out", type=Path, help="new model folder")
    parser.add_argument("--forget-class", help="label, by number or name")
    parser.add_argument("--forget-ids", type=Path, help="file with one row id a line (folds: rows to leave out)")
    parser.add_argument("--without-class", help="train: leave this class out (a control)")
    parser.add_argument("--folds", type=int, default=0, help="train, folds: out-of-fold models beside it (5 is enough)")
    parser.add_argument("--people", type=Path, help="CSV of row id and person: a person's rows share a fold")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="folders of retrained models")
    parser.add_argument(
        "--estimator", default="logistic", help="train, tables: logistic, forest, boosting, svm, neighbours"
    )
    parser.add_argument("--shards", type=int, default=1, help="train: parts that are trained apart and forget apart")
    parser.add_argument("--slices", type=int, default=1, help="train, with --shards: steps in which a shard learns")
    parser.add_argument("--shadows", type=int, default=0, help="audit: references to train beside (16 is enough)")
    parser.add_argument(
        "--module", help="FILE.py:NAME: an architecture of your own, called with channels, side and classes; it is run"
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=12, help="tune: doses to try")
    parser.add_argument("--budget", default="", help="seconds, such as 60s")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.classifiers import commands, own
    from unlearning.classifiers.tables import commands as of_tables
    from unlearning.classifiers.tables.folders import is_table
    from unlearning.errors import InputError

    if options.module and is_table(options.data):
        raise InputError("a table's model is scikit-learn's: --estimator names it, --module is for images")
    if options.module:
        options.module = own.register(options.module)
    if options.does == "folds" and is_table(options.data):
        raise InputError("a table's model forgets exactly, by being fitted again: it needs no out-of-fold models")
    table = of_tables.COMMANDS if is_table(options.data) else commands.COMMANDS
    return table[options.does](options, progress)
