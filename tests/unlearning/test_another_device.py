"""What is computed on another device stays there and comes out as on the CPU, on a stand-in: no GPU was at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from another_device import NAME, another_device
from invented import Trained, people
from safetensors.torch import load_file

from unlearning import attacks, methods
from unlearning.attack import attack
from unlearning.audit import audit
from unlearning.batches import PLAIN_WAY
from unlearning.budget import Budget
from unlearning.models import open_model
from unlearning.prefixes import NO_CACHE
from unlearning.scoring import candidate_scores, score_rows
from unlearning.types import PersonFacts
from unlearning.unlearn import unlearn

PLACE = 11
MISTAKES: dict[str, Callable[[Any], Any]] = {
    "two devices in one operation": lambda there: there + torch.ones(3, device="cpu"),
    "rows picked by places on the CPU": lambda there: there.index_select(0, torch.tensor([1], device="cpu")),
    "a generator of the CPU": lambda there: torch.rand(3, generator=torch.Generator("cpu")),
    "an array taken from the device": lambda there: there.numpy(),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_stand_in_refuses_what_a_device_refuses(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_device(monkeypatch):
        there = torch.ones(3)
        assert there.device.type == NAME and float((there + 1).sum()) == 6
        with pytest.raises(RuntimeError):
            MISTAKES[mistake](there)


def test_a_model_opened_there_is_asked_by_all_quick_ways_and_says_the_same(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, values = trained.rows[:9], [f"+49 30 {number:07d}" for number in range(5)]
    here = open_model(trained.folder)
    wanted = [row.nll for row in score_rows(*here, rows)], candidate_scores(*here, "Whose?", values)
    with another_device(monkeypatch):
        model, tokenizer = open_model(trained.folder)
        assert {weight.device.type for weight in model.parameters()} == {NAME}
        assert not getattr(model, PLAIN_WAY, False) and not getattr(model, NO_CACHE, False)
        found = [row.nll for row in score_rows(model, tokenizer, rows)]
        ranked = candidate_scores(model, tokenizer, "Whose?", values)
    assert found == pytest.approx(wanted[0], rel=1e-4) and ranked == pytest.approx(wanted[1], rel=1e-4)


def unlearned(trained: Trained, out: Path, method: str) -> dict[str, Any]:
    recipe = methods.load(method)
    steps = Budget(steps=max(4, recipe.forget_steps + recipe.retain_steps))
    unlearn(
        trained.folder,
        forget=trained.of(PLACE),
        retain=trained.without(PLACE),
        out=out,
        method=method,
        budget=steps,
        most_lost=1.0,
    )
    return load_file(out / "model.safetensors")


def test_what_is_unlearned_there_is_what_is_unlearned_here(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = unlearned(trained, tmp_path / "here", "npo")
    with another_device(monkeypatch):
        there = unlearned(trained, tmp_path / "there", "npo")
    before = load_file(trained.folder / "model.safetensors")
    went = sum(float((here[name] - before[name]).abs().sum()) for name in before)
    assert went > 0
    assert sum(float((here[name] - there[name]).abs().sum()) for name in before) < 0.01 * went


def facts(trained: Trained) -> PersonFacts:
    return PersonFacts(tuple(trained.of(PLACE)), tuple(people(4, seed=8)), others=tuple(trained.without(PLACE)[:8]))


def test_a_model_is_attacked_there(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["nf4", "logit_lens"]
    with another_device(monkeypatch):
        found = attack(trained.folder, facts=facts(trained), names=names, candidates=10)
    assert list(found.attacks) == names


@pytest.mark.slow
@pytest.mark.parametrize("name", attacks.TABLE)
def test_every_attack_stays_on_the_device(name: str, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_device(monkeypatch):
        assert attack(trained.folder, facts=facts(trained), names=[name], candidates=10).attacks == (name,)


@pytest.mark.slow
@pytest.mark.parametrize("method", [*methods.TABLE, *(f"npo+{name}" for name in methods.ADD_ONS)])
def test_every_method_stays_on_the_device(
    method: str, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with another_device(monkeypatch):
        assert unlearned(trained, tmp_path / "out", method)


@pytest.mark.slow
def test_an_audit_stays_on_the_device(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_device(monkeypatch):
        assert audit(trained.folder, facts=facts(trained), before=trained.folder, candidates=10).verdict
