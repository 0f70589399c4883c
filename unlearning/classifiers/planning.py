"""Which method, and why: exact retraining where the budget allows it, else the best approximate one for the scope."""

from __future__ import annotations

from dataclasses import dataclass

from unlearning.classifiers import methods
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import predict_seconds
from unlearning.classifiers.outcome import Budget, Recipe, Scope
from unlearning.errors import InputError, RowsError

RANKED: dict[str, tuple[str, ...]] = {
    "class": ("retrain", "project_distil", "renew", "fresh_head", "delete"),
    "rows": ("retrain", "oof_match", "neggrad_plus", "delete"),
}
WHY = {
    "retrain": "exact: the only result that needs no proof",
    "project_distil": "fastest that passes the gate on a whole class",
    "renew": "nearest to retraining in every reading, at about a tenth of its cost",
    "fresh_head": "fresh last layers over features computed once",
    "delete": "needs no retained data",
    "oof_match": "each row is given the look it has to a model that never saw it",
    "neggrad_plus": "no out-of-fold models are there (`classifier folds` trains them); single rows stay visible,"
    " and the audit will say so",
}


@dataclass(frozen=True)
class Choice:
    """One method that could be used, in words."""

    method: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The scope as found, what retraining would take (seconds, None without a recipe), the choices, best first."""

    scope: Scope
    predicted_retraining: float | None
    choices: tuple[Choice, ...]
    advice: tuple[str, ...]


def scope_of(forget: Examples, retain: Examples | None) -> Scope:
    """`class` when one label is to go and nothing is kept of it, `rows` otherwise, `none` for nothing."""
    if not len(forget):
        return "none"
    if retain is not None and set(forget.ids) & set(retain.ids):
        raise RowsError("planning: rows stand in the forget set and in the retain set; take them out of one of them")
    whole = len(forget.labels.unique()) == 1 and len(forget) > 1
    if whole and retain is not None and not bool((retain.labels == forget.labels[0]).any()):
        return "class"
    return "rows"


def plan(
    forget: Examples,
    retain: Examples | None,
    *,
    recipe: Recipe | None,
    folds: bool,
    budget: Budget = Budget(),  # noqa: B008
) -> Plan:
    """Rank the methods that can be used; InputError when there is none."""
    scope = scope_of(forget, retain)
    if scope == "none":
        return Plan(scope, None, (), ("Nothing is to be forgotten: the model stays as it is.",))
    predicted = predict_seconds(recipe, retain) if recipe is not None and retain else None
    given = {"retain": bool(retain), "recipe": recipe is not None, "folds": folds}
    choices = []
    for name in RANKED[scope]:
        if not all(given[need] for need in methods.load(name).NEEDS):
            continue
        if name == "retrain" and predicted is not None and budget.seconds is not None and predicted > budget.seconds:
            continue
        choices.append(Choice(name, WHY[name]))
    if not choices:
        raise InputError("planning: nothing can be done with what was given; give the rows to keep or the recipe")
    return Plan(scope, predicted, tuple(choices), _advice(scope, forget, predicted, budget))


def _advice(scope: Scope, forget: Examples, predicted: float | None, budget: Budget) -> tuple[str, ...]:
    found = ["Whoever holds the model before and after can tell which rows went, even after exact retraining: withdraw"
             " the old version, and do deletions in batches."]  # fmt: skip
    if predicted is not None and budget.seconds is not None and predicted > budget.seconds:
        found.append(f"Exact retraining is predicted to take {predicted:.0f} s; the budget is {budget.seconds:.0f} s.")
    if scope == "rows" and len(forget) == 1:
        found.append("One row: no audit can show much about it; retraining is the answer that needs no audit.")
    return tuple(found)
