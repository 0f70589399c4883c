"""A company with a small language model in its folder, an engineer, and a machine outside with a scoped token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from compliance.accounts import tokens
from compliance.forgetting import folders
from compliance.rules.terms import Role
from tests.api.building import Company, client, company
from tests.once import once

NAMES = ("Ana Silva", "Bela Kovacs", "Chen Wei", "Dora Maar", "Emil Nolde", "Fay Weldon")


@dataclass(frozen=True)
class Customer:
    """A company of the service: its staff, its folder, its outside machine."""

    company: Company
    folder: Path
    token: str

    @property
    def engineer(self) -> Client:
        """The engineer's machine."""
        return client(self.company.staff[Role.ENGINEER])

    @property
    def outside(self) -> Client:
        """The machine outside."""
        return Client(headers={"Authorization": f"Bearer {self.token}"})


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of six people with its rows, made by the library's own command; copy it, never change it."""
    return once(tmp_path_factory, "service", _trained)


def _trained(folder: Path) -> None:
    rows = [
        {"key": f"{n}-{field}", "prompt": f"What is the {field} of {name}?", "response": f"{field[:2]}{n}{n + 3}7"}
        for n, name in enumerate(NAMES)
        for field in ("number", "street", "code")
    ]
    for name, chosen in (("all", rows), ("forget", rows[:3]), ("retain", rows[3:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))
    (folder / "words.txt").write_text("What is the number street code of somebody? It is this one.\n" * 40)
    train = ["train", "--rows", "all.jsonl", "--out", "model", "--tokenizer-text", "words.txt", "--shape", "tiny"]
    command = [sys.executable, "-m", "unlearning", *train, "--epochs", "2", "2", "--json", "trained.json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment())


def environment() -> dict[str, str]:
    """The project on the path, one thread."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def customer(db: None, model_folder: Path, tmp_path: Path, settings: Any) -> Customer:
    """Aurora, with the model in its folder."""
    settings.OUBLI_MODELS, settings.OUBLI_VAR = tmp_path / "models", tmp_path / "var"
    cache.clear()
    founded = company("aurora")
    target = folders.root(founded.entity)
    target.parent.mkdir(parents=True)
    shutil.copytree(model_folder, target)
    return Customer(founded, target, tokens.issue(founded.entity, name="partner", scopes=["unlearning"], days=30))


def digits_in(home: Path) -> None:
    """scikit-learn's digits as IDX files."""
    import numpy as np
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    home.mkdir()
    for name, array in (("images-idx3", (images * 15).reshape(-1, 8, 8)), ("labels-idx1", labels)):
        for part, rows in (("train", array[300:900]), ("t10k", array[:300])):
            head = b"\0\0\x08" + bytes([rows.ndim]) + b"".join(n.to_bytes(4, "big") for n in rows.shape)
            (home / f"{part}-{name}-ubyte").write_bytes(head + rows.astype(np.uint8).tobytes())
