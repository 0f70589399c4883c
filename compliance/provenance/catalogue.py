"""``systems.yaml``: a company's legal entities, the places where it keeps people, and what was made from what.

``load`` reads and checks the whole file and reports everything that is wrong at once, each with file, line and remedy.
It opens no place: whether a place answers is the connector's ``describe``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from compliance.provenance import catalogue_fields as fields
from compliance.provenance.catalogue_fields import Wrong
from compliance.provenance.connectors import Place
from compliance.provenance.yaml_nodes import CatalogueError, Problem, line_of, read
from compliance.rules.lineage import downstream
from compliance.rules.terms import ArtifactKind, EntityRole, Law

__all__ = ["ArtifactEntry", "Catalogue", "CatalogueError", "DerivationEntry", "LegalEntity", "Problem", "load"]


@dataclass(frozen=True)
class LegalEntity:
    """A controller or processor: the laws it answers under, where its days begin, who is to be told and asked."""

    id: str
    name: str
    law: tuple[Law, ...]
    country: str
    time_zone: str
    contact: str
    authority: str
    subdivision: str = ""
    phone_region: str = ""
    line: int = 0


@dataclass(frozen=True)
class ArtifactEntry:
    """A place as it is written down; ``place()`` is what its connector takes."""

    id: str
    name: str
    kind: ArtifactKind
    connector: str
    location: str
    entity: str
    purpose: str
    lawful_basis: str
    retention: str
    role: EntityRole = EntityRole.CONTROLLER
    recipients: tuple[str, ...] = ()
    subject_fields: tuple[str, ...] = ()
    text_fields: tuple[str, ...] = ()
    key_field: str = ""
    lineage_field: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0

    def place(self) -> Place:
        """The place with its fields among the options, named by its id."""
        declared = {
            "subject_fields": list(self.subject_fields),
            "text_fields": list(self.text_fields),
            "key_field": self.key_field,
            "lineage_field": self.lineage_field,
        }
        return Place(self.id, self.kind.value, self.connector, self.location, {**self.options, **declared})


@dataclass(frozen=True)
class DerivationEntry:
    """This was made from these, by this run, at this time."""

    sources: tuple[str, ...]
    target: str
    run: str
    at: str
    how: str
    line: int = 0


@dataclass(frozen=True)
class Catalogue:
    """All that the file says, checked."""

    file: Path
    entities: tuple[LegalEntity, ...]
    artifacts: tuple[ArtifactEntry, ...]
    derivations: tuple[DerivationEntry, ...]

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Every derivation as pairs (made from, made)."""
        return tuple((source, entry.target) for entry in self.derivations for source in entry.sources)


def load(path: Path) -> Catalogue:
    """Read and check the file; ``CatalogueError`` carries every problem in its ``problems``."""
    top = read(path)
    reading = _Reading(path)
    sections = reading.mapping(top, fields.TOP, "the file")
    entities = reading.entries(sections.get("entities"), fields.ENTITY, LegalEntity, "an entity")
    artifacts = reading.entries(sections.get("artifacts"), fields.ARTIFACT, ArtifactEntry, "an artifact")
    derivations = reading.entries(sections.get("derivations"), fields.DERIVATION, DerivationEntry, "a derivation")
    found = Catalogue(path, tuple(entities), tuple(artifacts), tuple(derivations))
    reading.check_together(found)
    if reading.problems:
        raise CatalogueError(reading.problems)
    return found


class _Reading:
    """One pass over a file, collecting problems instead of stopping at the first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def problem(self, line: int, what: str, remedy: str) -> None:
        self.problems.append(Problem(self.path.name, line, what, remedy))

    def mapping(self, node: yaml.Node, known: Mapping[str, fields.Rule], what: str) -> dict[str, yaml.Node]:
        """The node's known keys; unknown, doubled and missing ones are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(line_of(node), f"{what} is a mapping of keys and values.", f"Write {', '.join(known)}.")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self.problem(line_of(key), f"{what} has no key {name!r}.", fields.nearest(name, known))
            elif name in found:
                self.problem(line_of(key), f"{name!r} is written twice.", "Keep one of them.")
            else:
                found[name] = value
        for name, rule in known.items():
            if rule.required and name not in found:
                self.problem(line_of(node), f"{what} lacks {name!r}.", rule.remedy or f"Add {name}.")
        return found

    def entries(self, node: yaml.Node | None, known: Mapping[str, fields.Rule], make: Any, what: str) -> list[Any]:
        """Every entry of a list that could be read without a problem."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.problem(line_of(node), "this section is a list.", "Begin each entry with a dash.")
            return []
        made = [self._entry(entry, known, make, what) for entry in node.value]
        return [entry for entry in made if entry is not None]

    def _entry(self, node: yaml.Node, known: Mapping[str, fields.Rule], make: Any, what: str) -> Any:
        before = len(self.problems)
        values: dict[str, Any] = {}
        for name, value in self.mapping(node, known, what).items():
            rule = known[name]
            try:
                values[rule.attribute or name] = rule.read(value)
            except Wrong as wrong:
                self.problem(wrong.line or line_of(value), f"{name}: {wrong.what}", wrong.remedy)
        if make is ArtifactEntry:
            self._check_artifact(values, line_of(node))
        return make(**values, line=line_of(node)) if len(self.problems) == before else None

    def _check_artifact(self, values: dict[str, Any], line: int) -> None:
        try:
            fields.check_options(values)
            if "location" in values and "connector" in values:
                values["location"] = fields.resolved(
                    values["connector"], values["location"], self.path.resolve().parent
                )
        except Wrong as wrong:
            self.problem(line, wrong.what, wrong.remedy)

    def check_together(self, found: Catalogue) -> None:
        """What single entries cannot show: doubled ids, names that lead nowhere, circles."""
        for entries in (found.entities, found.artifacts):
            seen: dict[str, int] = {}
            for entry in entries:
                if entry.id in seen:
                    what = f"the id {entry.id!r} stands in line {seen[entry.id]} already."
                    self.problem(entry.line, what, "Give each its own id.")
                seen.setdefault(entry.id, entry.line)
        if self.problems:
            return
        entities, artifacts = {entry.id for entry in found.entities}, {entry.id for entry in found.artifacts}
        for entry in found.artifacts:
            if entry.entity not in entities:
                what = f"there is no legal entity {entry.entity!r}."
                self.problem(entry.line, what, fields.nearest(entry.entity, entities))
            for option in ("training_rows", "controls"):
                name = entry.options.get(option)
                if name is not None and name not in artifacts:
                    what = f"options: {option} names no artifact: {name!r}."
                    self.problem(entry.line, what, fields.nearest(str(name), artifacts))
        for derivation in found.derivations:
            for name in (*derivation.sources, derivation.target):
                if name not in artifacts:
                    self.problem(derivation.line, f"there is no artifact {name!r}.", fields.nearest(name, artifacts))
        self._check_circles(found)

    def _check_circles(self, found: Catalogue) -> None:
        for entry in found.derivations:
            below = downstream([entry.target], found.edges)
            if any(source == entry.target or source in below for source in entry.sources):
                what = f"{entry.target!r} is made from itself, directly or by a circle."
                self.problem(entry.line, what, "A rebuilt artifact is a new one: give the newer its own id.")
