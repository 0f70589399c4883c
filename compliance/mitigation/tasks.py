"""What an action is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Progress
from compliance.mitigation.models import Step
from compliance.provenance import search as searching
from compliance.provenance import services as provenance
from compliance.provenance.connectors import Connector, Place
from compliance.provenance.models import Artifact
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import MissingPart


@dataclass(frozen=True)
class Outcome:
    """A receipt without personal data; ``done`` is false when somebody else has to act first."""

    receipt: Mapping[str, Any]
    words: str = ""
    done: bool = True


@dataclass(frozen=True)
class Task:
    """One step to carry out: on which artifact, for whom, telling progress and committing where."""

    request: ErasureRequest
    step: Step
    progress: Progress

    @property
    def artifact(self) -> Artifact:
        """The artifact of the step."""
        if self.step.artifact is None:
            raise MissingPart(f"The step {self.step.action} names no artifact.")
        return self.step.artifact

    @property
    def place(self) -> Place:
        """Where the artifact lies."""
        return place_of(self.artifact)

    @property
    def connector(self) -> Connector:
        """What reads and writes it."""
        return connector_of(self.artifact)

    @cached_property
    def search(self) -> searching.Search:
        """What finds the person: rebuilt from the case's sealed identifiers and what its trace learned."""
        return provenance.search_of(self.request)

    @cached_property
    def records(self) -> tuple[list[str], list[str]]:
        """Names of the records that count: the person's own, and those that only mention the person."""
        return provenance.records_of(self.request, self.artifact)

    def undo_file(self) -> Path:
        """Where an erasure writes what it removed, before it is encrypted."""
        settings.OUBLI_UNDO.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(settings.OUBLI_UNDO) / f"step-{self.step.pk}.jsonl"

    def remember(self, **intent: Any) -> None:
        """Commit what a second run needs to recognise this one, before acting."""
        self.step.intent = {**self.step.intent, **intent}
        with self.progress.commit():
            self.step.save(update_fields=["intent"])
