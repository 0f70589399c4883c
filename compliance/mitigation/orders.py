"""What a case orders of the unlearning service: which model, which data, which rows go, by which method."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compliance.mitigation import weights
from compliance.mitigation.tasks import Task
from compliance.provenance import classifiers
from compliance.provenance.connectors.pictures import shelf_of
from compliance.provenance.models import Artifact
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import InvalidInput, MissingPart
from compliance.rules.thresholds import CLASSIFIER, TABLE_MODEL


@dataclass(frozen=True)
class Order:
    """One order: the service's kind of model, its inputs as paths, ids of the rows that go, method and seed."""

    kind: str
    inputs: Mapping[str, Path]
    ids: list[str]
    spec: Mapping[str, Any]


def of(task: Task) -> Order:
    """The order of a step that an unlearning job carries out."""
    return _BY_CONNECTOR[task.artifact.connector](task)


def row_ids(task: Task) -> list[str]:
    """Ids of a table's rows that go: the person's own, and rows of others that name the person.

    Rows that an earlier plan has erased are not named again: a model that an engineer fitted since never saw them.
    """
    training = weights.training_set(task.artifact)
    place, named = place_of(training), id_column(training)
    if place.key_field != named:
        raise InvalidInput(
            f"{training.name}: its key_field must be {named!r}, the first identifier of the table's schema.",
            next_action="Set fields.key_field in systems.yaml, register again, and have the case traced again.",
        )
    wanted = set(weights.excluded_keys(task, training))
    return sorted({row.key for row in connector_of(training).records(place, wanted)}) if wanted else []


def id_column(training: Artifact) -> str:
    """The column that names a row, from the schema beside the table; MissingPart when it names none."""
    path = data_folder(training) / "schema.json"
    try:
        named = json.loads(path.read_text("utf-8"))["identifiers"][0]
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise MissingPart(
            f"{training.name}: no schema.json beside it names the column by which a row is known.",
            next_action='Write {"target": COLUMN, "identifiers": [ID COLUMN]} beside the table.',
        ) from None
    return str(named)


def data_folder(training: Artifact) -> Path:
    """The folder that holds the table and its schema."""
    return weights.location_of(training).parent


def pictures_of(task: Task) -> list[str]:
    """Names of the pictures that go and that a classifier learned from; those that are there no more are left out."""
    training = classifiers.trained_on(task.artifact)
    shelf = shelf_of(place_of(training))
    if not shelf.fixed:
        raise InvalidInput(
            f"{training.name}: its folder does not say which pictures are held out, so that nobody can say which of "
            "the person's a model has learned from.",
            next_action="Put the pictures into train/ and test/, train the classifier on them, try the case again.",
        )
    there = {picture.key for picture in shelf.pictures()}
    return [key for key in classifiers.learned(weights.excluded_keys(task, training)) if key in there]


def _table(task: Task) -> Order:
    folder = data_folder(weights.training_set(task.artifact))
    return Order("table", {"data": folder}, row_ids(task), {"method": "auto", "budget": "", "seed": 0})


def _classifier(task: Task) -> Order:
    """With the method that the plan fixed, and the seed that the model was trained with."""
    training = classifiers.trained_on(task.artifact)
    inputs = {"data": Path(training.location)}
    if people := classifiers.people_file(training):
        inputs["people"] = people
    seed = int(task.connector.describe(task.place).detail["seed"])
    method = str(task.step.planned["parameters"].get("method", "auto"))
    return Order("classifier", inputs, pictures_of(task), {"method": method, "budget": "", "seed": seed})


_BY_CONNECTOR: Final[Mapping[str, Callable[[Task], Order]]] = {TABLE_MODEL: _table, CLASSIFIER: _classifier}
