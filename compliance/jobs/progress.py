"""How a handler tells where it is, and how it commits: under the fence when a worker runs it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import transaction


@dataclass(frozen=True)
class Later:
    """What a handler returns when the same job has more to do on another day."""

    due_at: datetime


class Progress(Protocol):
    """What a handler is given: call it with a fraction and words; commit inside ``commit()``."""

    def __call__(self, fraction: float, message: str = "") -> None:
        """Say how far the work is, from 0 to 1."""

    def commit(self) -> AbstractContextManager[None]:
        """A transaction that only the holder of the job can commit."""


class Unattended:
    """Progress for a call outside a worker (a command, a test): nobody listens, a commit is a plain transaction."""

    def __call__(self, fraction: float, message: str = "") -> None:
        """Say nothing."""

    def commit(self) -> AbstractContextManager[None]:
        """A plain transaction."""
        return transaction.atomic()


class Part:
    """A slice of another progress: 0 to 1 here is ``start`` to ``end`` there."""

    def __init__(self, whole: Progress, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def __call__(self, fraction: float, message: str = "") -> None:
        """Pass the fraction on, scaled."""
        self._whole(self._start + (self._end - self._start) * max(0.0, min(1.0, fraction)), message)

    def commit(self) -> AbstractContextManager[None]:
        """The whole's commit."""
        return self._whole.commit()
