"""Tables by folders: a data folder with its schema, and a model folder whose estimator is written and never loaded.

A data folder holds `schema.json` ({"target": name, "identifiers": [names]}) and `train.csv` or `train.parquet`, with
`test.*` beside it; without one, a fifth of the rows is held out by a hash of their ids.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unlearning.classifiers.tables.refit import Fitted
from unlearning.classifiers.tables.schema import Schema, Table, read_table
from unlearning.errors import ModelError, RowsError
from unlearning.files import partial_folder, promote, sha256_of, write_json

SCHEMA, CONFIG, WEIGHTS = "schema.json", "table.json", "model.pickle"
HELD_OUT = 5  # one row in so many


@dataclass(frozen=True)
class TableSet:
    """Rows to learn from and rows held out."""

    train: Table
    test: Table


@dataclass(frozen=True)
class TableRecipe:
    """How a model of a table is fitted: enough to fit it again."""

    estimator: str
    shards: int
    seed: int


def is_table(folder: Path) -> bool:
    """Whether the folder says how its table is to be read."""
    return (folder / SCHEMA).is_file()


def open_table(folder: Path) -> TableSet:
    """The folder's table; RowsError when the schema or a file is not as it should be."""
    schema = read_schema(folder / SCHEMA)
    learn = read_table(_file(folder, "train"), schema)
    if any(folder.glob("test.*")):
        test = read_table(_file(folder, "test"), schema)
        _same_columns(learn, test, folder)
        return TableSet(learn, test)
    held = np.array([_hash(i) % HELD_OUT == 0 for i in learn.ids])
    if held.all() or not held.any():
        raise RowsError(f"opening {folder.name}: too few rows to hold some out; put them into a test.csv beside")
    return TableSet(learn.take(np.flatnonzero(~held)), learn.take(np.flatnonzero(held)))


def read_schema(path: Path) -> Schema:
    """Target and identifier columns; RowsError when the file says neither."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        target, identifiers = facts["target"], facts.get("identifiers", [])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RowsError(f'reading {path.name}: it must be JSON such as {{"target": "churned"}}') from None
    if not isinstance(target, str) or not isinstance(identifiers, list):
        raise RowsError(f"reading {path.name}: target is a column's name, identifiers a list of them")
    if not all(isinstance(name, str) for name in identifiers):
        raise RowsError(f"reading {path.name}: identifiers are names of columns")
    return Schema(target, tuple(identifiers))


def _file(folder: Path, part: str) -> Path:
    found = [path for ending in ("csv", "parquet") if (path := folder / f"{part}.{ending}").is_file()]
    if len(found) != 1:
        raise RowsError(f"opening {folder.name}: it needs one {part}.csv or {part}.parquet beside {SCHEMA}")
    return found[0]


def _same_columns(learn: Table, test: Table, folder: Path) -> None:
    kinds = [{name: values.dtype == object for name, values in table.columns.items()} for table in (learn, test)]
    if kinds[0] != kinds[1] or learn.labels.dtype.kind != test.labels.dtype.kind:
        raise RowsError(f"opening {folder.name}: train and test differ in columns or in what is a number; align them")


def _hash(row_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"held out {row_id}".encode(), digest_size=8).digest(), "big")


def digest_of_rows(table: Table) -> str:
    """Hexadecimal sha256 over the sorted ids: which rows, without saying them."""
    return digest_of_ids(table.ids)


def digest_of_ids(ids: Collection[str]) -> str:
    """The same for ids."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def digest_of_fit(model: Fitted) -> str:
    """Hexadecimal sha256 of what `save` would write."""
    return hashlib.sha256(_written(model)).hexdigest()


def _written(model: Fitted) -> bytes:
    return pickle.dumps({"encoder": model.encoder.inner, "estimators": list(model.estimators)}, protocol=5)


def save(model: Fitted, recipe: TableRecipe, rows: Table, out: Path) -> str:
    """Write a model folder, whole or not at all; returns the digest of the file that holds the estimators.

    The file holds scikit-learn's own objects and loads without this package. It is a pickle, which may run code when
    it is loaded: nothing here ever loads one, a model that must forget is fitted again from its recipe.
    """
    partial = partial_folder(out)
    (partial / WEIGHTS).write_bytes(_written(model))
    digest = sha256_of(partial / WEIGHTS)
    facts: dict[str, Any] = {"estimator": recipe.estimator, "shards": recipe.shards, "seed": recipe.seed}
    write_json(partial / CONFIG, {**facts, "rows": digest_of_rows(rows), "weights": digest})
    promote(partial, out)
    return digest


def open_recipe(folder: Path) -> tuple[TableRecipe, str, str]:
    """(recipe, digest of its rows, digest of the file with the estimators); ModelError when it is no such folder."""
    try:
        facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        recipe = TableRecipe(str(facts["estimator"]), int(facts["shards"]), int(facts["seed"]))
        return recipe, str(facts["rows"]), sha256_of(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ModelError(
            f"opening {folder.name}: no readable {CONFIG} and {WEIGHTS}; give a folder that `classifier train` wrote"
        ) from None
