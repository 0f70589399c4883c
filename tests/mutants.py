"""Reads what mutmut left in a folder: the score of an area, and every change that no test noticed, with its lines.

A change that cannot matter is listed in ``tests/mutants_equal.txt`` with the reason, one a line: ``function | what the
changed line holds | why nothing can notice it``. Nothing else is exempt, messages included. Usage: ``python
tests/mutants.py AREA FOLDER``; exit 1 below 95 of 100, or when a change was not tried.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GOAL = 95.0
NOTICED, MISSED = ("killed", "timeout", "caught by type check"), ("survived", "no tests", "suspicious")
LISTED = Path(__file__).with_name("mutants_equal.txt")


def main(area: str, folder: Path) -> int:
    """Print the score of one area; 1 when it is short."""
    found = results(folder)
    missed = [name for name, verdict in found if verdict in MISSED]
    noticed = sum(verdict in NOTICED for _, verdict in found)
    if len(found) != len(missed) + noticed or not found:
        print(f"mutation {area}: {len(found)} changes, of which {len(found) - len(missed) - noticed} were not tried")
        return 1
    equal, real = split(missed, folder, listed(area))
    for name, lines in real:
        print(f"  {name}\n" + "\n".join(f"    {line}" for line in lines))
    whole = len(found) - len(equal)
    score = 100 * noticed / whole
    words = f", {len(equal)} listed as equal" if equal else ""
    print(f"mutation {area}: {noticed} of {whole} changes noticed ({score:.1f} %, goal {GOAL:.0f} %{words})")
    return 0 if score >= GOAL else 1


def results(folder: Path) -> list[tuple[str, str]]:
    """Every change with its verdict."""
    rows = run(folder, "results", "--all", "true").splitlines()
    pairs = [line.strip().rsplit(": ", 1) for line in rows if ": " in line]
    return [(name, verdict) for name, verdict in pairs if "__mutmut_" in name]


def run(folder: Path, *words: str) -> str:
    """What mutmut says."""
    command = [sys.executable, "-m", "mutmut", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def listed(area: str) -> list[tuple[str, str]]:
    """Function and text of each change that cannot matter."""
    lines = [line.split(" | ") for line in LISTED.read_text().splitlines() if line.startswith(f"{area} | ")]
    return [(function, held) for _, function, held, _reason in lines]


def split(
    missed: list[str], folder: Path, known: list[tuple[str, str]]
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Changes that cannot matter, and the others with their lines."""
    equal: list[str] = []
    real: list[tuple[str, list[str]]] = []
    for name in missed:
        lines = [line for line in run(folder, "show", name).splitlines() if line[:1] in "+-" and line[:3] not in _HEADS]
        changed = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
        same = any(f".{function}__mutmut" in name.replace("x_", "") and held in changed for function, held in known)
        if same:
            equal.append(name)
        else:
            real.append((name, lines))
    return equal, real


_HEADS = ("+++", "---")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
