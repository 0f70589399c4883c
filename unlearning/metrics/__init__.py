"""Metrics, one idea a file. To add one: write the file, add a line to TABLE."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, cast

from unlearning.errors import UnknownName
from unlearning.types import Measurement

if TYPE_CHECKING:
    from unlearning.examined import Examined


class Metric(Protocol):
    """Measurements of one examined model; never a person's value inside."""

    def __call__(self, examined: Examined) -> Iterable[Measurement]: ...


TABLE = {
    "extraction": "unlearning.metrics.extraction:measure",
    "rank": "unlearning.metrics.rank:measure",
    "memorization": "unlearning.metrics.memorization:measure",
    "sampling": "unlearning.metrics.sampling:measure",
    "truth_ratio": "unlearning.metrics.truth_ratio:measure",
    "rouge": "unlearning.metrics.rouge:measure",
    "membership": "unlearning.metrics.membership:measure",
    "utility": "unlearning.metrics.utility:measure",
}


def load(name: str) -> Metric:
    """The metric of that name; raises UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"measuring: no metric {name!r}; choose one of {', '.join(TABLE)}")
    return cast(Metric, pkgutil.resolve_name(TABLE[name]))
