"""What an action is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q

from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Progress
from compliance.mitigation.models import Membership, SharedRun, Step
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


class NotYet(Exception):
    """No failure: the step waits for other cases, and its job is looked at again at ``due_at``."""

    def __init__(self, due_at: datetime, words: str) -> None:
        super().__init__(words)
        self.due_at, self.words = due_at, words


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

    @cached_property
    def membership(self) -> Membership | None:
        """The case's place in a shared run of this model; a plan drafted after the run took its turn has none."""
        mine = Membership.objects.filter(request=self.request, run__artifact=self.step.artifact, left_at=None)
        taken = mine.filter(Q(plan=None) | Q(plan=self.step.plan)).select_related("run")
        return taken.order_by("-id").first()

    @property
    def shared(self) -> SharedRun | None:
        """The run that the case shares with others, as it was when it was first asked for."""
        return self.membership.run if self.membership else None

    @cached_property
    def together(self) -> list[ErasureRequest]:
        """The cases whose people go in one run: this one, or all that take part in a run that has begun."""
        if self.shared is None or self.shared.begun_at is None:
            return [self.request]
        members = self.shared.members.filter(left_at=None).select_related("request")
        return [member.request for member in members]

    def undo_file(self) -> Path:
        """Where an erasure writes what it removed, before it is encrypted."""
        settings.OUBLI_UNDO.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(settings.OUBLI_UNDO) / f"step-{self.step.pk}.jsonl"

    def remember(self, **intent: Any) -> None:
        """Commit what a second run needs to recognise this one, before acting."""
        self.step.intent = {**self.step.intent, **intent}
        with self.progress.commit():
            self.step.save(update_fields=["intent"])
