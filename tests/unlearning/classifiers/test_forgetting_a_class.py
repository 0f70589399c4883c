"""A class goes: what is kept stays, the model given is never changed, and a masked answer is found out."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from known_digits import LABEL, Digits

from unlearning.classifiers import methods
from unlearning.classifiers.audit import audit
from unlearning.classifiers.examples import Examples, part_ids
from unlearning.classifiers.fitting import accuracy
from unlearning.classifiers.outcome import Budget, Task, weights_digest
from unlearning.classifiers.parts import linears
from unlearning.classifiers.planning import plan
from unlearning.classifiers.unlearning import unlearn
from unlearning.errors import InputError, NotFinite, RowsError, UnknownName

STRONG = ("retrain", "project_distil", "renew", "fresh_head", "neggrad_plus", "delete")


@pytest.mark.parametrize("name", STRONG)
def test_a_strong_method_forgets_the_class_and_keeps_the_rest(known: Digits, name: str) -> None:
    before = weights_digest(known.model)
    given = {"project_distil": {"steps": 120}, "delete": {"epochs": 6, "learning_rate": 1e-3}, "renew": {"batch": 8}}
    result = unlearn(
        known.model,
        known.forget,
        known.retain,
        method=name,
        parameters=given.get(name),
        recipe=known.recipe,
        holdout=known.test,
        references=(known.retrained,),
    )
    figures = {figure.name: figure.value for figure in result.figures if not figure.note}
    assert figures["recognition of the class"] < 0.15, figures
    assert figures["retained accuracy"] > 0.9, figures
    assert weights_digest(known.model) == before == result.provenance.model_before
    assert result.provenance.model_after != before and result.scope == "class"


@pytest.mark.parametrize("name", [n for n in methods.TABLE if n != "oof_match"])
def test_every_method_changes_a_copy_by_its_seed_alone(known: Digits, name: str) -> None:
    few, kept = known.forget.take(list(range(40))), known.retain.take(list(range(200)))
    short = replace(known.recipe, epochs=2)

    def once() -> str:
        task = Task(copy.deepcopy(known.model), few, kept, "class", 3, short)
        return weights_digest(methods.load(name).run(task))

    before, chance = weights_digest(known.model), torch.random.get_rng_state()
    first = once()
    assert first != before and weights_digest(known.model) == before
    assert once() == first
    assert torch.equal(torch.random.get_rng_state(), chance), "it used chance that others use too"


def test_a_masked_answer_fails_the_gate(known: Digits) -> None:
    cheat = copy.deepcopy(known.model)
    with torch.no_grad():
        linears(cheat, known.test.features)[-1].bias[LABEL] -= 1e4
    assert accuracy(cheat, known.test.take((known.test.labels == LABEL).nonzero().flatten())) == 0
    found = audit(
        cheat,
        known.forget,
        retain=known.retain,
        holdout=known.test,
        original=known.model,
        references=(known.retrained,),
    )
    assert found.gate == "fail" and "masked" in " ".join(found.reasons)


def test_an_untouched_model_fails_and_without_references_nothing_passes(known: Digits) -> None:
    same = audit(known.model, known.forget, retain=known.retain, holdout=known.test, original=known.model)
    assert same.gate == "fail"
    blind = unlearn(known.model, known.forget, known.retain, method="project_distil", holdout=known.test)
    assert blind.gate in ("inconclusive", "fail")
    assert unlearn(known.model, known.forget, known.retain, method="renew").gate == "inconclusive"


def test_auto_retrains_when_the_budget_allows_and_says_why_when_not(known: Digits) -> None:
    rich = plan(known.forget, known.retain, recipe=known.recipe, folds=False)
    poor = plan(known.forget, known.retain, recipe=known.recipe, folds=False, budget=Budget(seconds=0.001))
    assert rich.choices[0].method == "retrain" and poor.choices[0].method == "project_distil"
    assert any("predicted" in line for line in poor.advice)
    assert any("withdraw" in line for line in rich.advice)


def test_nothing_to_forget_is_the_same_model_and_says_so(known: Digits) -> None:
    nothing = known.train.take([])
    result = unlearn(known.model, nothing, known.train, holdout=known.test)
    assert result.scope == "none" and result.exactness == "exact"
    assert result.provenance.model_after == weights_digest(known.model)
    assert "Nothing" in result.reasons[0]


def test_wrong_input_is_refused_in_words(known: Digits) -> None:
    with pytest.raises(RowsError, match="forget set and in the retain set"):
        unlearn(known.model, known.forget, known.train)
    with pytest.raises(RowsError, match="name no row"):
        part_ids(known.train, ["d1", "nobody"])
    with pytest.raises(UnknownName, match="project_distil"):
        unlearn(known.model, known.forget, known.retain, method="magic")
    with pytest.raises(InputError, match="no parameter"):
        unlearn(known.model, known.forget, known.retain, method="delete", parameters={"strength": 9})
    with pytest.raises(RowsError, match="NaN"):
        Examples(torch.full((1, 1, 8, 8), float("nan")), torch.zeros(1, dtype=torch.long), ("a",), 10)
    broken = copy.deepcopy(known.model)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(NotFinite):
        unlearn(broken, known.forget, known.retain, method="delete")
