"""A model that can be made to forget, the jobs that do it, and the points of their curves."""

from __future__ import annotations

import uuid

from django.db import models

from compliance.accounts.models import LegalEntity


class ModelReference(models.Model):
    """A model and its data, known by where they lie below the entity's folder; nothing is copied."""

    PERSONAL: set[str] = set()

    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="model_references")
    slug = models.SlugField(max_length=60)
    kind = models.CharField(max_length=20)
    location = models.CharField(max_length=300)
    inputs = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "slug"], name="one_model_of_a_name")]

    def __str__(self) -> str:
        return self.slug


class UnlearningJob(models.Model):
    """One order to make a model forget; its lease, progress and failures stand in the job row of the same id."""

    PERSONAL = {"forget", "ordered_as"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="unlearning_jobs")
    model = models.ForeignKey(ModelReference, on_delete=models.PROTECT, related_name="jobs")
    ordered_as = models.CharField(max_length=150, help_text="Staff label, or the name of a token.")
    forget = models.JSONField(help_text="Which rows or class; row ids are blanked when the job has ended.")
    spec = models.JSONField(help_text="Method, budget, seed.")
    idempotency_key = models.CharField(max_length=200, blank=True)
    body_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    callback = models.URLField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    tell_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    artifacts = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="one_job_per_idempotency_key",
            )
        ]
        indexes = [models.Index(fields=["entity", "created_at"], name="unlearning_by_day")]

    def __str__(self) -> str:
        return str(self.id)


class Point(models.Model):
    """One line of a job's progress, with the figures that were said with it."""

    PERSONAL: set[str] = set()

    job = models.ForeignKey(UnlearningJob, on_delete=models.CASCADE, related_name="points")
    at = models.DateTimeField(auto_now_add=True)
    fraction = models.FloatField()
    message = models.CharField(max_length=300)
    figures = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.fraction:.0%}"
