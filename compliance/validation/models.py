"""What was measured, against which threshold, and what it says."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from compliance.intake.models import ErasureRequest
from compliance.mitigation.models import Plan
from compliance.provenance.models import Artifact
from compliance.rules.terms import Verdict


class Measurement(models.Model):
    """One number about one artifact, before and after, with interval, threshold and verdict."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="measurements")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="measurements")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="measurements")
    check_name = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    group = models.CharField(max_length=20, blank=True, help_text="person, controls, namesakes or others")
    before = models.FloatField(null=True, blank=True)
    value = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=30, blank=True)
    threshold = models.CharField(max_length=100, blank=True)
    verdict = models.CharField(max_length=12, choices=Verdict.choices(), blank=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ["artifact_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "artifact", "check_name", "name", "group"], name="one_measurement_per_name"
            ),
            models.CheckConstraint(condition=Q(verdict="") | ~Q(threshold=""), name="verdict_needs_a_threshold"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.artifact_id}"
