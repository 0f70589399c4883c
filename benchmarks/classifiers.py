"""Classifiers forget a class, a person's rows or table rows, beside label flipping and exact retraining, in one run.

    python benchmarks/classifiers.py --data FOLDER [--quick] [--json FILE] [--docs FILE]

FOLDER holds MNIST's IDX files, CIFAR-10's binary batches, folders of images, or a table with its schema.json, of which
only what concerns tables is asked. Exits 1 when a goal is missed, 2 when the folder cannot be read.
Times are CPU seconds of one thread (the machine may be shared); ratios are within this run.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch  # noqa: E402

from benchmarks import classifiers_rows as rows  # noqa: E402
from benchmarks import classifiers_spread as spread  # noqa: E402
from benchmarks import classifiers_tables as tables  # noqa: E402
from benchmarks.classifiers_page import (  # noqa: E402
    FAST,
    THOROUGH,
    Goal,
    Line,
    class_goals,
    page,
    row_goals,
    show,
    show_rows,
)
from unlearning.classifiers import methods  # noqa: E402
from unlearning.classifiers.commands import recipe_for  # noqa: E402
from unlearning.classifiers.data import DataSet, open_folder  # noqa: E402
from unlearning.classifiers.examples import Examples, part_class  # noqa: E402
from unlearning.classifiers.fitting import train  # noqa: E402
from unlearning.classifiers.gate import judge_class  # noqa: E402
from unlearning.classifiers.measures.whole_class import (  # noqa: E402
    ClassReading,
    divergence,
    only_head_changed,
    read_class,
)
from unlearning.classifiers.outcome import Budget, Recipe, Task  # noqa: E402
from unlearning.classifiers.parts import linears  # noqa: E402
from unlearning.classifiers.tables.folders import is_table  # noqa: E402
from unlearning.classifiers.tuning import tune  # noqa: E402
from unlearning.errors import InputError  # noqa: E402

BESIDE = tuple(name for name, module in methods.TABLE.items() if name not in ("retrain", "oof_match"))
ALONE = ("learning_rate", "epochs", "batch")  # what is searched of flipping without retained rows
OFTEN = (FAST, THOROUGH, "fresh_head", "delete", "neggrad_plus", "label_flip")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """(result, CPU seconds)."""
    start = time.process_time()
    return work(), time.process_time() - start


class ClassBench:
    """One class to forget: the original of a seed, two retrained models and more, and every method beside them."""

    def __init__(self, data: DataSet, recipe: Recipe, label: int, *, further: tuple[int, ...]) -> None:
        self.data, self.recipe, self.label = data, recipe, label
        self.forget, self.retain = part_class(data.train, label)
        (self.first, self.cost), (self.second, _) = (
            timed(lambda s=s: train(recipe, self.retain, seed=s)) for s in spread.SEEDS[:2]
        )
        chance = torch.Generator().manual_seed(5)
        self.probe_rows = data.train.sample(4000, generator=chance)
        taught = [(data.train.labels == k).nonzero().flatten()[:10] for k in range(data.train.classes)]
        self.taught = data.train.take(torch.cat(taught))
        self.of_class = data.test.take((data.test.labels == label).nonzero().flatten())
        self.references = (self.read(self.first), self.read(self.second))
        models = [self.first, self.second, *(train(recipe, self.retain, seed=seed) for seed in further)]
        readings = (*self.references, *map(self.read, models[2:]))
        self.spread = spread.Spread(label, readings, self._between(models))

    def _between(self, models: list[torch.nn.Module]) -> tuple[tuple[float, ...], ...]:
        """The divergence of each two models."""
        js = {frozenset(pair): divergence(*pair, self.of_class.features) for pair in combinations(models, 2)}
        return tuple(tuple(js.get(frozenset((one, other)), 0.0) for other in models) for one in models)

    def read(self, model: torch.nn.Module) -> ClassReading:
        """Every reading of one model."""
        return read_class(model, self.label, probe_rows=self.probe_rows, test=self.data.test, relearn_rows=self.taught)

    def line(
        self,
        name: str,
        before: torch.nn.Module,
        after: torch.nn.Module,
        *,
        was: ClassReading,
        seed: int,
        seconds: float,
        reading: ClassReading | None = None,
    ) -> Line:
        """Measure (unless it was before) and judge."""
        reading = reading or self.read(after)
        exact = name.startswith("retrain")
        found = judge_class(
            was,
            reading,
            self.references,
            exactness="exact" if exact else "approximate",
            classes=self.data.train.classes,
            head_only=only_head_changed(before, after, self.data.test.features),
            rows=len(self.of_class),
        )
        return Line(
            name,
            self.label,
            seed,
            100 * reading.score,
            100 * reading.retained,
            100 * reading.probe,
            reading.one_vs_rest,
            reading.relearn,
            divergence(after, self.first, self.of_class.features),
            found.gate,
            seconds,
        )

    def run(
        self, original: torch.nn.Module, *, seed: int, names: tuple[str, ...], trials: int, alone: bool
    ) -> list[Line]:
        """Everything on one original; `alone` also searches flipping on the rows to forget alone."""
        was = self.read(original)
        same: dict[str, Any] = {"was": was, "seed": seed}
        lines = [self.line("original", original, original, seconds=0.0, reading=was, **same)]
        lines += [self.line(f"retrain {n}", original, m, seconds=self.cost, reading=self.references[n], **same)
                  for n, m in enumerate((self.first, self.second))]  # fmt: skip
        for name in names:
            task = Task(copy.deepcopy(original), self.forget, self.retain, "class", seed, self.recipe)
            after, seconds = timed(lambda name=name, task=task: methods.load(name).run(task))
            lines.append(self.line(name, original, after, seconds=seconds, **same))
        lines.append(
            self.line("logit mask", original, masked(original, self.label, self.data.test), seconds=0.0, **same)
        )
        if trials:
            lines.append(self._searched(original, trials, f"label_flip, {trials} trials", None, **same))
        if trials and alone:
            lines.append(self._searched(original, trials, f"label_flip alone, {trials} trials", ALONE, **same))
        return lines

    def _searched(
        self,
        original: torch.nn.Module,
        trials: int,
        name: str,
        among: tuple[str, ...] | None,
        *,
        was: ClassReading,
        seed: int,
    ) -> Line:
        """The reference: label flipping, its dose by random search on the Unlearning Score.

        `among` names what is searched: everything (also the kind of label and retained rows mixed in), or the rate,
        epochs and batch on the rows to forget alone.
        """
        held = self.retain.sample(2000, generator=torch.Generator().manual_seed(9))
        found, seconds = timed(
            lambda: tune(
                original,
                self.forget,
                self.retain,
                method="label_flip",
                holdout=held,
                objective="unlearning_score",
                search="random",
                among=among,
                budget=Budget(trials=trials),
                seed=seed,
            )
        )
        return self.line(name, original, found.model, was=was, seed=seed, seconds=seconds)


def masked(model: torch.nn.Module, label: int, test: Examples) -> torch.nn.Module:
    """The cheat: the same model with the answer switched off."""
    cheat = copy.deepcopy(model)
    with torch.no_grad():
        linears(cheat, test.features)[-1].bias[label] -= 1e4
    return cheat


@dataclass(frozen=True)
class Measured:
    """What a run says, its goals, and every reading."""

    said: list[str]
    goals: list[Goal]
    lines: list[Line]
    read: list[rows.RowsReading]
    spreads: list[spread.Spread]


def measured(data: DataSet, *, quick: bool) -> Measured:
    """Images: a class, a person's rows, and tables of our own beside."""
    labels, seeds, trials = ((5,), (0,), 6) if quick else ((5, 8, 2), (0, 1, 2), 20)
    names = (FAST, THOROUGH, "delete", "label_flip") if quick else BESIDE
    if quick:
        few = data.train.sample(20_000, generator=torch.Generator().manual_seed(0))
        data = DataSet(few, data.test, data.names)
    recipe = recipe_for(data, epochs=5)
    lines: list[Line] = []
    further = () if quick else spread.SEEDS[2:]
    benches = [ClassBench(data, recipe, label % data.train.classes, further=further) for label in labels]
    for seed in seeds:
        original = train(recipe, data.train, seed=seed)
        first = seed == seeds[0]  # the weaker methods and the long search once a class, what the goals name each time
        for bench in benches:
            chosen = names if first else OFTEN
            alone = bench is benches[0]
            lines += bench.run(original, seed=seed, names=chosen, trials=trials if first else 0, alone=alone)
            print(f"class {bench.label}, seed {seed}: done", file=sys.stderr, flush=True)
    spreads = [bench.spread for bench in benches]
    exact = {} if quick else spread.chances(spreads)
    out, goals = ["## A whole class", "", *show(lines)], class_goals(lines, trials, exact)
    if quick:  # a third of the rows makes retraining three times cheaper and every model a little worse
        goals = [goal for goal in goals if "logit masks" in goal.name or "CPU seconds" in goal.name]
    read: list[rows.RowsReading] = []
    if not quick:
        out += ["", *spread.said(spreads, lines)]
        goals += spread.goals(spreads, lines)
        world = rows.found(data.train, data.test, models=24, strangers=48, pool=5000, seed=0)
        read = rows.read(world)
        out += ["", "## A person's rows (U-LiRA)", "", *show_rows(read)]
        goals += row_goals(read, next(one.seconds for one in read if one.method == "retrain"))
        seconds, gate = rows.audited(world, references=16)
        out += ["", f"An audit of one model's rows with 16 references, trained for it: {seconds:.1f} CPU s, {gate}."]
        goals.append(Goal("audit with 16 references, CPU seconds", seconds, 30.0, False))
    found, more = tables.run(quick=quick)
    out += ["", "## Tables", "", *found]
    goals += [Goal(*one) for one in more]
    out += ["", f"The whole run took {time.process_time() / 60:.0f} CPU minutes."]
    return Measured(out, goals, lines, read, spreads)


def main() -> int:
    """Run, print, write; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a third of the rows, one class, one seed; what it cannot judge is not asked",
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path, help="write the tables as a page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        if is_table(options.data):
            said, wanted = tables.given(options.data)
            done = Measured(["## The table", "", *said], [Goal(*one) for one in wanted], [], [], [])
        else:
            done = measured(open_folder(options.data), quick=options.quick)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    text = "\n".join([*done.said, "", "## Goals", "", *(f"- {goal}" for goal in done.goals)])
    print(text)
    if options.json:
        facts = {"class": [asdict(x) for x in done.lines], "rows": [asdict(x) for x in done.read]}
        facts["retrained"] = [asdict(x) for x in done.spreads]
        facts["goals"] = [{**asdict(g), "met": g.met} for g in done.goals]
        options.json.write_text(json.dumps(facts, indent=1))
    if options.docs:
        options.docs.write_text(page(text))
    missed = sum(not goal.met for goal in done.goals)
    print(f"\nclassifiers: {len(done.goals) - missed} of {len(done.goals)} goals met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
