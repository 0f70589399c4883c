"""How rows reach a `Trainer` while their order is recorded or repeated: a dataset, a batch sampler, a collator."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

PLACES = "row_places"  # taken out of each micro-batch before the model sees it


@dataclass(frozen=True)
class Placed:
    """A dataset whose examples say where they stand."""

    examples: Any

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> tuple[int, Any]:
        return place, self.examples[place]


@dataclass
class Repeated:
    """A batch sampler that hands out recorded micro-batches; a batch may have lost all its rows."""

    epochs: Sequence[Sequence[Sequence[int]]]
    epoch: int = field(default=0)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        return iter([list(places) for places in self.epochs[self.epoch]])

    def __len__(self) -> int:
        return len(self.epochs[0])


@dataclass(frozen=True)
class Collating:
    """The trainer's own collator, with the rows' places beside; `spare` fills an empty batch and counts for nothing."""

    inner: Callable[[list[Any]], dict[str, Any]]
    columns: frozenset[str]
    spare: Any

    def __call__(self, examples: Sequence[tuple[int, Any]]) -> dict[str, Any]:
        batch = self.inner([self._kept(example) for _, example in examples] or [self._kept(self.spare)])
        if not examples:
            batch["labels"] = torch.full_like(batch["labels"], -100)
        batch[PLACES] = torch.tensor([place for place, _ in examples], dtype=torch.long)
        return batch

    def _kept(self, example: Any) -> Any:
        if not self.columns or not isinstance(example, Mapping):
            return example
        return {name: value for name, value in example.items() if name in self.columns}


def columns_of(trainer: Any) -> frozenset[str]:
    """Columns that the trainer would keep: what the model takes, and labels; none named means all."""
    if not trainer.args.remove_unused_columns:
        return frozenset()
    return frozenset(inspect.signature(trainer.model.forward).parameters) | {"label", "label_ids", *trainer.label_names}


def content_of_example(example: Any) -> str:
    """What must be the same for an example to be the one that was recorded."""
    items = sorted(example.items()) if isinstance(example, Mapping) else [("", example)]
    text = json.dumps([[name, _plain(value)] for name, value in items], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
