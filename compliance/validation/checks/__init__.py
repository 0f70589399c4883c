"""What proves: checks per kind of artifact, by another path than the actions that did; a table of dotted names."""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Protocol, cast

from compliance.rules.terms import ArtifactKind
from compliance.rules.thresholds import CLASSIFIER, TABLE_MODEL
from compliance.validation.readings import Reading, Subject


class Check(Protocol):
    """One way to prove, or to fail to prove."""

    def measure(self, subject: Subject) -> Iterable[Reading]:
        """Readings about one artifact, against the thresholds that the plan fixed."""


_HERE = "compliance.validation.checks"
TABLE: dict[ArtifactKind, tuple[str, ...]] = {
    ArtifactKind.DATASET: (f"{_HERE}.absence", f"{_HERE}.others"),
    ArtifactKind.DATABASE: (f"{_HERE}.absence", f"{_HERE}.others"),
    ArtifactKind.DERIVED_DATASET: (f"{_HERE}.absence", f"{_HERE}.others"),
    ArtifactKind.EVALUATION_SET: (f"{_HERE}.absence", f"{_HERE}.others"),
    ArtifactKind.LOG: (f"{_HERE}.absence", f"{_HERE}.others"),
    ArtifactKind.CACHE: (f"{_HERE}.absence",),
    ArtifactKind.INDEX: (f"{_HERE}.absence", f"{_HERE}.others", f"{_HERE}.retrieval_probe"),
    ArtifactKind.MODEL: (f"{_HERE}.model_audit", f"{_HERE}.serving_path", f"{_HERE}.challenged"),
    ArtifactKind.CHECKPOINT: (f"{_HERE}.absence",),
}


BY_CONNECTOR: dict[str, tuple[str, ...]] = {
    TABLE_MODEL: (f"{_HERE}.fitted_anew",),
    CLASSIFIER: (f"{_HERE}.told_apart",),
}


def load(kind: ArtifactKind, connector: str = "") -> list[Check]:
    """The checks of a kind, imported on first use; a model that answers with a class is no model that speaks."""
    own = BY_CONNECTOR.get(connector) if kind is ArtifactKind.MODEL else None
    names = own or TABLE[kind]
    return [cast(Check, resolve_name(name)) for name in names]
