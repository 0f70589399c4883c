"""The log's rows. Only ``compliance.audit.services`` writes them; triggers refuse changes and deletions.

There are no foreign keys to the rest of the house, so that the log outlives what it describes. ``Opening`` is the only
table whose rows may go: without its salt and words the commitment in the leaf says nothing about anybody.
"""

from __future__ import annotations

import uuid

from django.db import models


class EventQuerySet(models.QuerySet["Event"]):
    """Reads of the log."""

    def of_case(self, case: str) -> EventQuerySet:
        """The events of one case, oldest first."""
        return self.filter(case=case).order_by("at", "pk")

    def of_entity(self, entity: str) -> EventQuerySet:
        """The events of one legal entity, newest first."""
        return self.filter(entity=entity).order_by("-at", "-pk")

    def unlogged(self) -> EventQuerySet:
        """The events that the sequencer has not reached."""
        return self.filter(waiting__isnull=False)


class Event(models.Model):
    """Something happened: what, to which case, by whom, when, and a salted commitment to the words about it."""

    PERSONAL = {"actor"}

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=64)
    case = models.CharField(max_length=64, blank=True, db_index=True)
    entity = models.CharField(max_length=64, blank=True, db_index=True)
    actor = models.CharField(max_length=120)
    at = models.DateTimeField(db_index=True)
    commitment = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.case}".strip()

    def words(self) -> dict[str, object]:
        """What people read about the event; empty once the case's opening is gone."""
        opening = getattr(self, "opening", None)
        return dict(opening.detail) if opening else {}


class Opening(models.Model):
    """What opens an event's commitment; goes when the case's retention ends."""

    PERSONAL = {"detail"}

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="opening", primary_key=True)
    salt = models.CharField(max_length=64)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"opening of {self.event_id}"


class Waiting(models.Model):
    """An event that has no place in the tree yet: what makes the sequencer cheap when there is nothing new."""

    PERSONAL: set[str] = set()

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="waiting", primary_key=True)

    def __str__(self) -> str:
        return f"waiting {self.event_id}"


class Leaf(models.Model):
    """An event's place in the tree."""

    PERSONAL: set[str] = set()

    index = models.PositiveBigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="leaf")
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["index"]

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Head(models.Model):
    """A signed tree head, with the frontier that lets the next leaf be appended without reading the tree."""

    PERSONAL: set[str] = set()

    size = models.PositiveBigIntegerField(primary_key=True)
    root = models.CharField(max_length=64)
    peaks = models.JSONField(default=list)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["size"]

    def __str__(self) -> str:
        return f"head of {self.size}"
