"""Several requests against one model, for `unlearning_lm.py`: in turn, in turn with the earlier ones' rows, at once.

`run` is the benchmark's run: its case, its folder, and `cost` and `on`, which make a model and measure a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unlearning_lm_case import Case
from unlearning_lm_measures import leak, mean, some

from unlearning.models import open_model, open_tokenizer
from unlearning.scoring import score_rows
from unlearning.types import Outcome, Row
from unlearning.unlearn import unlearn

SEEN = 0.01  # a value whose leak@k is at least this is said to be back


def _in_turn(run: Any, name: str, groups: Sequence[Sequence[Row]], *, method: str, again: bool) -> list[float]:
    """One request after the other, each from the model before; with `again` the earlier ones' rows go once more."""
    for place in range(len(groups)):
        source = run.folder / f"{name}-{place - 1}" if place else run.original
        so_far = [row for group in groups[: place + 1] for row in group]
        forget = so_far if again else list(groups[place])
        left = [row for row in run.case.everybody if row not in so_far]
        run.cost(
            f"{name} {place}",
            f"{name}-{place}",
            lambda out, s=source, f=forget, kept=left: _one(run, s, f, kept, out, method),
        )
    return [run.found[f"{name} {place}"] for place in range(len(groups))]


def requests(run: Any, *, people: int, method: str) -> None:
    """So many requests in turn, with and without the rows of the earlier, and in one run: utility, seconds of each."""
    case, found = run.case, run.found
    groups = case.people[:people]
    gone = [row for group in groups for row in group]
    kept = [row for row in case.everybody if row not in gone]
    turns = _in_turn(run, "turn", groups, method=method, again=False)
    again = _in_turn(run, "again", groups, method=method, again=True)
    run.cost("batch", "batch", lambda out: _one(run, run.original, gone, kept, out, method))
    last, together = run.folder / f"turn-{people - 1}", run.folder / "batch"
    once_more = run.folder / f"again-{people - 1}"
    found["requests"] = {
        "people": people,
        "before": _right(run.original, kept),
        "after": _right(last, kept),
        "after_batch": _right(together, kept),
        "each": mean(turns),
        "each_in_batch": found["batch"] / people,
        "each_again": mean(again),
        "after_again": _right(once_more, kept),
        "leak": come_back(run.folder, case, groups, name="turn"),
        "leak_again": come_back(run.folder, case, groups, name="again"),
    }
    run.on(f"{people} in turn", last, sum(turns), forget=gone, retain=kept)
    run.on(f"{people} in turn, all again", once_more, sum(again), forget=gone, retain=kept)
    run.on(f"{people} in one run", together, found["batch"], forget=gone, retain=kept)


def _one(run: Any, source: Path, forget: Sequence[Row], retain: Sequence[Row], out: Path, method: str) -> Outcome:
    """One request as a company makes it: the verb, with its gates."""
    return unlearn(source, forget=forget, retain=retain, out=out, method=method, seed=run.case.seed)


def come_back(folder: Path, case: Case, groups: Sequence[Sequence[Row]], *, name: str) -> dict[str, Any]:
    """What later requests bring back of earlier people: their largest leak after their own turn and after the last.

    `turns` says after each turn the largest leak of anybody so far and how many of their values are back.
    """
    asked = [case.facts(group, []).person for group in groups]
    seen = [[_leaks(folder / f"{name}-{turn}", rows) for rows in asked[: turn + 1]] for turn in range(len(groups))]
    own, last = [found[-1] for found in seen], seen[-1]
    pairs = [pair for then, now in zip(own, last, strict=True) for pair in zip(then, now, strict=True)]
    back = sum(then < SEEN <= now for then, now in pairs)
    turns = [
        {"largest": max(map(max, found)), "above": sum(leak >= SEEN for row in found for leak in row)} for found in seen
    ]
    return {
        "own": max(then for then, _ in pairs),
        "last": max(now for _, now in pairs),
        "back": back,
        "of": len(pairs),
        "turns": turns,
    }


def _leaks(folder: Path, rows: Sequence[Row]) -> list[float]:
    model, _ = open_model(folder)
    return [leak(score) for score in score_rows(model, open_tokenizer(folder), rows)]


def _right(folder: Path, rows: Sequence[Row]) -> float:
    """Share of answer tokens that are the first choice, others' rows and general ones."""
    model, tokenizer = open_model(folder)
    return mean([score.memorised for score in score_rows(model, tokenizer, some(rows))])
