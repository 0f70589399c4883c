"""What `unlearning_lm.py` asks for, fixed before any measurement, and how it is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BITS, BITS_LATER, STRENGTH, SHARE = 2.5, 4.0, 0.95, 0.40
AUDIT = 30.0  # seconds for one person of ten fields, all attacks but those that train for long
RANKED = 300  # values that a true one is ranked among, itself included


class Figures:
    """The figures of one run, by name."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.lines: list[dict[str, Any]] = found["lines"]

    def line(self, name: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line["name"] == name), None)

    def repeats(self) -> list[dict[str, Any]]:
        """The chosen method's lines, one a seed."""
        chosen = self.found["chosen"]
        return [line for line in self.lines if line["name"] == chosen or line["name"].startswith(f"{chosen}, seed")]

    def cost(self, line: dict[str, Any]) -> float | None:
        """Seconds as a share of retraining in the same run."""
        whole = self.found.get("retraining_seconds")
        return line["seconds"] / whole if whole else None


def chance(asked: int) -> str:
    """Mean bits of so many values that were never learned: every rank is as likely as any other."""
    bits = [math.log2(RANKED / rank) for rank in range(1, RANKED + 1)]
    middle = sum(bits) / RANKED
    spread = math.sqrt(sum((value - middle) ** 2 for value in bits) / RANKED)
    return f"by chance {middle:.2f} ± {spread / math.sqrt(asked):.2f} for {asked} values never learned"


@dataclass(frozen=True)
class Goal:
    """`judge` says whether it is met, None where this run cannot say; `words` gives the figures."""

    name: str
    judge: Callable[[Figures], bool | None]
    words: Callable[[Figures], str]

    def said(self, figures: Figures) -> str:
        met = self.judge(figures)
        if met is None:
            return "not asked in this run"
        return f"{'met' if met else 'MISSED'}: {self.words(figures)}"


def missed(figures: Figures) -> list[str]:
    return [goal.name for goal in GOALS if goal.judge(figures) is False]


def better(figures: Figures, line: dict[str, Any]) -> bool | None:
    """Whether a line meets all four figures of the goal for approximate methods; a quick run asks for no cost."""
    cost = figures.cost(line)
    if cost is None:
        return None
    if figures.found["quick"]:
        cost = 0.0  # what the preparation costs stands in no relation to training a dozen people
    quiet = line["now"]["bits"] <= BITS and line["benign"]["bits"] <= BITS_LATER
    return quiet and line["now"]["retain"] >= STRENGTH and cost <= SHARE


def _chosen(figures: Figures) -> bool | None:
    judged = [better(figures, line) for line in figures.repeats()]
    return None if not judged or None in judged else all(judged)


def _chosen_words(figures: Figures) -> str:
    lines = figures.repeats()

    def worst(get: Callable[[dict[str, Any]], float], side: Callable[[Any], float] = max) -> float:
        return side([get(line) for line in lines])

    cost = f"{worst(lambda x: figures.cost(x) or 0.0):.0%} of retraining (goal {SHARE:.0%})"
    if figures.found["quick"]:
        cost = "cost not judged in a quick run"
    later, kept = worst(lambda x: x["benign"]["bits"]), worst(lambda x: x["now"]["retain"], min)
    return (
        f"{figures.found['chosen']}, worst of {len(lines)} seeds: {worst(lambda x: x['now']['bits']):.2f} bits (goal "
        f"{BITS}; {chance(lines[0]['now']['asked'])}), {later:.2f} after benign steps (goal {BITS_LATER}), retain "
        f"{kept:.3f} (goal {STRENGTH}), {cost}"
    )


def _fires(figures: Figures) -> bool | None:
    original, anew = figures.line("original"), figures.line("retrained")
    return original["now"]["p"] < 0.01 and anew["now"]["p"] >= 0.05 if original and anew else None


def _fires_words(figures: Figures) -> str:
    original, anew = figures.line("original"), figures.line("retrained")
    assert original and anew
    return f"rank p of the original {original['now']['p']:.1g}, of the retrained {anew['now']['p']:.2f}"


def _replay(figures: Figures) -> bool | None:
    line, anew = figures.line("replay"), figures.line("retrained")
    if not line or not anew:
        return None
    return bool(figures.found["replay_equal"]) and line["now"]["retain"] >= 0.99 * anew["now"]["retain"]


def _replay_words(figures: Figures) -> str:
    line = figures.line("replay")
    assert line
    equal = "the same bytes as retrained" if figures.found["replay_equal"] else "other bytes than retrained"
    return f"{equal}, rank p {line['now']['p']:.2f}, {figures.cost(line):.0%} of retraining"


def _shards(figures: Figures) -> bool | None:
    line, cost = figures.line("shards, one retrained"), figures.found.get("shards")
    if not line or not cost:
        return None
    kept = cost["after"] >= 0.99 * cost["before"]
    return kept and bool(cost["equal"]) and cost["one"] <= 0.15 * cost["whole"]


def _shards_words(figures: Figures) -> str:
    line, before, cost = figures.line("shards, one retrained"), figures.line("shards, before"), figures.found["shards"]
    assert line and before
    share = cost["one"] / cost["whole"]
    equal = "the same bytes as shards that never had the person" if cost["equal"] else "other bytes than never trained"
    return (
        f"{equal}; their rank p {line['now']['p']:.2f}, of {line['now']['asked']} values, below 0.05 in one of twenty "
        f"by chance (before {before['now']['p']:.1g}), {share:.0%} of training base and shards "
        f"(goal 15%), others asked in their own shard or the base: {cost['before']:.3f} before, {cost['after']:.3f} "
        f"after; early customers asked in this shard, where nobody should ask them: {line['now']['retain']:.3f}"
    )


def _sequence(figures: Figures) -> bool | None:
    found = figures.found.get("requests")
    return found["after"] >= 0.97 * found["before"] if found else None


def _sequence_words(figures: Figures) -> str:
    found = figures.found["requests"]
    return f"right first choices {found['before']:.3f} before, {found['after']:.3f} after {found['people']} requests"


def _batch(figures: Figures) -> bool | None:
    found = figures.found.get("requests")
    return found["each_in_batch"] <= found["each"] / 4 if found and not figures.found["quick"] else None


def _batch_words(figures: Figures) -> str:
    found = figures.found["requests"]
    return f"{found['each']:.1f} s each alone, {found['each_in_batch']:.1f} s each of {found['people']} in one run"


def _audit(figures: Figures) -> bool | None:
    found = figures.found.get("audit")
    return found["cpu_seconds"] <= AUDIT if found and not figures.found["quick"] else None


def _audit_words(figures: Figures) -> str:
    found = figures.found["audit"]
    return (
        f"{found['cpu_seconds']:.1f} CPU seconds of one thread ({found['seconds']:.1f} s passed; goal {AUDIT:.0f}) for "
        f"{found['fields']} fields, {found['attacks']} attacks, each also on people never seen"
    )


GOALS = (
    Goal("the rank test fires before and not on a model that never saw them", _fires, _fires_words),
    Goal("replay is exact", _replay, _replay_words),
    Goal("shards are exact and cheap", _shards, _shards_words),
    Goal("one approximate method is quiet, stays quiet and is cheap", _chosen, _chosen_words),
    Goal("requests one after the other keep the model", _sequence, _sequence_words),
    Goal("requests in one run are cheap", _batch, _batch_words),
    Goal("auditing one person is quick", _audit, _audit_words),
)
