"""Carry one order out: the library works in a process of its own; its words become points, its result a row."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Mapping
from typing import Any

from compliance.forgetting import folders, kinds
from compliance.forgetting.models import Point, UnlearningJob
from compliance.forgetting.services import CANCELLED, blank, resolved
from compliance.jobs import processes
from compliance.jobs.progress import Progress
from compliance.rules.errors import OubliError

_SAID = re.compile(r"\b(loss|bits) (-?[0-9]+(?:\.[0-9]+)?)")  # what a line of progress says in numbers
MOST_POINTS = 2000
PAUSE = 0.5  # seconds between two rows of progress


class Cancelled(OubliError):
    """Whoever ordered it took the order back."""

    usual_action = "Order again if it was a mistake."


class Teller:
    """Turns a process's words into progress and at most two points a second; stops it when it is cancelled."""

    def __init__(self, ordered: UnlearningJob, progress: Progress) -> None:
        self._ordered, self._progress = ordered, progress
        self._said = 0.0
        self._figures: dict[str, float] = {}
        self._kept = ordered.points.count()

    def __call__(self, fraction: float, message: str) -> None:
        """Say how far the work is."""
        now = time.monotonic()
        if now - self._said < PAUSE and fraction < 1:
            return
        self._said = now
        if UnlearningJob.objects.filter(pk=self._ordered.pk, cancelled_at__isnull=False).exists():
            raise Cancelled(CANCELLED)
        self._progress(fraction, message)
        if self._kept < MOST_POINTS:
            self._kept += 1
            Point.objects.create(job=self._ordered, fraction=fraction, message=message[:300], figures=self._figures)
            self._figures = {}

    def hear(self, said: Mapping[str, Any]) -> None:
        """Keep the figures of a line of progress for the next point."""
        for name, number in _SAID.findall(str(said.get("message", ""))):
            self._figures[name] = float(number)


def run(job_id: uuid.UUID, progress: Progress) -> None:
    """Make the model forget and keep the result; runs again from the start of what the library cannot resume."""
    ordered = UnlearningJob.objects.select_related("model", "entity").get(pk=job_id)
    if ordered.result is not None:
        return
    teller = Teller(ordered, progress)
    teller(0.0, "Starting")
    order = _order(ordered)
    order.workplace.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (order.workplace / "model").exists():  # finished by a worker that died before it could say so
        shutil.rmtree(order.workplace / "model")
    arguments = kinds.load(ordered.model.kind).arguments(order)
    try:
        result = processes.run("unlearning", arguments, teller, hear=teller.hear)
    except OubliError as error:
        _tell_no_folder(error, ordered)
        raise
    finally:
        (order.workplace / "ids").unlink(missing_ok=True)
    with progress.commit():
        ordered.result = _as_registered(result, ordered)
        ordered.artifacts = list(folders.listed(order.workplace / "model"))
        ordered.save(update_fields=["result", "artifacts"])
        blank(ordered)


def _tell_no_folder(error: OubliError, ordered: UnlearningJob) -> None:
    error.cause, error.next_action = (_as_registered(words, ordered) for words in (error.cause, error.next_action))
    error.args = (error.cause,)


def _as_registered(said: Any, ordered: UnlearningJob) -> Any:
    """The same with paths as they were registered: where the operator's folders lie is not for others."""
    if isinstance(said, dict):
        return {name: _as_registered(value, ordered) for name, value in said.items()}
    if isinstance(said, list):
        return [_as_registered(value, ordered) for value in said]
    if isinstance(said, str):
        company = folders.root(ordered.entity)
        for home in (company.resolve(), company, folders.workplace(ordered.pk)):
            said = said.replace(f"{home}/", "")
    return said


def _order(ordered: UnlearningJob) -> kinds.Order:
    """References are resolved again, now: what was checked when it was ordered may have moved since."""
    model = ordered.model
    kind = kinds.load(model.kind)
    return kinds.Order(
        model=folders.resolve(ordered.entity, model.location),
        inputs=resolved(ordered.entity, model.inputs, kind.PATHS),
        forget=resolved(ordered.entity, ordered.forget, ("rows",)),
        spec=ordered.spec,
        workplace=folders.workplace(ordered.pk),
    )
