"""kill -9 of the worker at random moments of a whole case: is anything lost, done twice, or left lying about?

::

    python benchmarks/chaos.py --kills 10                 the full sample company
    python benchmarks/chaos.py --kills 3 --quick          a small company, about a minute
    python benchmarks/chaos.py --kills 100 --small --rounds 10

The same case is run once undisturbed and once (or ``--rounds`` times) under kills, each on its own copy of the company
and in its own installation. Kills are drawn one from each of N equal slices of the undisturbed run's busy time, so that
they cover the trace, the plan, every step, the model's replay and promotion, the checks and the report. Exits 1 when a
goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import one_case  # noqa: E402
import wreckage  # noqa: E402

from compliance.worker.sample.people import company  # noqa: E402

RESUME_GOAL = 60.0  # seconds from a kill until the work goes on
# Where a quick run, which has no undisturbed run to learn from, kills: the label's beginning, seconds into it.
QUICK = (("TRACE", 0.2), ("MITIGATE: rebuild_index", 0.5), ("VALIDATE", 1.0))


@dataclass(frozen=True)
class Run:
    """One case that was run: its company, its installation, what it became."""

    company: Path
    var: Path
    scratch: Path
    result: dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure beside its goal."""

    name: str
    value: Any
    goal: str
    reached: bool


def main() -> int:
    """Build, run undisturbed, run under kills, compare, print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="oubli-chaos-"))
    print(f"Working in {folder}; lease {options.lease} s, seed {options.seed}", flush=True)
    try:
        sample = options.sample or _build(folder / "company", small=options.small)
        calm = None if options.quick else _run(folder / "calm", sample, options, [])
        figures: list[Figure] = []
        kills: list[dict[str, Any]] = []
        for number in range(2 * options.rounds + 1):  # a kill that found its work done is made up for in one more case
            share = min(-(-options.kills // options.rounds), options.kills - len(kills))
            if share <= 0:
                break
            timeline = calm.result["timeline"] if calm else {}
            planned = one_case.moments(timeline, share, options.seed + number) if calm else list(QUICK)[:share]
            shaken = _run(folder / f"shaken-{number}", sample, options, planned)
            kills += shaken.result["kills"]
            figures += _figures(sample, calm, shaken, options.small)
        figures.append(
            Figure("kills that met a worker at work", len(kills), f"{options.kills}", len(kills) == options.kills)
        )
        _print(calm, kills, figures)
        if options.json:
            options.json.write_text(_as_json(options, calm, kills, figures))
        return 0 if all(figure.reached for figure in figures) else 1
    finally:
        if options.keep:
            print(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="cases over which the kills are spread")
    parser.add_argument("--small", action="store_true", help="30 people instead of 300")
    parser.add_argument("--quick", action="store_true", help="small, without the undisturbed run to compare with")
    parser.add_argument("--sample", type=Path, help="a built company to copy, instead of building one")
    parser.add_argument("--lease", type=int, default=6, help="seconds after which a silent worker's job is claimable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--keep", action="store_true", help="leave the folder for inspection")
    options = parser.parse_args()
    options.small = options.small or options.quick
    options.lease = min(options.lease, 3) if options.quick else options.lease
    return options


def _build(folder: Path, *, small: bool) -> Path:
    from compliance.worker.sample.build import build

    return build(folder, small=small).folder


def _run(folder: Path, sample: Path, options: argparse.Namespace, planned: list[tuple[str, float]]) -> Run:
    company_folder, var, scratch = folder / "company", folder / "var", folder / "tmp"
    shutil.copytree(sample, company_folder)
    for made in (var, scratch):
        made.mkdir()
    result = folder / "result.json"
    command = [sys.executable, str(Path(one_case.__file__)), "--systems", str(company_folder / "systems.yaml")]
    command += ["--email", company(small=options.small).demo.email, "--moments", json.dumps(planned)]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    settings = {"OUBLI_VAR": str(var), "TMPDIR": str(scratch), "OUBLI_LEASE_SECONDS": str(options.lease), **threads}
    started = time.monotonic()
    with (folder / "output.txt").open("w") as said:
        done = subprocess.run(
            [*command, "--json", str(result)], env={**os.environ, **settings}, stdout=said, stderr=said, check=False
        )
    if done.returncode or not result.exists():
        raise SystemExit(f"The case could not be run:\n{(folder / 'output.txt').read_text()[-3000:]}")
    print(f"{'shaken' if planned else 'undisturbed'} case: {time.monotonic() - started:.1f} s", flush=True)
    return Run(company_folder, var, scratch, json.loads(result.read_text()))


def _figures(sample: Path, calm: Run | None, shaken: Run, small: bool) -> list[Figure]:
    result, demo = shaken.result, company(small=small).demo
    before, after = wreckage.stores(sample), wreckage.stores(shaken.company)
    identifiers = [("email", demo.email), ("phone", demo.phone), ("customer_id", demo.customer_id)]
    values = [value for _, value in identifiers]
    marks = wreckage.marks_of([*values, demo.name], before, demo.customer_id)
    named = result["leftovers"]
    left = wreckage.residue(shaken.company, identifiers, named)
    left |= {f"var/{name}": hits for name, hits in _residue_in_var(shaken, identifiers, named).items()}
    resumed = [kill["resumed"] for kill in result["kills"]]
    slowest = max((seconds for seconds in resumed if seconds is not None), default=0.0)
    unsaid = [step for step in result["steps"] if not step["said"] or step["status"] in ("running", "unknown")]
    figures = [
        Figure("case", result["state"] + (f" ({result['stopped']})" if result["stopped"] else ""), "ANSWERED",
               result["state"] == "ANSWERED"),
        Figure("pack verifies", result["verified"], "True", bool(result["verified"])),
        Figure("log verifies", result["log"]["holds"], "True", bool(result["log"]["holds"])),
        Figure("kills after which no work went on", sum(s is None for s in resumed), "0", None not in resumed),
        Figure("slowest resume, seconds", round(slowest, 2), f"≤ {RESUME_GOAL:g}", slowest <= RESUME_GOAL),
        Figure("steps half done and not said", len(unsaid), "0", not unsaid),
        _none("other people's rows touched", wreckage.touched(before, after, marks)),
        _none("files that hold the person", [f"{name}: {hits}" for name, hits in left.items()]),
        _none("files of a killed process", _orphans(shaken)),
        _none("letters sent twice", wreckage.letters_twice(shaken.var / "mail")),
        Figure("letters unsent", result["rows"]["letters unsent"], "0", not result["rows"]["letters unsent"]),
    ]  # fmt: skip
    return figures + (_against(calm, shaken, after) if calm else [])


def _against(calm: Run, shaken: Run, after: dict[str, wreckage.Rows]) -> list[Figure]:
    one, other = calm.result, shaken.result
    steps = [
        f"{a['action']} {a['artifact']}: {a['status']} {b['status']} {_difference(a['receipt'], b['receipt'])}"
        for a, b in zip(one["steps"], other["steps"], strict=False)
        if (a["action"], a["artifact"], a["status"], a["receipt"])
        != (b["action"], b["artifact"], b["status"], b["receipt"])
    ]
    same = {name for name in one["rows"] if one["rows"][name] != other["rows"][name]}
    rows = [f"{name}: {one['rows'][name]} and {other['rows'][name]}" for name in sorted(same)]
    alike = wreckage.weights(calm.company) == wreckage.weights(shaken.company)
    planned = (len(one["steps"]), len(other["steps"]))
    extra = wreckage.names(shaken.company, other["reference"]) ^ wreckage.names(calm.company, one["reference"])
    return [
        Figure("steps in the plan", planned[1], str(planned[0]), planned[0] == planned[1]),
        _none("receipts unlike the undisturbed run's", steps),
        _none("effects missing or done twice", rows),
        _none("stores unlike the undisturbed run's", wreckage.differing(wreckage.stores(calm.company), after)),
        _none("files unlike the undisturbed run's", sorted(extra)),
        Figure("weights are the undisturbed run's", alike, "True", alike),
    ]  # fmt: skip


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    return ", ".join(
        f"{k} {one.get(k)} {other.get(k)}" for k in one.keys() | other.keys() if one.get(k) != other.get(k)
    )


def _none(name: str, found: list[str]) -> Figure:
    return Figure(name, f"{len(found)}" + (": " + "; ".join(sorted(set(found))[:6]) if found else ""), "0", not found)


def _residue_in_var(run: Run, identifiers: list[tuple[str, str]], named: list[str]) -> dict[str, int]:
    """In the installation too, apart from the letters to the person themselves and the evidence sent to them."""
    found: dict[str, int] = {}
    for name in ("log", "undo", "broker", "suppressions", "evidence", "oubli.sqlite3"):
        if (run.var / name).exists():
            found |= {f"{name}/{k}": v for k, v in wreckage.residue(run.var / name, identifiers, named).items()}
    return found | {f"tmp/{k}": v for k, v in wreckage.residue(run.scratch, identifiers, []).items()}


def _orphans(run: Run) -> list[str]:
    named = set(run.result["leftovers"])
    undo = run.var / "undo"
    unnamed = [p.name for p in undo.rglob("*") if p.is_file() and str(p) not in named] if undo.exists() else []
    scratch = [str(p.relative_to(run.scratch)) for p in run.scratch.rglob("*") if p.is_file()]
    return wreckage.half_done([run.company, run.var]) + unnamed + scratch


def _print(calm: Run | None, kills: list[dict[str, Any]], figures: list[Figure]) -> None:
    if calm:
        works: dict[str, float] = {}
        for label, seconds in calm.result["timeline"].items():
            works[label.partition(":")[0]] = works.get(label.partition(":")[0], 0.0) + seconds
        busy = ", ".join(f"{work} {seconds:.1f} s" for work, seconds in works.items())
        print(f"\nUndisturbed: {calm.result['seconds']} s; {busy}")
    for number, kill in enumerate(kills, 1):
        resumed = "never" if kill["resumed"] is None else f"{kill['resumed']:.1f} s"
        during = f"{kill['seconds']:5.1f} s into {kill['during'][:52]}"
        print(f"kill {number:>3}  {kill['work']:<9} {during:<68} resumed after {resumed}")
    print()
    for figure in figures:
        print(f"{'ok   ' if figure.reached else 'SHORT'} {figure.name:<42} {figure.value!s:<28} goal {figure.goal}")
    short = sum(not figure.reached for figure in figures)
    verdict = "every goal reached" if not short else f"{short} goals missed"
    print(f"\nchaos: {len(kills)} kills, {len(figures)} figures, {verdict}")


def _as_json(options: argparse.Namespace, calm: Run | None, kills: list[dict[str, Any]], figures: list[Figure]) -> str:
    content = {
        "kills": kills,
        "lease_seconds": options.lease,
        "small": options.small,
        "seed": options.seed,
        "undisturbed_seconds": calm.result["seconds"] if calm else None,
        "figures": [vars(figure) for figure in figures],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
