"""Finding 10, 1,000 and 100,000 people in JSON lines, beside ``ripgrep -F`` on the same machine; near-duplicates beside
``datasketch``.

    python benchmarks/locate.py [--quick] [--megabytes N] [--json FILE]

ripgrep is given one literal a person, as typed, and only counts lines; we are given the same people and find every
spelling, with spans. Both read the same file from the page cache, one after the other, best of three runs; preparing
the needles is part of our time, as building its automaton is part of ripgrep's. Two pairs are printed for each number
of people: as a user gets them, with no option about threads (we use every core, ripgrep one thread for one file: the
goals are judged on this one), and one thread beside one thread on one core.

The line above the figures names the vector instructions that were used. Other processors are tried with numba's own
settings: ``NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+bmi,+bmi2,+popcnt,+sse4.2`` or ``NUMBA_CPU_NAME=generic``.

Beside ten people stand two further rates without a goal: ripgrep told to ignore case, and a regular expression (in
ripgrep) that accepts separators between letters as we do, which is what a literal search leaves out.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.people import People  # noqa: E402
from retrieval.sieve import way  # noqa: E402

GOALS = {10: 1.0, 1_000: 1.0, 100_000: 2.0}
SAME_ROWS = 48  # megabytes of distinct rows; the file repeats them


def main() -> int:
    """Run, print figures beside goals, and say by the exit code whether all were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="64 MB and few documents")
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--skip-near", action="store_true", help="leave near-duplicates out")
    given = parser.parse_args()
    if shutil.which("rg") is None:
        print("ripgrep is missing: install the package «ripgrep»; without it there is nothing to compare with.")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        figures = scans(Path(folder), given.megabytes or (64 if given.quick else 1024))
    if not given.skip_near:
        from benchmarks.near import near

        figures |= near(3_000 if given.quick else 20_000)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))
    short = [name for name, figure in figures.items() if not figure["met"]]
    print(
        f"locate: {len(figures) - len(short)} of {len(figures)} goals met"
        + (f"; short: {', '.join(short)}" if short else "")
    )
    return 1 if short else 0


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process, and ripgrep after it, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def scans(folder: Path, megabytes: int) -> dict[str, Any]:
    """Scan one file for each number of people, with both tools in turn: as they come, then on one core."""
    people = People(random.Random(4))
    everybody = people.needles(max(GOALS))
    corpus, planted = folder / "rows.jsonl", everybody[:: max(1, len(everybody) // 2_000)]
    _write(corpus, people, planted, megabytes)
    size = corpus.stat().st_size
    compiled = _compile()
    cores = len(os.sched_getaffinity(0))
    print(f"{size / 1e9:.2f} GB of JSON lines; first use compiled for {compiled:.1f} s (then cached); by {way()}")
    figures: dict[str, Any] = {}
    for count, goal in GOALS.items():
        wanted = people.choose(everybody, planted, count)
        rate, peer, found = _pair(folder, corpus, wanted)
        ratio = rate / peer
        print(
            f"{count:>7,} people: {rate:.2f} GB/s ({cores} threads), {found:,} finds · ripgrep {peer:.2f} GB/s "
            f"(1 thread) · ratio {ratio:.2f} (goal ≥ {goal:g})"
        )
        with _one_core():
            single, single_peer, _ = _pair(folder, corpus, wanted)
            print(
                f"        · one thread beside one thread, on one core: {single:.2f} and {single_peer:.2f} GB/s, "
                f"ratio {single / single_peer:.2f} (no goal)"
            )
            more = _spelled(folder, corpus, wanted, size) if count == min(GOALS) else {}
        figures[f"{count} people"] = {
            "GB/s": rate, "threads": cores, "ripgrep GB/s": peer, "ratio": ratio, "goal": goal, "finds": found,
            "met": ratio >= goal, "one core GB/s": single, "one core ripgrep GB/s": single_peer,
            "one core ratio": single / single_peer, "by": way(), **more,
        }  # fmt: skip
    return figures


def _pair(folder: Path, corpus: Path, wanted: list[Any]) -> tuple[float, float, int]:
    """Return (our GB/s, ripgrep's, what we found): in turn, the best of three."""
    ours, theirs = [], []
    for _ in range(3):
        theirs.append(_timed(partial(_ripgrep, folder, corpus, wanted))[0])
        ours.append(_timed(partial(_ours, corpus, wanted)))
    size = corpus.stat().st_size / 1e9
    return size / min(ours)[0], size / min(theirs), min(ours)[1]


def _write(path: Path, people: People, planted: list[Any], megabytes: int) -> None:
    rows, size = [], 0
    while size < min(SAME_ROWS, megabytes) << 20:
        rows.append(people.row(planted).encode())
        size += len(rows[-1])
    same = b"".join(rows)
    with path.open("wb") as handle:
        for _ in range(max(1, (megabytes << 20) // len(same))):
            handle.write(same)
    path.read_bytes()  # into the page cache


def _compile() -> float:
    from retrieval.sweep import Sweeper
    from retrieval.types import Needle

    seconds, _ = _timed(lambda: Sweeper([Needle("email", "nobody@example.org", "n")]).text("é nobody@example.org"))
    return seconds


def _ours(corpus: Path, wanted: list[Any]) -> int:
    from retrieval.sweep import sweep

    return sum(1 for _ in sweep([corpus], wanted, region="DE"))


def _spelled(folder: Path, corpus: Path, wanted: list[Any], size: int) -> dict[str, float]:
    """Time ripgrep where it, too, accepts other spellings: of case, then of case and separators."""
    gaps = [r"[^0-9A-Za-z\n]*".join(letter for letter in needle.value if letter.isalnum()) for needle in wanted]
    ways = {"-F -i": ([needle.value for needle in wanted], "-F"), "-i, separators": (gaps, "-i")}
    rates = {}
    for name, (patterns, option) in ways.items():
        rates[f"ripgrep {name} GB/s"] = (
            size / _timed(partial(_asked, folder, corpus, patterns, (option, "-i")))[0] / 1e9
        )
    print("        · " + ", ".join(f"{name.removesuffix(' GB/s')}: {rate:.2f} GB/s" for name, rate in rates.items()))
    return rates


def _ripgrep(folder: Path, corpus: Path, wanted: list[Any]) -> int:
    return _asked(folder, corpus, [needle.value for needle in wanted], ("-F",))


def _asked(folder: Path, corpus: Path, wanted: list[str], options: tuple[str, ...]) -> int:
    patterns = folder / "patterns.txt"
    patterns.write_text("".join(f"{pattern}\n" for pattern in wanted))
    command = ["rg", *options, "-c", "-f", str(patterns), str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise RuntimeError(f"ripgrep failed: {done.stderr[:200]}")
    return int(done.stdout or 0)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    sys.exit(main())
