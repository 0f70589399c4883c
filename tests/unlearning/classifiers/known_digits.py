"""scikit-learn's digits (8 x 8, 1,797 of them) as images, a small network that knows them, and a retrained one."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from unlearning.classifiers.examples import Examples, part_class
from unlearning.classifiers.fitting import train
from unlearning.classifiers.outcome import Recipe

LABEL = 5


@dataclass(frozen=True)
class Digits:
    """Training and test examples, the class to forget and the rest, a model, and one that never saw the class."""

    train: Examples
    test: Examples
    forget: Examples
    retain: Examples
    recipe: Recipe
    model: nn.Module
    retrained: nn.Module


def digits() -> tuple[Examples, Examples]:
    """Two thirds to learn, one third held out."""
    images, labels = load_digits(return_X_y=True)
    features = torch.tensor(images / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8)
    ids = tuple(f"d{n}" for n in range(len(labels)))
    every = Examples(features, torch.tensor(labels), ids, 10)
    held = torch.arange(len(every)) % 3 == 0
    return every.take((~held).nonzero().flatten()), every.take(held.nonzero().flatten())


@pytest.fixture(scope="session")
def known() -> Digits:
    """Trained once a session, in a second or two."""
    torch.set_num_threads(1)
    learn, test = digits()
    forget, retain = part_class(learn, LABEL)
    recipe = Recipe("strided_cnn", {"side": 8, "mean": 0.3, "spread": 0.37}, epochs=25, learning_rate=3e-3, batch=64)
    return Digits(learn, test, forget, retain, recipe, train(recipe, learn, seed=0), train(recipe, retain, seed=1))


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes."""
    head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def digits_in(home: Path, *, most: int = 2000) -> None:
    """The digits in MNIST's format, at most so many a part."""
    home.mkdir()
    for part, rows in zip(("train", "t10k"), digits(), strict=True):
        pixels = (rows.features[:most, 0].numpy() * 255).round()
        (home / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
        (home / f"{part}-labels-idx1-ubyte").write_bytes(idx(rows.labels[:most].numpy()))
