"""A job is a row before it is a message."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q

from compliance.rules.terms import JobStatus, Work


class JobQuerySet(models.QuerySet["Job"]):
    """Reads that the worker and the pages share."""

    def live(self) -> JobQuerySet:
        """Jobs that are queued or running."""
        return self.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])

    def due(self, now: datetime) -> JobQuerySet:
        """Jobs that a worker may claim: queued and due, or running with a lease that ran out; oldest first."""
        queued = Q(status=JobStatus.QUEUED, due_at__lte=now)
        abandoned = Q(status=JobStatus.RUNNING, lease_until__lt=now)
        return self.filter(queued | abandoned).order_by("due_at", "created_at")

    def of(self, case_id: uuid.UUID) -> JobQuerySet:
        """Jobs of one case, newest first."""
        return self.filter(case_id=case_id).order_by("-created_at")


class Job(models.Model):
    """Work on one case, with a lease, a fence that rises with each claim, progress and attempts."""

    PERSONAL: set[str] = set()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case_id = models.UUIDField(db_index=True)
    work = models.CharField(max_length=20, choices=Work.choices())
    queue = models.CharField(max_length=10, default="cpu")
    status = models.CharField(max_length=10, choices=JobStatus.choices(), default=JobStatus.QUEUED)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fraction = models.FloatField(default=0.0)
    message = models.CharField(max_length=300, blank=True)
    error_class = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    next_action = models.TextField(blank=True)
    permanent = models.BooleanField(default=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case_id", "work"],
                condition=Q(status__in=["queued", "running"]),
                name="one_live_job_per_work_and_case",
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(lease_until__isnull=False), name="running_job_has_a_lease"
            ),
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="job_due")]

    def __str__(self) -> str:
        return f"{self.work} ({self.status})"
