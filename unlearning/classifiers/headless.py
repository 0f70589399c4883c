"""A class judged by answers alone: networks whose answer comes from no linear layer, which a probe could read."""

from __future__ import annotations

from torch import nn

from unlearning.classifiers.examples import Examples, part_class
from unlearning.classifiers.fitting import accuracy
from unlearning.classifiers.gate import MOST_LOST, Judgement
from unlearning.classifiers.outcome import Exactness, Figure
from unlearning.classifiers.parts import linears
from unlearning.errors import ModelError


def has_head(model: nn.Module, examples: Examples) -> bool:
    """Whether the answer comes from a linear layer."""
    try:
        return bool(linears(model, examples.features))
    except ModelError:
        return False


def judged(
    model: nn.Module, label: int, holdout: Examples, *, original: nn.Module | None, exactness: Exactness
) -> tuple[tuple[Figure, ...], Judgement]:
    """(figures, judgement): what was retrained exactly may pass, what was approximated is not shown to have gone."""
    mine, others = part_class(holdout, label)
    gone, kept = accuracy(model, mine), accuracy(model, others)
    was = accuracy(original, others) if original is not None else kept
    figures = (
        Figure("retained accuracy", kept, len(others)),
        Figure("recognition of the class", gone, len(mine)),
        Figure("retained accuracy", was, len(others), note="before"),
    )
    broken = []
    if gone > 1 / holdout.classes:
        broken.append(f"The class is still recognised more often than by chance ({gone:.1%}).")
    if was - kept > MOST_LOST:
        broken.append(f"Accuracy on what is kept fell by {was - kept:.1%}.")
    if broken:
        return figures, Judgement("fail", tuple(broken))
    if exactness == "exact":
        return figures, Judgement("pass", ("Exact: the new model has not seen the class.",))
    why = "Its answer comes from no linear layer: what its features still tell of the class cannot be read."
    return figures, Judgement("inconclusive", (why,))
