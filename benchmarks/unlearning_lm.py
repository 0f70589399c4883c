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
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from unlearning_lm_case import Case, given_case, sample_case  # noqa: E402
from unlearning_lm_goals import GOALS, Figures, missed  # noqa: E402
from unlearning_lm_measures import Line, forgotten, mean, measure, some  # noqa: E402
from unlearning_lm_page import page, table  # noqa: E402

from unlearning import methods  # noqa: E402
from unlearning.errors import UnlearningError  # noqa: E402
from unlearning.ledger import Ledger  # noqa: E402
from unlearning.models import digest, open_model, open_tokenizer, pin, versions, weights_digest  # noqa: E402
from unlearning.replay import replay  # noqa: E402
from unlearning.schedule import plan_for  # noqa: E402
from unlearning.scoring import score_rows  # noqa: E402
from unlearning.shard_training import ShardPlan, forget_in_shards, train_shards  # noqa: E402
from unlearning.shards import Shards  # noqa: E402
from unlearning.tokens import make_tokenizer  # noqa: E402
from unlearning.training import train  # noqa: E402

CHOSEN = "stranger"  # the method that the goal is asked of, named before any measurement
QUICK = ("stranger", "alternating_wga", "npo")
ADDED = ("npo+sam", "stranger+paraphrase")
REPEATS = 3  # seeds of the chosen method


def main() -> int:
    options = _options()
    if options.source:
        found = json.loads(options.source.read_text("utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="unlearning-lm-") as folder:
            found = _measured(options, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        options.json.with_suffix(".partial.json").unlink(missing_ok=True)
    figures = Figures(found)
    print("\n".join(table(figures)))
    for goal in GOALS:
        print(f"{goal.name}: {goal.said(figures)}")
    if options.docs:
        options.docs.write_text(page(figures), "utf-8")
    short = missed(figures)
    print(f"unlearning_lm: {len(GOALS) - len(short)} of {len(GOALS)} goals; missed: {', '.join(short) or 'none'}")
    return 1 if short else 0


def _measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures, as JSON keeps them."""
    pin(1)
    began, seed = time.monotonic(), options.seed
    if options.model:
        case, original, cost = given_case(options.forget, options.retain, options.controls), options.model, None
    else:
        case, original = sample_case(quick=options.quick, seed=seed), folder / "original"
        cost = _trained(case, original)
    found = _facts(case, original, cost, options)
    lines, own = [_line("original", original, case, 0.0)], not options.model
    if not own:
        found["note"] = "no recorded run with these rows: nothing was retrained, ranks stand beside chance alone"
    parts = [_exact(case, original, folder, found)] if own else []
    parts += [_approximate(case, original, options, found)]
    if own:
        parts += [_requests(case, original, found, people=2 if options.quick else 10)]
    if own and not options.quick:
        parts += [_sharded(case, folder, found)]
    for part in parts:
        for line in part:
            lines.append(line)
            found |= {"lines": [asdict(line) for line in lines], "seconds": round(time.monotonic() - began, 1)}
            _keep(options, found)
    return found


def _keep(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """What is measured so far, beside the file that the whole will go to."""
    if options.json:
        options.json.with_suffix(".partial.json").write_text(json.dumps(found), "utf-8")


def _facts(case: Case, original: Path, cost: float | None, options: argparse.Namespace) -> dict[str, Any]:
    model, _ = open_model(original)
    return {
        "quick": options.quick,
        "seed": options.seed,
        "versions": versions(),
        "digest": digest(original),
        "shape": model.config.model_type,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "rows": {"forget": len(case.forget), "retain": len(case.retain), "controls": len(case.controls)},
        "training_seconds": cost,
        "chosen": CHOSEN,
    }


def _trained(case: Case, out: Path) -> float:
    """Train the original on everybody, in stages; CPU seconds."""
    rows = case.everybody
    plan = plan_for(rows, seed=case.seed, shape=case.shape, epochs=case.epochs)
    return train(rows, out=out, plan=plan, tokenizer=make_tokenizer(case.text)).cpu_seconds


def _exact(case: Case, original: Path, folder: Path, found: dict[str, Any]) -> Iterator[Line]:
    """Retrained without the people, then the same by replay, then shards."""
    plan, tokenizer = Ledger(original / "ledger").plan(), open_tokenizer(original)
    anew = train(case.retain, out=folder / "retrained", plan=plan, tokenizer=tokenizer)
    found["retraining_seconds"] = anew.cpu_seconds
    yield _line("retrained", folder / "retrained", case, anew.cpu_seconds, steps=anew.steps)
    gone = {row.key for row in case.forget}
    again = replay(original, rows=case.retain, exclude_keys=gone, out=folder / "replayed")
    found["replay_equal"] = again.weights_digest == anew.weights_digest
    yield _line("replay", folder / "replayed", case, again.cpu_seconds, steps=again.steps)


def _sharded(case: Case, folder: Path, found: dict[str, Any]) -> Iterator[Line]:
    """Late customers in eight adapters over a base of the others; one person is forgotten."""
    early = [row for row in case.everybody if row.stage == 1]
    base = plan_for(early, seed=case.seed, shape=case.shape, epochs=case.epochs)
    first = train(early, out=folder / "base", plan=base, tokenizer=make_tokenizer(case.text))
    late = [row for person in case.people for row in person]
    plan = ShardPlan(seed=case.seed, key=bytes(32))
    whole = train_shards(folder / "base", late, out=folder / "shards", plan=plan)
    person = case.people[0]
    gone = {row.key for row in person}
    one = forget_in_shards(folder / "shards", rows=late, exclude_keys=gone, out=folder / "fewer")
    found["shards"] = {"whole": first.cpu_seconds + whole.cpu_seconds, "one": one.cpu_seconds, "count": plan.count}
    name = person[0].key.partition("/")[0]
    for label, where, cost in (("shards, before", "shards", 0.0), ("shards, one retrained", "fewer", one.cpu_seconds)):
        shards = Shards(folder / where)
        model, tokenizer = shards.open_for(name)
        model.requires_grad_(True)  # folded adapters leave their base frozen
        beside = [
            r for p in case.people[1:] for r in p if shards.number_of(r.key.partition("/")[0]) == shards.number_of(name)
        ]
        yield measure(label, model, tokenizer, case, forget=person, retain=[*early, *beside], seconds=cost)


def _approximate(case: Case, original: Path, options: argparse.Namespace, found: dict[str, Any]) -> Iterator[Line]:
    """Each method on a fresh copy of the original; the chosen one with several seeds."""
    if options.methods:
        names: Sequence[str] = options.methods
    else:
        names = QUICK if options.quick else (*methods.TABLE, *ADDED)
    repeats = 1 if options.quick else REPEATS
    found["seeds"] = {name: list(range(repeats if name == CHOSEN else 1)) for name in names}
    for name in names:
        for seed in found["seeds"][name]:
            model, tokenizer = open_model(original)
            label = f"{name}, seed {seed}" if seed else name
            try:
                spent, steps = forgotten(name, model, tokenizer, forget=case.forget, retain=case.retain, seed=seed)
            except UnlearningError as error:
                found.setdefault("failed", {})[label] = str(error)
                continue
            yield measure(label, model, tokenizer, case, seconds=spent, steps=steps, seed=seed)
            print(f"  measured {label}: {spent:.1f} s", file=sys.stderr, flush=True)
            del model
            gc.collect()


def _requests(case: Case, original: Path, found: dict[str, Any], *, people: int) -> Iterator[Line]:
    """So many requests one after the other, and in one run: utility after the last, seconds of each."""
    groups, seed = case.people[:people], case.seed
    gone = [row for group in groups for row in group]
    kept = [row for row in case.everybody if row not in gone]
    model, tokenizer = open_model(original)
    before, spent, left = _right(model, tokenizer, kept), [], list(case.everybody)
    for group in groups:
        left = [row for row in left if row not in group]
        spent.append(forgotten(CHOSEN, model, tokenizer, forget=group, retain=left, seed=seed)[0])
    together, tokenizer = open_model(original)
    batch = forgotten(CHOSEN, together, tokenizer, forget=gone, retain=kept, seed=seed)[0]
    found["requests"] = {
        "people": people,
        "before": before,
        "after": _right(model, tokenizer, kept),
        "after_batch": _right(together, tokenizer, kept),
        "each": mean(spent),
        "each_in_batch": batch / people,
    }
    done = ((f"{people} in turn", model, sum(spent)), (f"{people} in one run", together, batch))
    for name, finished, cost in done:
        yield measure(name, finished, tokenizer, case, forget=gone, retain=kept, seconds=cost)


def _right(model: Any, tokenizer: Any, rows: Sequence[Any]) -> float:
    """Share of answer tokens that are the first choice, others' rows and general ones."""
    return mean([score.memorised for score in score_rows(model, tokenizer, some(rows))])


def _line(name: str, folder: Path, case: Case, seconds: float, *, steps: int = 0) -> Line:
    model, tokenizer = open_model(folder)
    print(f"  measuring {name}", file=sys.stderr, flush=True)
    return measure(name, model, tokenizer, case, seconds=seconds, steps=steps, digest=weights_digest(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model folder; needs --forget and --retain")
    for name in ("forget", "retain", "controls"):
        parser.add_argument(f"--{name}", type=Path, help=f"JSONL or Parquet rows: {name}")
    parser.add_argument("--methods", nargs="*", help="only these")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--from", dest="source", type=Path)
    options = parser.parse_args()
    if options.model and not (options.forget and options.retain):
        parser.error("--model needs --forget and --retain")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
