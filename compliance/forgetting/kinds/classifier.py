"""Classifiers of images in the library's folder format; a class or rows by id are forgotten."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.forgetting.kinds import Order
from compliance.rules.errors import InvalidInput

LABEL = "Classifier"
METHODS = (
    "auto",
    "retrain",
    "project_distil",
    "renew",
    "fresh_head",
    "delete",
    "neggrad_plus",
    "oof_match",
    "label_flip",
    "gradient_ascent",
    "scrub",
    "salun",
    "ssd",
    "fisher",
    "bad_teacher",
    "l1_sparse",
)
PATHS = ("data", "people")


def check(model: Path, inputs: Mapping[str, Any]) -> None:
    """A folder that ``classifier train`` wrote, the folder of its data, and whose a row is when its folds need it."""
    if not (model / "classifier.json").is_file() or not (model / "model.safetensors").is_file():
        raise InvalidInput(
            "This is no classifier's folder: it needs classifier.json and model.safetensors.",
            next_action="Train it with python -m unlearning classifier train, or save its weights in that form.",
        )
    if ".py:" in str(_recipe(model).get("build", "")):
        raise InvalidInput(
            "This classifier's architecture is a Python file of your own, which the service does not run.",
            next_action="Make it forget where it was trained, by the command: classifier unlearn --module FILE:NAME.",
        )
    if "data" not in inputs or not Path(inputs["data"]).is_dir():
        raise InvalidInput("A classifier needs the folder of its training data: inputs.data names it.")
    if "people" in inputs and not Path(inputs["people"]).is_file():
        raise InvalidInput("inputs.people names a CSV file of row id and person.")
    if "people" not in inputs and _cut_by_person(model):
        raise InvalidInput(
            "This classifier's out-of-fold models were cut by person: without the people file no row has its fold.",
            next_action="Name the CSV file of row id and person in inputs.people.",
        )


def _cut_by_person(model: Path) -> bool:
    notes = _recipe(model).get("notes")
    return isinstance(notes, dict) and bool(notes.get("folds")) and bool(notes.get("by person"))


def _recipe(model: Path) -> dict[str, Any]:
    try:
        found = json.loads((model / "classifier.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # the job says what is wrong with it
    return found if isinstance(found, dict) else {}


def check_forget(forget: Mapping[str, Any]) -> None:
    """A class, or rows by id."""
    if set(forget) not in ({"class_label"}, {"ids"}):
        raise InvalidInput("A classifier forgets a class (forget.class_label) or rows (forget.ids).")


def arguments(order: Order) -> list[str]:
    """``classifier unlearn`` with the order's folders; ids go into a file that only the owner can read."""
    spec = order.spec
    found = ["classifier", "unlearn", "--data", str(order.inputs["data"]), "--model", str(order.model)]
    found += ["--out", str(order.workplace / "model"), "--method", str(spec["method"]), "--seed", str(spec["seed"])]
    if "class_label" in order.forget:
        found += [f"--forget-class={order.forget['class_label']}"]
    else:
        found += ["--forget-ids", str(_listed(order))]
    if "people" in order.inputs:
        found += ["--people", str(order.inputs["people"])]
    budget = str(spec.get("budget", ""))
    if budget.endswith("steps"):
        raise InvalidInput("A classifier's budget is in seconds, such as 60s.")
    return found + (["--budget", budget] if budget else [])


def _listed(order: Order) -> Path:
    path = order.workplace / "ids"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write("".join(f"{line}\n" for line in order.forget["ids"]))
    return path
