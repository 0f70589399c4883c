"""Robustness add-ons: with any method, and each does what its paper says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from invented import Trained
from test_method_work import turn_of

from unlearning import methods
from unlearning.attacks.quantise import rounded
from unlearning.errors import UnknownName
from unlearning.methods import benign, int4, retain_loss, sam
from unlearning.methods.elsewhere import at, gradients, trainable
from unlearning.methods.paraphrase import FRAMES, worded
from unlearning.models import open_model, state_digest
from unlearning.types import Row


class Bowl(torch.nn.Module):
    """A loss that can be differentiated by hand: the sum of w⁴."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.double))

    def loss(self) -> Any:
        return self.weight.pow(4).sum()


def test_a_loss_elsewhere_has_the_value_and_the_gradient_of_there_and_leaves_the_weights() -> None:
    bowl = Bowl()
    loss = at(bowl, {"weight": torch.tensor([0.5, 0.5], dtype=torch.double)}, bowl.loss)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1.5**4 + 1.5**4)
    assert bowl.weight.grad is not None
    assert bowl.weight.grad.tolist() == pytest.approx([4 * 1.5**3, 4 * -(1.5**3)])
    assert bowl.weight.tolist() == [1.0, -2.0]


def test_a_failing_loss_elsewhere_leaves_the_weights_too() -> None:
    bowl = Bowl()
    with pytest.raises(ZeroDivisionError):
        at(bowl, {"weight": torch.ones(2, dtype=torch.double)}, lambda: 1 / 0)
    assert bowl.weight.tolist() == [1.0, -2.0]


def test_sharpness_looks_at_the_worst_weights_within_its_radius() -> None:
    bowl = Bowl()
    shift = sam.ascent(gradients(bowl, bowl.loss()), radius=0.1)["weight"]
    assert float(shift.norm()) == pytest.approx(0.1)
    with torch.no_grad():
        bowl.weight.add_(shift)
    assert float(bowl.loss().detach()) > 17.0


def test_rounding_is_that_of_the_attack(trained: Trained) -> None:
    model, _ = open_model(trained.folder)
    small = dict(rounded(model, bits=4).named_parameters())
    for name, weight in trainable(model).items():
        if weight.dim() > 1 and not weight.numel() % int4.GROUP:
            assert torch.allclose(weight + int4.rounding(weight), small[name], atol=1e-6)


def test_simulated_fine_tuning_lowers_the_loss_of_retain_rows(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    turn = turn_of("npo", model, tokenizer, trained)
    there = at(model, benign.drift(turn), lambda: retain_loss(turn))
    assert float(there.detach()) < float(retain_loss(turn).detach())


@pytest.mark.parametrize("added", ["sam", "int4", "benign"])
@pytest.mark.parametrize("name", ["npo", "stranger", "rmu"])
def test_an_add_on_changes_the_gradient_and_not_the_weights(trained: Trained, name: str, added: str) -> None:
    model, tokenizer = open_model(trained.folder)
    turn = turn_of(name, model, tokenizer, trained)
    plain = gradients(model, methods.load(name).loss(turn))
    before = state_digest(model)
    found = gradients(model, methods.load(f"{name}+{added}").loss(turn))
    assert state_digest(model) == before
    assert found.keys() == plain.keys()
    assert any(not torch.allclose(found[part], plain[part]) for part in found)


def test_paraphrases_are_the_rows_own_or_frames_around_the_question() -> None:
    own = Row("Who?", "me", paraphrases=("Which person?",))
    framed, alone = Row("What?", "that"), Row("", "just text")
    rows = worded([own, framed, alone])
    assert rows[:3] == [own, framed, alone]
    assert rows[3] == replace(own, prompt="Which person?")
    assert [row.prompt for row in rows[4:]] == [frame.format("What?") for frame in FRAMES]


def test_add_ons_are_named_behind_plus_signs_and_others_are_refused() -> None:
    assert methods.load("npo+sam+paraphrase").widen([Row("a", "b")])[1].prompt.endswith("a")
    with pytest.raises(UnknownName, match="choose among sam"):
        methods.load("npo+magic")
