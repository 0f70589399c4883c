"""Sequences, transformers over patches, tuples, dictionaries, one logit: a right result, or a refusal in words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unlearning.classifiers.answers import Logits, check
from unlearning.classifiers.audit import audit
from unlearning.classifiers.examples import Examples, part_class, part_ids
from unlearning.classifiers.fitting import accuracy, logits_of, train
from unlearning.classifiers.outcome import Recipe, weights_digest
from unlearning.classifiers.shadows import train_references
from unlearning.classifiers.tuning import tune
from unlearning.classifiers.unlearning import unlearn
from unlearning.errors import ModelError

STEPS, WIDTH = 6, 4


class Sequence(nn.Module):
    """An LSTM over rows [n, time, width]; `form` says how its answer is given."""

    def __init__(self, form: str = "logits", numbers: int = 4) -> None:
        super().__init__()
        self.form, self.inner, self.head = form, nn.LSTM(WIDTH, 12, batch_first=True), nn.Linear(12, numbers)

    def forward(self, rows: Tensor) -> Any:
        """Logits, wrapped as was asked."""
        logits = self.head(self.inner(rows)[0][:, -1])
        if self.form == "outputs":
            return logits.view(len(rows), 2, -1)
        forms = {"tuple": (logits, logits.mean()), "dictionary": {"logits": logits}, "flat": logits.squeeze(-1),
                 "none": logits * float("nan")}  # fmt: skip
        return forms.get(self.form, logits)


class Patches(nn.Module):
    """A small transformer over four patches, with a token of its own that answers."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)
        self.lift, self.token = nn.Linear(WIDTH * STEPS // 2, 16), nn.Parameter(torch.zeros(1, 1, 16))
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(16, 4)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits [n, 4]."""
        patches = self.lift(rows.reshape(len(rows), 2, -1))
        every = torch.cat([self.token.expand(len(rows), -1, -1), patches], dim=1)
        return torch.as_tensor(self.head(self.encoder(every)[:, 0]))


def sequences(count: int, *, classes: int, first: int = 0) -> Examples:
    """Rows of a class are its own course under noise."""
    chance = torch.Generator().manual_seed(1)
    courses = torch.randn(classes, STEPS, WIDTH, generator=chance)
    drawn = torch.Generator().manual_seed(2 + first)
    labels = torch.randint(0, classes, (count,), generator=drawn)
    rows = courses[labels] + 0.5 * torch.randn(count, STEPS, WIDTH, generator=drawn)
    return Examples(rows, labels, tuple(f"row-{first + n}" for n in range(count)), classes)


def wrapped(form: str, numbers: int) -> nn.Module:
    """One that answers otherwise, made to answer with logits."""
    return Logits(Sequence(form, numbers))


@pytest.mark.parametrize(
    ("build", "classes"),
    [(Sequence, 4), (Patches, 4), (lambda: wrapped("flat", 1), 2)],
    ids=["sequence", "patches", "one logit"],
)
def test_rows_and_a_class_go_from_networks_of_other_kinds(build: Any, classes: int) -> None:
    learn, held = sequences(160, classes=classes), sequences(120, classes=classes, first=1000)
    recipe = Recipe(build, epochs=5, learning_rate=2e-2, batch=40)
    model = train(recipe, learn, seed=0)
    before = weights_digest(model)
    assert accuracy(model, held) > 0.8
    rows, rest = part_ids(learn, learn.ids[:8])
    found = unlearn(model, rows, rest, method="neggrad_plus", holdout=held)
    assert accuracy(found.model, held) > 0.8 and weights_digest(found.model) != before
    forget, retain = part_class(learn, 0)
    found = unlearn(model, forget, retain, method="retrain", recipe=recipe, holdout=held)
    figures = {figure.name: figure.value for figure in found.figures if not figure.note}
    assert found.exactness == "exact" and figures["recognition of the class"] == 0.0
    assert figures["retained accuracy"] > 0.8
    assert weights_digest(model) == before


@pytest.mark.parametrize("form", ["tuple", "dictionary"])
def test_what_is_wrapped_learns_and_forgets_as_the_network_that_answers_plainly(form: str) -> None:
    learn = sequences(60, classes=4)
    forget, retain = part_class(learn, 0)
    answers = []
    for build in (Sequence, lambda: wrapped(form, 4)):
        model = train(Recipe(build, epochs=1, batch=20), learn, seed=0)
        found = unlearn(model, forget, retain, method="project_distil", seed=1)
        answers.append((logits_of(model, learn.features), logits_of(found.model, learn.features)))
    for plain, through in zip(*answers, strict=True):
        assert torch.equal(plain, through)


def test_a_class_is_judged_by_answers_alone_where_no_linear_layer_gives_them() -> None:
    learn, held = sequences(80, classes=2), sequences(60, classes=2, first=1000)
    model = wrapped("logits", 1)
    forget, retain = part_class(learn, 0)
    assert "still recognised" in " ".join(audit(AlwaysFirst(), forget, retain=retain, holdout=held).reasons)
    other = audit(AlwaysFirst(last=True), forget, retain=retain, holdout=held, original=model)
    assert other.gate == "inconclusive" and "no linear layer" in other.reasons[0]


class AlwaysFirst(nn.Module):
    """Answers one class whatever it is asked, without a linear layer."""

    def __init__(self, *, last: bool = False) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, 5.0] if last else [5.0, 0.0]))

    def forward(self, rows: Tensor) -> Tensor:
        """Logits [n, 2]."""
        return self.bias.expand(len(rows), 2)


def test_one_logit_is_trained_by_the_binary_loss() -> None:
    learn = sequences(40, classes=2)
    one = Sequence("logits", 1)
    loss = nn.functional.cross_entropy(Logits(one)(learn.features), learn.labels)
    binary = nn.functional.binary_cross_entropy_with_logits(one(learn.features)[:, 0], learn.labels.float())
    assert torch.allclose(loss, binary, atol=1e-6)


@pytest.mark.parametrize(
    ("form", "numbers", "classes", "said"),
    [
        ("tuple", 4, 4, "answers a tuple"),
        ("dictionary", 4, 4, "answers a dict"),
        ("logits", 1, 2, "2 x 1 numbers"),
        ("flat", 1, 2, "2 numbers"),
        ("outputs", 8, 4, "2 x 2 x 4 numbers"),
        ("logits", 3, 4, "2 x 3 numbers"),
        ("none", 4, 4, "what is no number"),
    ],
)
def test_what_answers_otherwise_is_refused_in_words_at_every_door(
    form: str, numbers: int, classes: int, said: str
) -> None:
    learn = sequences(60, classes=classes)
    forget, retain = part_class(learn, 0)
    model, recipe = Sequence(form, numbers), Recipe(lambda: Sequence(form, numbers), epochs=1, batch=20)
    doors = (
        lambda: train(recipe, learn, seed=0),
        lambda: unlearn(model, forget, retain, method="delete"),
        lambda: audit(model, forget, retain=retain, holdout=learn),
        lambda: tune(model, forget, retain, method="neggrad_plus", holdout=learn),
        lambda: train_references(recipe, retain, count=2),
    )
    for door in doors:
        with pytest.raises(ModelError, match="finite logits a row") as refused:
            door()
        assert said in str(refused.value)


def test_an_entry_that_is_not_there_is_said_and_a_named_one_is_taken() -> None:
    few = sequences(6, classes=4).features
    both = Logits(Sequence("outputs", 8), output=0)
    with pytest.raises(ModelError, match="finite logits"):  # two outputs a row are a choice that nobody can guess
        check(both, few, classes=4)
    check(Logits(Sequence("dictionary"), output="logits"), few, classes=4)
    for output in ("labels", 7):
        with pytest.raises(ModelError, match="no such entry"):
            check(Logits(Sequence("dictionary"), output=output), few, classes=4)
    with pytest.raises(ModelError, match="it raised"):
        check(Sequence(), few[:, :, :2], classes=4)
