"""Any module of the caller's own goes through the verbs, running statistics, dropout, attention and all, unchanged."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from known_digits import LABEL, Digits, digits
from torch import Tensor, nn

from unlearning.classifiers import networks, statistics
from unlearning.classifiers.examples import Examples, part_class, part_ids
from unlearning.classifiers.fitting import accuracy, train
from unlearning.classifiers.folds import train_folds
from unlearning.classifiers.outcome import Recipe, weights_digest
from unlearning.classifiers.parts import inputs_of, linears
from unlearning.classifiers.shadows import train_references
from unlearning.classifiers.unlearning import unlearn
from unlearning.errors import ModelError


class Residual(nn.Module):
    """A small residual network with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8 * 16, 10)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits [n, 10]."""
        first = self.stem(rows)
        return torch.as_tensor(self.head(torch.max_pool2d(first + self.norm(self.inner(first)).relu(), 2).flatten(1)))


class Attending(nn.Module):
    """A transformer encoder over the eight lines of a digit."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.lift, self.place = nn.Linear(8, 16), nn.Parameter(torch.zeros(8, 16))
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(16, 10)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits [n, 10]."""
        return torch.as_tensor(self.head(self.encoder(self.lift(rows.squeeze(1)) + self.place).mean(1)))


def flat() -> nn.Module:
    """Batch norm and dropout between linear layers."""
    middle = (nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.2))
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), *middle, nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 10))


def grouped() -> nn.Module:
    """Group norm, and no linear layer but the head."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    )


BUILDS: tuple[Callable[[], nn.Module], ...] = (flat, grouped, Residual, Attending)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_a_module_of_ones_own_forgets_a_class_and_rows(known: Digits, build: Callable[[], nn.Module]) -> None:
    recipe = Recipe(build, epochs=10 if build is Attending else 4, learning_rate=4e-3, batch=64)
    learn = known.train.take(list(range(641)))  # 641 = 10 x 64 + 1: a last batch of one row has no spread
    model = train(recipe, learn, seed=0)
    before, was = weights_digest(model), accuracy(model, known.test)
    assert was > 0.6
    forget, retain = part_class(learn, LABEL)
    for method in ("project_distil", "retrain"):
        found = unlearn(model, forget, retain, method=method, recipe=recipe, holdout=known.test)
        figures = {figure.name: figure.value for figure in found.figures if not figure.note}
        assert figures["recognition of the class"] < 0.1, (method, figures)
        assert figures["retained accuracy"] > was - 0.15, (method, figures)
    rows, rest = part_ids(learn, learn.ids[:9])
    short = Recipe(build, epochs=1, batch=64)
    folds, references = train_folds(short, learn, count=2), train_references(short, rest, count=4)
    beside = tuple(references.model(number) for number in range(len(references)))
    short_way: dict[str, Any] = {"most_steps": 60}  # that it goes on until little is left has tests of its own
    for method, given in (("oof_match", short_way), ("neggrad_plus", None)):
        found = unlearn(
            model, rows, rest, method=method, parameters=given, folds=folds, holdout=known.test, references=beside
        )
        assert accuracy(found.model, known.test) > was - 0.15
    one, others = part_ids(learn, learn.ids[:1])
    single = unlearn(model, one, others, method="oof_match", parameters=short_way, folds=folds, holdout=known.test)
    assert single.scope == "rows"
    assert weights_digest(model) == before


def test_looking_at_a_model_moves_no_running_statistics() -> None:
    _, test = digits()
    model = flat().train()
    before = weights_digest(model)
    assert len(linears(model, test.features)) == 3
    assert weights_digest(model) == before and model.training


@pytest.mark.parametrize("method", ["project_distil", "neggrad_plus", "label_flip", "renew", "retrain"])
def test_running_statistics_that_the_forgotten_rows_moved_leave_no_trace(method: str) -> None:
    learn = digits()[0].take(list(range(400)))
    forget, retain = part_class(learn, LABEL)
    model = train(Recipe(flat, epochs=1, batch=64), learn, seed=0)
    moved = copy.deepcopy(model)
    norm = moved.get_submodule("2")
    assert isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None and norm.running_var is not None
    norm.running_mean += 3.0
    norm.running_var *= 7.0
    recipe = Recipe(flat, epochs=1, batch=64)
    found = [unlearn(one, forget, retain, method=method, recipe=recipe, seed=1) for one in (model, moved)]
    assert found[0].provenance.model_before != found[1].provenance.model_before
    assert found[0].provenance.model_after == found[1].provenance.model_after
    assert (method == "retrain") != any("counted anew over" in reason for reason in found[0].reasons)
    assert norm.momentum == 0.1 and float(norm.running_mean.mean()) > 2.0  # the model given is as it was


def test_running_statistics_are_the_mean_and_variance_of_what_stays() -> None:
    learn = digits()[0].take(list(range(256)))
    model = train(Recipe(flat, epochs=1, batch=64), learn, seed=0)
    statistics.count_anew(model, learn, generator=torch.Generator().manual_seed(0))
    norm, seen = model.get_submodule("2"), inputs_of(model, model.get_submodule("2"), learn.features)
    assert torch.allclose(norm.running_mean, seen.mean(0), atol=1e-5)
    assert torch.allclose(norm.running_var, seen.var(0), rtol=1e-4)


def test_without_retained_rows_it_is_said_that_running_statistics_still_hold_the_forgotten() -> None:
    learn = digits()[0].take(list(range(200)))
    model = train(Recipe(flat, epochs=1, batch=64), learn, seed=0)
    found = unlearn(model, part_class(learn, LABEL)[0], None, method="delete")
    assert any("still hold the forgotten rows" in reason for reason in found.reasons)


def test_references_with_running_statistics_are_trained_singly_and_their_own() -> None:
    few = digits()[0].take(list(range(120)))
    shadows = train_references(Recipe(flat, epochs=2, batch=32), few, count=2)
    one = shadows.model(1)
    assert torch.equal(shadows.logits(few.features)[1], one(few.features).detach())
    assert not torch.equal(shadows.weights["2.running_mean"][0], shadows.weights["2.running_mean"][1])


def test_what_has_no_linear_head_is_refused_in_words_and_code_is_not_written(tmp_path: Path) -> None:
    learn, test = digits()
    model = nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten())
    forget, retain = part_class(learn, LABEL)
    with pytest.raises(ModelError, match="linear layer"):
        unlearn(model, forget, retain, method="project_distil", holdout=test)
    with pytest.raises(ModelError, match="state_dict"):
        networks.save(model, Recipe(flat), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_exact_retraining_is_not_failed_for_standing_apart_from_another_retraining(known: Digits) -> None:
    few = Examples(known.test.features, known.test.labels, known.test.ids, 10)
    found = unlearn(
        known.model, known.forget, known.retain, method="retrain", recipe=known.recipe, holdout=few, seed=3,
        references=(known.retrained,),
    )  # fmt: skip
    assert not [reason for reason in found.reasons if "nearer" in reason], found.reasons
