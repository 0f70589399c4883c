"""Labelled examples with stable ids, and how they are parted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unlearning.errors import RowsError


@dataclass(frozen=True)
class Examples:
    """Features [n, ...] (float32), labels [n] (int64, 0 to classes - 1), one stable id per row."""

    features: Tensor
    labels: Tensor
    ids: tuple[str, ...]
    classes: int

    def __post_init__(self) -> None:
        """Refuse what no method could work on."""
        n = len(self.ids)
        if self.features.shape[0] != n or self.labels.shape != (n,):
            raise RowsError("reading examples: features, labels and ids differ in number; check how they were cut")
        if len(set(self.ids)) != n:
            raise RowsError("reading examples: an id stands twice; give every row an id of its own")
        if n and not bool(torch.isfinite(self.features).all()):
            raise RowsError("reading examples: features hold NaN or infinity; clean the data first")
        if n and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < self.classes:
            raise RowsError(f"reading examples: labels must lie between 0 and {self.classes - 1}")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: Tensor | Sequence[int]) -> Examples:
        """The rows at these places, in this order."""
        places = torch.as_tensor(index, dtype=torch.long)
        ids = tuple(self.ids[i] for i in places.tolist())
        return Examples(self.features[places], self.labels[places], ids, self.classes)

    def sample(self, most: int, *, generator: torch.Generator) -> Examples:
        """At most so many rows, drawn without replacement."""
        if len(self) <= most:
            return self
        return self.take(torch.randperm(len(self), generator=generator)[:most])

    def digest(self) -> str:
        """Hexadecimal sha256 over the sorted ids: which rows, without saying them."""
        return hashlib.sha256("\n".join(sorted(self.ids)).encode()).hexdigest()


def of_pixels(pixels: np.ndarray, labels: np.ndarray, ids: tuple[str, ...], classes: int) -> Examples:
    """Rows of bytes [n, channels, height, width] as features from 0 to 1."""
    features = pixels.astype(np.float32)
    features /= 255.0  # in place: of a large set of images one copy more is half a gigabyte
    return Examples(torch.from_numpy(features), torch.from_numpy(labels.astype(np.int64)), ids, classes)


def joined(first: Examples, second: Examples) -> Examples:
    """The rows of both, the first ones first; RowsError when they share an id."""
    return Examples(
        torch.cat([first.features, second.features]),
        torch.cat([first.labels, second.labels]),
        first.ids + second.ids,
        max(first.classes, second.classes),
    )


def part_class(examples: Examples, label: int) -> tuple[Examples, Examples]:
    """(the class, the rest); RowsError when the class has no row."""
    inside = examples.labels == label
    if not bool(inside.any()):
        raise RowsError(f"parting the examples: class {label} has no rows; give one of the labels in the data")
    return examples.take(inside.nonzero().flatten()), examples.take((~inside).nonzero().flatten())


def part_ids(examples: Examples, ids: Collection[str]) -> tuple[Examples, Examples]:
    """(the named rows, the rest); RowsError when an id names no row, for a silent miss would be called forgotten."""
    wanted = set(ids)
    missing = len(wanted - set(examples.ids))
    if missing:
        raise RowsError(f"parting the examples: {missing} of {len(wanted)} ids name no row; check the list of ids")
    inside = torch.tensor([i in wanted for i in examples.ids], dtype=torch.bool)
    return examples.take(inside.nonzero().flatten()), examples.take((~inside).nonzero().flatten())


def listed_ids(path: Path) -> list[str]:
    """The ids in a file, one a line; RowsError when it is no text."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise RowsError(f"reading {path.name}: no readable UTF-8 text file") from None
    return [line.strip() for line in lines if line.strip()]
