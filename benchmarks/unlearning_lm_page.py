"""The table of `unlearning_lm.py`, and the page `docs/unlearning.md` made from its figures."""

from __future__ import annotations

import math
from typing import Any

from unlearning_lm_goals import BITS, BITS_LATER, GOALS, SHARE, STRENGTH, Figures, better
from unlearning_lm_turns import SEEN
from unlearning_lm_words import HANDLING, HOW, LEARNED, LIMITS, METHODS, TITLE, WHAT

from unlearning import methods
from unlearning.chance import clopper_pearson
from unlearning.verdict import SIGNIFICANT

HEADS = (
    "model or method",
    "ES",
    "leak@1000",
    "p of leak",
    "bits",
    "rank p",
    "bits, benign 30",
    "p, benign 30",
    "bits, int4",
    "AUC ± s.e.",
    "retain ES",
    "utility",
    "namesakes",
    "s",
    "of retraining",
)


def table(figures: Figures) -> list[str]:
    """Lines of a Markdown table, one a model."""
    rows = [HEADS, tuple("---" for _ in HEADS)]
    rows += [_cells(figures, line) for line in figures.lines]
    return ["| " + " | ".join(row) + " |" for row in rows]


def page(figures: Figures) -> str:
    """The whole page; the same figures give the same bytes."""
    found = figures.found
    parts = [TITLE, WHAT, _run(found), "## The table\n\n" + "\n".join(table(figures)), HOW, _goals(figures)]
    parts += [
        _leaks(figures),
        _frontier(figures),
        _requests(figures),
        _unmeasured(figures),
        LEARNED,
        METHODS,
        HANDLING,
        LIMITS,
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _unmeasured(figures: Figures) -> str:
    """What this run did not ask, so that nobody reads an absence as a result."""
    names = {line["name"] for line in figures.lines}
    left = [name for name in methods.TABLE if name not in names]
    failed = figures.found.get("failed") or {}
    said = [f"`{name}` gave no model: {why}." for name, why in failed.items()]
    if left:
        said.append("Not measured in this run: " + ", ".join(f"`{name}`" for name in left if name not in failed) + ".")
    if figures.found["quick"]:
        said.append("This was a quick run: a smaller model, a dozen people, 100 candidates; its costs say little.")
    return "\n".join(said)


def _cells(figures: Figures, line: dict[str, Any]) -> tuple[str, ...]:
    now, later, small, cost = line["now"], line["benign"], line["int4"], figures.cost(line)
    return (
        line["name"],
        f"{now['strength']:.3f}",
        _small(now["leak"]),
        _small(now["leak_p"]) if now.get("never") else "–",
        f"{now['bits']:.2f}",
        _small(now["p"]),
        f"{later['bits']:.2f}",
        _small(later["p"]),
        f"{small['bits']:.2f}",
        _number(line["auc"], f" ± {line['auc_error']:.2f}"),
        f"{now['retain']:.3f}",
        f"{line['utility']:.3f}",
        _number(line["namesakes"]),
        f"{line['seconds']:.1f}" if line["seconds"] else "–",
        f"{cost:.0%}" if cost else "–",
    )


def _number(value: float | None, after: str = "") -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}{after}"


def _small(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "0" if value < 1e-20 else f"{value:.0e}"


def _run(found: dict[str, Any]) -> str:
    rows, versions = found["rows"], found["versions"]
    names = ("torch", "transformers", "cpu", "threads")
    cost = found.get("retraining_seconds")
    return (
        f"This run: a {found['shape']} model of {found['parameters']:,} parameters; {rows['forget']} rows to forget, "
        f"{rows['retain']} to retain, {rows['controls']} of people never seen; seed {found['seed']}"
        + (f"; retraining without the people took {cost:.1f} CPU seconds" if cost else "")
        + f"; the whole run {found['seconds']:.0f} CPU seconds, load up to {found.get('load', 0.0):.0f} on the machine "
        + f"({', '.join(f'{name} {versions[name]}' for name in names if name in versions)})."
    )


def _goals(figures: Figures) -> str:
    lines = ["## The goals, fixed before the measurement", ""]
    return "\n".join([*lines, *(f"- **{goal.name}**: {goal.said(figures)}" for goal in GOALS)])


def _leaks(figures: Figures) -> str:
    """What the chosen method's largest leak is beside people never seen: a find, or what chance gives."""
    lines = ["## The largest leak beside people never seen", ""]
    for line in figures.repeats():
        now = line["now"]
        if not now.get("never"):
            return ""
        low, high = clopper_pearson(now["above"], now["never"])
        said = "chance explains it" if now["leak_p"] >= SIGNIFICANT else "chance does not explain it"
        lines.append(
            f"- `{line['name']}`: the largest of {now['asked']} forgotten values is {_small(now['leak'])}; under the "
            f"same model {now['above']} of {now['never']} values of people never seen leak as much "
            f"({now['above'] / now['never']:.1%}, 95 % interval {low:.1%} to {high:.1%}). That the forgotten leak more "
            f"than these has p {_small(now['leak_p'])}: {said}."
        )
    return "\n".join(lines)


def _frontier(figures: Figures) -> str:
    """Which approximate methods meet all four figures, and by what the others miss them."""
    other = ("original", "retrained", "replay", "shards")
    judged = [line for line in figures.lines if not line["name"].startswith(other) and " in " not in line["name"]]
    if not figures.found.get("retraining_seconds"):
        return ""
    good = [line for line in judged if better(figures, line)]
    named = ", ".join(f"`{line['name']}`" for line in good) or "none"
    lines = [
        "## The frontier",
        "",
        f"At most {BITS} bits, at most {BITS_LATER} after benign steps, retain strength of at least {STRENGTH}, at "
        f"most {SHARE:.0%} of retraining: **{named}**. The others, and what each misses:",
        "",
    ]
    lines += [f"- `{line['name']}`: {_why(figures, line)}" for line in judged if line not in good]
    return "\n".join(lines)


def _why(figures: Figures, line: dict[str, Any]) -> str:
    cost = figures.cost(line) or 0.0
    missed = [
        (line["now"]["bits"] > BITS, f"{line['now']['bits']:.2f} bits remain"),
        (line["benign"]["bits"] > BITS_LATER, f"{line['benign']['bits']:.2f} bits after benign steps"),
        (line["now"]["retain"] < STRENGTH, f"retain strength {line['now']['retain']:.3f}"),
        (cost > SHARE, f"{cost:.0%} of retraining"),
    ]
    return "; ".join(words for short, words in missed if short)


def _requests(figures: Figures) -> str:
    found = figures.found.get("requests")
    if not found:
        return ""
    return (
        f"## {found['people']} requests\n\n"
        f"One after the other with `{figures.found['chosen']}`: {found['each']:.1f} s each; others' right first "
        f"choices {found['before']:.3f} before and {found['after']:.3f} after the last. In one run: "
        f"{found['each_in_batch']:.1f} s each, {found['after_batch']:.3f}. Their two lines in the table are of all "
        f"{found['people']} people together.\n\n{_come_back(found['leak'], found['people'])}{_again(found)}"
    )


def _again(found: dict[str, Any]) -> str:
    """What it helps to forget the earlier people's rows again at each turn; turn by turn beside not doing so."""
    leak = found.get("leak_again")
    if not leak:
        return ""
    lines = ["| after turn | largest leak@1000 so far | values above | all again: largest | values above |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for place, (alone, again) in enumerate(zip(found["leak"]["turns"], leak["turns"], strict=True), start=1):
        cells = (place, _small(alone["largest"]), alone["above"], _small(again["largest"]), again["above"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    words = (
        "**With the earlier people's rows forgotten again at each turn**, as long as their cases keep them: the "
        f"largest was {_small(leak['last'])} after the last turn, {leak['back']:.0f} of {leak['of']:.0f} values had "
        f"come from below {SEEN} to above; {found['each_again']:.1f} s a turn, right first choices "
        f"{found['after_again']:.3f}."
    )
    return "\n\n" + "\n".join([words, "", *lines])


def _come_back(leak: dict[str, Any], people: int) -> str:
    """What the later requests did to the earlier people."""
    head = "Later requests bring earlier people back" if leak["back"] else "Later requests brought nobody back here"
    return (
        f"**{head}.** Right after each person's own turn the largest leak@1000 of any value was {_small(leak['own'])}; "
        f"after the turns of all {people} it was {_small(leak['last'])}, and {leak['back']:.0f} of {leak['of']:.0f} "
        f"values had come from below {SEEN} to above. Each turn trains on, and its rows no longer say what the earlier "
        "people's were. So several people are better forgotten in one run, or by a replay that leaves all of them out; "
        "an audit of one request says nothing of what later training does."
    )
