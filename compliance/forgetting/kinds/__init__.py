"""Kinds of models that can be ordered to forget: the contract, the table, ``load()``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from compliance.rules.errors import InvalidInput


@dataclass(frozen=True)
class Order:
    """What a job asks of its kind: resolved paths only, nothing that still has to be trusted."""

    model: Path
    inputs: Mapping[str, Any]
    forget: Mapping[str, Any]
    spec: Mapping[str, Any]
    workplace: Path


class Kind(Protocol):
    """How one kind of model is checked, and which command makes it forget."""

    LABEL: str
    METHODS: tuple[str, ...]
    PATHS: tuple[str, ...]  # names in ``inputs`` that are references to files

    def check(self, model: Path, inputs: Mapping[str, Any]) -> None:
        """Raise InvalidInput unless the folder looks like such a model; loads no model library."""

    def check_forget(self, forget: Mapping[str, Any]) -> None:
        """Raise InvalidInput unless this kind can forget what is named."""

    def arguments(self, order: Order) -> list[str]:
        """The arguments of ``python -m unlearning`` for this order; the new model goes to ``workplace/model``."""


TABLE: dict[str, str] = {
    "language-model": "compliance.forgetting.kinds.language_model",
    "classifier": "compliance.forgetting.kinds.classifier",
    "table": "compliance.forgetting.kinds.table",
}


def load(kind: str) -> Kind:
    """The kind of that name; InvalidInput for another."""
    if kind not in TABLE:
        raise InvalidInput(f"There is no such kind of model; there are: {', '.join(TABLE)}.")
    return cast(Kind, resolve_name(TABLE[kind]))
