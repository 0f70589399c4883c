"""Does the form tell who is known? Two thousand pairs, and a classifier that tries to find out from the outside.

Known people stand in the company's stores and have earlier, confirmed cases; unknown people do neither. Both send the
same form over HTTP to a real server, one of each at a time in random order: through the API, and as the last page of
the public form. Bodies must be equal but for reference and secret. A classifier (gradient boosting, cross-validated,
so that it is judged on pairs that it has not seen) is given everything that an outsider sees: seconds to the first and
last byte, each also beside the other one of the pair, so that a machine that is slower for a while hides nothing,
size, status, and every header. An area under its curve of 0.5 is a coin; the limit is 0.55 (with fewer than 2,000
pairs two standard errors are added, because chance alone goes further).

So that a verdict of "cannot tell" means something, the same classifier must find servers that do leak: the same
application behind a wrapper that, for known people only, works a quarter of the usual time longer, or sends one byte
more, or one letter of a header. Who is known is told to that wrapper alone, and only in these control runs. On a
machine that is busy with other things a short time can drown; the run then fails and says so.

    python benchmarks/constant_answers.py [--pairs 2000] [--web 2000] [--control 400] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from constant_doors import LEAKS, ROOT, Leak, Seen, api, counted, prepare, server, web
from constant_judging import auc

sys.path.insert(0, str(ROOT))
LIMIT, PLANTED, ENOUGH = 0.55, 0.25, 2000


def main() -> int:
    """Run it; 1 when a body differs or the classifier can tell."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="oubli-constant-"))
    os.environ |= {
        "OUBLI_VAR": str(folder),
        "OUBLI_FORMS_AN_HOUR": "1000000",
        "DJANGO_SETTINGS_MODULE": "compliance.settings",
        "OUBLI_LOG": "ERROR",
    }
    random.seed(options.seed)
    try:
        people = prepare(options.pairs)
        with server() as port:
            doors = {"api": _judge("api", counted(api(port, people)))}
            if options.web:
                doors["web"] = _judge("web", counted(web(port, people[: 2 * options.web])))
        controls = [_control(leak, doors, people[: 2 * options.control]) for leak in LEAKS if leak.door in doors]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _report(list(doors.values()), controls, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--web", type=int, default=2000, help="pairs through the public form's last page")
    parser.add_argument("--control", type=int, default=400, help="pairs sent to each server that leaks")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="120 pairs, 60 through the form, 100 a control")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.web, options.control = 120, 60, 100
    return options


def _control(leak: Leak, doors: dict[str, Result], people: Sequence[tuple[str, bool]]) -> Control:
    """What the same classifier makes of a server that leaks."""
    longer = max(0.001, PLANTED * doors[leak.door].median_ms / 1000)
    with server(leak.by, longer) as port:
        answers = list((api if leak.door == "api" else web)(port, people, tell=True))
    return Control(leak.door, leak.by, len(answers) // 2, auc(answers), _limit(len(answers) // 2), 1000 * longer)


@dataclass(frozen=True)
class Result:
    """One door's verdict."""

    door: str
    pairs: int
    different_bodies: int
    statuses: list[int]
    auc: float
    limit: float
    median_ms: float

    @property
    def holds(self) -> bool:
        """Equal bodies, and a classifier that cannot tell."""
        return self.different_bodies == 0 and self.auc <= self.limit


@dataclass(frozen=True)
class Control:
    """What the classifier made of a server that leaks: it must find it."""

    door: str
    by: str
    pairs: int
    auc: float
    limit: float
    leak_ms: float

    @property
    def holds(self) -> bool:
        """Whether the leak was found."""
        return self.auc > self.limit


def _limit(pairs: int) -> float:
    """The goal; an area's standard error is about 1/sqrt(6n), and few pairs go further by chance."""
    return LIMIT + (0.0 if pairs >= ENOUGH else 2 * (1 / (6 * pairs)) ** 0.5)


def _judge(door: str, answers: Sequence[Seen]) -> Result:
    bodies = [answer.body for answer in answers]
    usual = max(set(bodies), key=bodies.count)
    times = sorted(answer.last for answer in answers)
    pairs = len(answers) // 2
    return Result(
        door=door,
        pairs=pairs,
        different_bodies=sum(body != usual for body in bodies),
        statuses=sorted({answer.status for answer in answers}),
        auc=auc(answers),
        limit=_limit(pairs),
        median_ms=1000 * times[len(times) // 2],
    )


def _report(results: Sequence[Result], controls: Sequence[Control], options: argparse.Namespace) -> int:
    for one in results:
        print(f"{one.door}: {one.pairs} pairs, median {one.median_ms:.1f} ms, status {one.statuses}")
        print(f"  bodies that differ     {one.different_bodies:6d}   goal 0")
        print(f"  classifier's AUC       {one.auc:6.3f}   goal <= {one.limit:.3f}")
    for leak in controls:
        what = {"time": f"{leak.leak_ms:.1f} ms more", "size": "one byte more", "header": "one letter of a header"}
        words = f"{leak.door} that leaks by {what[leak.by]}, {leak.pairs} pairs"
        print(f"{words}: AUC {leak.auc:.3f}, must be above {leak.limit:.3f}")
    holds = all(one.holds for one in [*results, *controls])
    if options.json:
        kept = {"doors": [asdict(one) for one in results], "controls": [asdict(one) for one in controls]}
        options.json.write_text(json.dumps(kept, indent=1))
    if not all(leak.holds for leak in controls):
        print("A leak was not found: too few pairs, or a machine too busy for a verdict.")
    words = ", ".join(f"{one.door} AUC {one.auc:.3f}" for one in results)
    found = f"weakest of {len(controls)} leaks {min((leak.auc for leak in controls), default=0.5):.3f}"
    differ = sum(one.different_bodies for one in results)
    print(f"{'PASS' if holds else 'FAIL'}: {words}; {differ} bodies differ; {found}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
