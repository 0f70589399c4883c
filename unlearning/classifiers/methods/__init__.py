"""Methods by name, one file each. To add one: write the file, add a line to TABLE.

A method takes a Task, whose model is a copy of its own, and returns the new model.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol, cast

from torch import nn

from unlearning.classifiers.fitting import chance_of
from unlearning.classifiers.outcome import Exactness, Space, Task
from unlearning.errors import InputError, UnknownName


class Method(Protocol):
    """What a method's module offers: its paper, what it is for, what it needs, and the work."""

    SOURCE: str
    SCOPES: tuple[str, ...]
    NEEDS: tuple[str, ...]
    EXACTNESS: Exactness
    SEARCH: Mapping[str, Space]

    def run(self, task: Task) -> nn.Module:
        """Make the model forget; every further keyword argument has a default."""


TABLE = {
    "retrain": "unlearning.classifiers.methods.retrain",
    "project_distil": "unlearning.classifiers.methods.project_distil",
    "fresh_head": "unlearning.classifiers.methods.fresh_head",
    "renew": "unlearning.classifiers.methods.renew",
    "delete": "unlearning.classifiers.methods.delete",
    "neggrad_plus": "unlearning.classifiers.methods.neggrad_plus",
    "oof_match": "unlearning.classifiers.methods.oof_match",
    "label_flip": "unlearning.classifiers.methods.label_flip",
    "gradient_ascent": "unlearning.classifiers.methods.gradient_ascent",
    "fisher": "unlearning.classifiers.methods.fisher",
    "scrub": "unlearning.classifiers.methods.scrub",
    "salun": "unlearning.classifiers.methods.salun",
    "ssd": "unlearning.classifiers.methods.ssd",
    "bad_teacher": "unlearning.classifiers.methods.bad_teacher",
    "l1_sparse": "unlearning.classifiers.methods.l1_sparse",
}


def load(name: str) -> Method:
    """The method of that name; UnknownName for another."""
    if name not in TABLE:
        raise UnknownName(f"choosing a method for a classifier: no method of that name; there are {', '.join(TABLE)}")
    return cast(Method, pkgutil.resolve_name(TABLE[name]))


def run(name: str, task: Task, parameters: Mapping[str, Any]) -> nn.Module:
    """The method's new model, decided by the task's seed alone."""
    with chance_of(task.seed):
        return load(name).run(task, **parameters)


def defaults(name: str) -> dict[str, Any]:
    """The method's parameters and their defaults."""
    found = inspect.signature(load(name).run).parameters.values()
    return {p.name: p.default for p in found if p.kind is p.KEYWORD_ONLY}


def check(name: str, task: Task, parameters: dict[str, Any]) -> None:
    """InputError when the method does not fit the scope, lacks something, or has no such parameter."""
    method = load(name)
    if task.scope not in method.SCOPES:
        raise InputError(f"{name} is for {' and '.join(method.SCOPES)}, not for {task.scope}; choose another or auto")
    given = {"retain": task.retain or None, "recipe": task.recipe, "folds": task.folds}
    lacking = [need for need in method.NEEDS if given[need] is None]
    if lacking:
        raise InputError(f"{name} needs {', '.join(lacking)}, which was not given; give it or choose another method")
    unknown = set(parameters) - set(defaults(name))
    if unknown:
        raise InputError(f"{name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(defaults(name))}")
