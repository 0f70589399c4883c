"""May this model be put to use: rules on what was measured, each with its reason in words."""

from __future__ import annotations

from dataclasses import dataclass

from unlearning.classifiers.measures.membership import Attack
from unlearning.classifiers.measures.whole_class import ClassReading
from unlearning.classifiers.outcome import Exactness, Gate

MOST_LOST = 0.01  # accuracy on what is kept
MOST_SIGNAL = 0.07  # |AUC - 1/2| of an attack on rows
MOST_FOUND = 0.05  # upper bound of the rate of rows found at 1 % false alarms


@dataclass(frozen=True)
class Judgement:
    """The gate and why."""

    gate: Gate
    reasons: tuple[str, ...]


def judge_class(
    before: ClassReading,
    after: ClassReading,
    references: tuple[ClassReading, ...],
    *,
    exactness: Exactness,
    classes: int,
    head_only: bool,
    rows: int = 1000,
) -> Judgement:
    """Fail on any rule that is broken; inconclusive for an approximate method without a retrained reference.

    `rows` of the class were held out: where the model before and a retrained one differ by less than so few can show,
    nearness to either says nothing. What was retrained exactly is not judged by its nearness to another retraining.
    """
    broken, told = [], 0
    if head_only:
        broken.append("Only the head changed: the answer is masked, what the features know is untouched.")
    if after.forgotten > 1 / classes:
        broken.append(f"The class is still recognised more often than by chance ({after.forgotten:.1%}).")
    if before.retained - after.retained > MOST_LOST:
        broken.append(f"Accuracy on what is kept fell by {before.retained - after.retained:.1%}.")
    for name in ("probe", "one_vs_rest") if references and exactness != "exact" else ():
        values = [float(getattr(r, name)) for r in references]
        reference, was, now = sum(values) / len(values), float(getattr(before, name)), float(getattr(after, name))
        if was - reference <= 2 * (reference * (1 - reference) / max(rows, 1)) ** 0.5:
            continue
        told += 1
        if now > reference and abs(now - was) < abs(now - reference):
            broken.append(
                f"{name}: {now:.3f} is nearer to the model before ({was:.3f}) than to retraining ({reference:.3f})."
            )
    if broken:
        return Judgement("fail", tuple(broken))
    if not references and exactness != "exact":
        return Judgement(
            "inconclusive", ("No retrained reference was given: what the features still tell is not judged.",)
        )
    if not told and exactness != "exact":
        return Judgement(
            "inconclusive",
            (f"By {rows} held-out rows of the class, the model before reads no higher than a retrained one.",),
        )
    return Judgement("pass", ("Every rule holds.",))


def judge_rows(
    attack: Attack | None, *, lost: float, exactness: Exactness, references: int, least_references: int
) -> Judgement:
    """Fail on a found signal or lost accuracy; inconclusive with too few references or negatives."""
    broken = []
    if lost > MOST_LOST:
        broken.append(f"Accuracy on what is kept fell by {lost:.1%}.")
    if exactness == "exact":  # what an attack sees of rows that had no part is chance
        attack = None
    if attack and abs(attack.auc - 0.5) > max(MOST_SIGNAL, 2 * attack.standard_error):
        side = "more" if attack.auc > 0.5 else "less"
        broken.append(f"The rows look {side} like training rows than strangers do (AUC {attack.auc:.3f}).")
    if attack and attack.conclusive and attack.low > MOST_FOUND:
        broken.append(f"{attack.tpr:.1%} of the rows are found at 1 % false alarms.")
    if broken:
        return Judgement("fail", tuple(broken))
    if exactness == "exact":
        return Judgement("pass", ("Exact: the model has not seen the rows.",))
    if attack is None or references < least_references or not attack.conclusive:
        return Judgement(
            "inconclusive",
            (f"Too few references ({references}) or strangers ({attack.negatives if attack else 0}) to judge rows.",),
        )
    if attack.high > MOST_FOUND:
        return Judgement(
            "inconclusive", (f"The rate found may be as high as {attack.high:.1%}: too few rows to say less.",)
        )
    return Judgement("pass", ("Every rule holds.",))
