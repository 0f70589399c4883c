"""Every way of making a language model forget, in one table: what is left of the people, before and after attacks.

    python benchmarks/unlearning_lm.py                  the sample company's model, trained here, five people forgotten
    python benchmarks/unlearning_lm.py --quick          a smaller model and a few methods, under a minute
    python benchmarks/unlearning_lm.py --model DIR --forget F.jsonl --retain R.jsonl [--controls C.jsonl]

`--json FILE` keeps the figures, `--docs FILE` writes the page `docs/unlearning.md` from them; `--from FILE` takes
figures that were kept instead of measuring. Cost is CPU seconds of one thread, beside retraining without the people in
the same run. Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from unlearning_lm_case import Case, given_case, sample_case  # noqa: E402
from unlearning_lm_goals import GOALS, Figures, missed  # noqa: E402
from unlearning_lm_measures import Line, forgotten, mean, measure  # noqa: E402
from unlearning_lm_page import page, table  # noqa: E402
from unlearning_lm_turns import requests  # noqa: E402

from unlearning import methods  # noqa: E402
from unlearning.audit import STANDARD, audit  # noqa: E402
from unlearning.errors import UnlearningError  # noqa: E402
from unlearning.ledger import Ledger  # noqa: E402
from unlearning.models import digest, open_model, open_tokenizer, pin, versions, weights_digest  # noqa: E402
from unlearning.replay import replay  # noqa: E402
from unlearning.schedule import plan_for  # noqa: E402
from unlearning.scoring import score_rows  # noqa: E402
from unlearning.shard_training import ShardPlan, forget_in_shards, train_shards  # noqa: E402
from unlearning.shards import Shards, person_in_key  # noqa: E402
from unlearning.tokens import make_tokenizer  # noqa: E402
from unlearning.training import train  # noqa: E402
from unlearning.types import Outcome, PersonFacts, Row  # noqa: E402

CHOSEN = "stranger"  # the method that the goal is asked of, named before any measurement
QUICK = ("stranger", "undial")
ADDED = ("npo+sam", "stranger+paraphrase")
REPEATS = 3  # seeds of the chosen method


def main() -> int:
    options = _options()
    if options.source:
        found = json.loads(options.source.read_text("utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="unlearning-lm-") as folder:
            run = _begun(options, options.work or Path(folder))
            try:
                _measure_all(run)
            except Paused:
                print(f"unlearning_lm: {len(run.found['lines'])} lines so far; call again with the same --work")
                return 3
            found = run.found
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    figures = Figures(found)
    print("\n".join(table(figures)))
    for goal in GOALS:
        print(f"{goal.name}: {goal.said(figures)}")
    if options.docs:
        options.docs.write_text(page(figures), "utf-8")
    short = missed(figures)
    asked = [goal for goal in GOALS if goal.judge(figures) is not None]
    print(
        f"unlearning_lm: {len(asked) - len(short)} of {len(asked)} goals met, {len(GOALS) - len(asked)} not asked; "
        f"missed: {', '.join(short) or 'none'}"
    )
    return 1 if short else 0


class Paused(Exception):
    """The time given with `--seconds` is over; what is measured is kept in the working folder."""


@dataclass
class Run:
    """One run: whom it is about, where its models lie, what is found so far. It can be killed and called again."""

    options: argparse.Namespace
    case: Case
    folder: Path
    original: Path
    found: dict[str, Any]

    def line(self, name: str, work: Callable[[], Line]) -> None:
        """Measure one line, unless it is there already."""
        if name in [line["name"] for line in self.found["lines"]]:
            return
        print(f"  measuring {name}", file=sys.stderr, flush=True)
        began = time.process_time()
        self.found["lines"].append(asdict(work()))
        self.keep(began)

    def cost(self, name: str, out: str, work: Callable[[Path], Outcome]) -> float:
        """Make the model folder `out`, unless it is there already; CPU seconds that it took."""
        made = self.folder / out
        if name not in self.found or not made.is_dir():
            shutil.rmtree(made, ignore_errors=True)
            began = time.process_time()
            result = work(made)
            self.found |= {name: result.cpu_seconds, f"{name}_weights": result.weights_digest}
            self.keep(began)
        return float(self.found[name])

    def keep(self, began: float) -> None:
        self.found["seconds"] = round(self.found["seconds"] + time.process_time() - began, 1)
        self.found["load"] = max(self.found.get("load", 0.0), round(os.getloadavg()[0], 1))
        partial = self.folder / "figures.partial"
        partial.write_text(json.dumps(self.found), "utf-8")
        partial.replace(self.folder / "figures.json")
        if self.options.seconds and time.process_time() > self.options.seconds:
            raise Paused

    def on(self, name: str, out: Path, seconds: float, **facts: Any) -> None:
        """A line about the model in a folder."""

        def work() -> Line:
            model, tokenizer = open_model(out)
            return measure(name, model, tokenizer, self.case, seconds=seconds, digest=weights_digest(out), **facts)

        self.line(name, work)


def _begun(options: argparse.Namespace, folder: Path) -> Run:
    """The case, and what an earlier call found in the same working folder."""
    pin(1)
    folder.mkdir(parents=True, exist_ok=True)
    if options.model:
        case, original = given_case(options.forget, options.retain, options.controls), options.model
    else:
        case, original = sample_case(quick=options.quick, seed=options.seed), folder / "original"
    found: dict[str, Any] = {"lines": [], "seconds": 0.0, "failed": {}}
    if (folder / "figures.json").is_file():
        found = json.loads((folder / "figures.json").read_text("utf-8"))
    found |= {"quick": options.quick, "seed": options.seed, "versions": versions(), "chosen": CHOSEN}
    found["rows"] = {"forget": len(case.forget), "retain": len(case.retain), "controls": len(case.controls)}
    return Run(options, case, folder, original, found)


def _measure_all(run: Run) -> None:
    case = run.case
    if not run.options.model:
        plan = plan_for(case.everybody, seed=case.seed, shape=case.shape, epochs=case.epochs)
        words = make_tokenizer(case.text)
        run.cost(
            "training_seconds",
            "original",
            lambda out: train(case.everybody, out=out, plan=plan, tokenizer=words),
        )
    model, _ = open_model(run.original)
    parameters = sum(weight.numel() for weight in model.parameters())
    run.found |= {"shape": model.config.model_type, "parameters": parameters, "digest": digest(run.original)}
    run.on("original", run.original, 0.0)
    if not run.options.model:
        _exact(run)
    _approximate(run)
    if not run.options.model and not run.options.quick:
        requests(run, people=10, method=CHOSEN)
        _sharded(run)
        _audited(run, fields=10)


def _exact(run: Run) -> None:
    """Retrained without the people, then the same by replay."""
    case, plan = run.case, Ledger(run.original / "ledger").plan()
    words, gone = open_tokenizer(run.original), {row.key for row in run.case.forget}
    anew = run.cost(
        "retraining_seconds", "retrained", lambda out: train(case.retain, out=out, plan=plan, tokenizer=words)
    )
    run.on("retrained", run.folder / "retrained", anew)
    again = run.cost(
        "replay_seconds",
        "replayed",
        lambda out: replay(run.original, rows=case.retain, exclude_keys=gone, out=out),
    )
    run.found["replay_equal"] = run.found["replay_seconds_weights"] == run.found["retraining_seconds_weights"]
    run.on("replay", run.folder / "replayed", again)


def _approximate(run: Run) -> None:
    """Each method on a fresh copy of the original; the chosen one with several seeds."""
    names = run.options.methods or (QUICK if run.options.quick else (*methods.TABLE, *ADDED))
    repeats = 1 if run.options.quick else REPEATS
    run.found["seeds"] = {name: list(range(repeats if name == CHOSEN else 1)) for name in names}
    for name in names:
        for seed in run.found["seeds"][name]:
            label = f"{name}, seed {seed}" if seed else name
            try:
                run.line(label, lambda name=name, seed=seed, label=label: _applied(run, name, seed, label))
            except UnlearningError as error:
                run.found["failed"][label] = str(error)


def _applied(run: Run, name: str, seed: int, label: str) -> Line:
    model, tokenizer = open_model(run.original)
    spent, steps = forgotten(name, model, tokenizer, forget=run.case.forget, retain=run.case.retain, seed=seed)
    return measure(label, model, tokenizer, run.case, seconds=spent, steps=steps, seed=seed)


def _sharded(run: Run) -> None:
    """Late customers in eight adapters over a base of the others; one person is forgotten."""
    case = run.case
    early, late = [row for row in case.everybody if row.stage == 1], [row for group in case.people for row in group]
    base = plan_for(early, seed=case.seed, shape=case.shape, epochs=case.epochs)
    words, plan = make_tokenizer(case.text), ShardPlan(seed=case.seed, key=bytes(32))
    first = run.cost("base", "base", lambda out: train(early, out=out, plan=base, tokenizer=words))
    whole = run.cost("sharding", "shards", lambda out: train_shards(run.folder / "base", late, out=out, plan=plan))
    person = case.people[0]
    gone, name = {row.key for row in person}, person_in_key(person[0])
    one = run.cost(
        "one shard", "fewer", lambda out: forget_in_shards(run.folder / "shards", rows=late, exclude_keys=gone, out=out)
    )
    left = [row for row in late if row.key not in gone]
    run.cost(
        "never seen", "never", lambda out: train_shards(run.folder / "base", left, out=out, like=run.folder / "shards")
    )
    equal = run.found["one shard_weights"] == run.found["never seen_weights"]
    run.found["shards"] = {"whole": first + whole, "one": one, "count": plan.count, "equal": equal}
    for place, where in (("before", "shards"), ("after", "fewer")):
        run.found["shards"][place] = _by_route(Shards(run.folder / where), early, left)
    for label, where, cost in (("shards, before", "shards", 0.0), ("shards, one retrained", "fewer", one)):
        shards = Shards(run.folder / where)
        number = shards.number_of(name)
        beside = [row for row in late if row.key not in gone and shards.number_of(person_in_key(row)) == number]
        run.line(label, lambda s=shards, c=cost, t=label, b=beside: _of_shard(run, s, t, person, [*early, *b], c))


def _audited(run: Run, *, fields: int) -> None:
    """How long the whole audit of ten fields takes, with every attack but those that train for long."""
    if "audit" in run.found:
        return
    case, began = run.case, time.process_time()
    person = case.forget[:fields]
    facts = PersonFacts(tuple(person), tuple(case.controls), tuple(case.namesakes), tuple(case.retain), case.candidates)
    done = audit(run.original, facts=facts, attack_names=STANDARD, candidates=case.ranked)
    told = {"fields": len(person), "attacks": len(done.attacks)}
    run.found["audit"] = {**told, "seconds": done.seconds, "cpu_seconds": done.cpu_seconds}
    run.keep(began)


def _by_route(shards: Shards, early: Sequence[Row], late: Sequence[Row]) -> float:
    """Others' extraction strength, each row asked where its person is asked: the base, or the person's own shard."""
    model, tokenizer = open_model(shards.folder / "base")
    found = [score.strength for score in score_rows(model, tokenizer, early)]
    for number in range(len(shards.plans())):
        rows = [row for row in late if shards.number_of(person_in_key(row)) == number]
        model, tokenizer = shards.open_shard(number)
        found += [score.strength for score in score_rows(model, tokenizer, rows)]
    return mean(found)


def _of_shard(run: Run, shards: Shards, label: str, person: Sequence[Row], retain: Sequence[Row], cost: float) -> Line:
    model, tokenizer = shards.open_for(person_in_key(person[0]))
    model.requires_grad_(True)  # folded adapters leave their base frozen
    return measure(label, model, tokenizer, run.case, forget=person, retain=retain, seconds=cost)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model folder; needs --forget and --retain")
    for name in ("forget", "retain", "controls"):
        parser.add_argument(f"--{name}", type=Path, help=f"JSONL or Parquet rows: {name}")
    parser.add_argument("--methods", nargs="*", help="only these")
    parser.add_argument("--work", type=Path, help="folder for models and figures; call again to go on after a kill")
    parser.add_argument("--seconds", type=float, help="stop after so many CPU seconds; needs --work")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--from", dest="source", type=Path)
    options = parser.parse_args()
    if options.model and not (options.forget and options.retain):
        parser.error("--model needs --forget and --retain")
    if options.seconds and not options.work:
        parser.error("--seconds needs --work")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
