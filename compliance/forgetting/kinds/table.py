"""Models of tables in the library's folder format: rows by id are forgotten, exactly, by fitting again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.forgetting.kinds import Order
from compliance.forgetting.kinds import classifier as images
from compliance.rules.errors import InvalidInput

LABEL = "Table"
METHODS = ("auto", "refit")
PATHS = ("data",)


def check(model: Path, inputs: Mapping[str, Any]) -> None:
    """A folder that ``classifier train`` wrote for a table, and the folder with the table and its schema."""
    if not (model / "table.json").is_file():
        raise InvalidInput(
            "This is no folder of a table's model: it needs table.json.",
            next_action="Fit it with python -m unlearning classifier train on a folder with schema.json.",
        )
    if "data" not in inputs or not (Path(inputs["data"]) / "schema.json").is_file():
        raise InvalidInput("A table's model needs the folder of its table with schema.json: inputs.data names it.")


def check_forget(forget: Mapping[str, Any]) -> None:
    """Rows by id."""
    if set(forget) != {"ids"}:
        raise InvalidInput("A table's model forgets rows by id (forget.ids).")


def arguments(order: Order) -> list[str]:
    """The command is the classifiers': the data folder's schema says that it is a table."""
    return images.arguments(order)
