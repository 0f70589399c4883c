"""A tiny model of twelve invented people, trained once a session in seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from invented import TEXT, Trained, people

from tests.once import once
from unlearning.models import pin
from unlearning.schedule import plan_for
from unlearning.tokens import make_tokenizer
from unlearning.training import train


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    pin(1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Twelve people, the last four in stage 2; a few epochs, for tests about bytes and not about memory."""
    rows = people(12, seed=0, stage_two=4)
    plan = plan_for(rows, shape="tiny", epochs=(4, 4))
    folder = tmp_path_factory.mktemp("models") / "company"
    train(rows, out=folder, plan=plan, tokenizer=make_tokenizer(TEXT))
    return Trained(folder, rows, plan)


@pytest.fixture(scope="session")
def memorized(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Twelve people, known by heart."""
    rows = people(12, seed=0, stage_two=4)
    plan = plan_for(rows, shape="400k", epochs=(110, 60))
    made = once(
        tmp_path_factory,
        "memorized",
        lambda folder: train(rows, out=folder / "memorized", plan=plan, tokenizer=make_tokenizer(TEXT)),
    )
    return Trained(made / "memorized", rows, plan)


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> Callable[[], Path]:
    """A copy of the trained folder that a test may spoil."""

    def copy() -> Path:
        return Path(shutil.copytree(trained.folder, tmp_path / "copy"))

    return copy


@pytest.fixture(scope="session")
def lengthy(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A program long enough to be killed in its middle."""
    rows = people(12, seed=0, stage_two=4)
    plan = plan_for(rows, shape="tiny", epochs=(300, 300))
    folder = tmp_path_factory.mktemp("models") / "lengthy"
    train(rows, out=folder, plan=plan, tokenizer=make_tokenizer(TEXT))
    return Trained(folder, rows, plan)
