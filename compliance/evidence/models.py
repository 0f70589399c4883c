"""What was issued: the dossier, the report and the pack that an auditor checks offline."""

from __future__ import annotations

from django.db import models

from compliance.accounts.models import User
from compliance.intake.models import ErasureRequest


class Report(models.Model):
    """One issued pack; ``dossier`` holds facts without personal data."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="reports")
    number = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    dossier = models.JSONField()
    claims = models.JSONField(default=list)
    pack = models.CharField(max_length=1000, help_text="Path of the ZIP below the evidence folder.")
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    signed_off_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="one_report_per_number")]

    def __str__(self) -> str:
        return f"report {self.number} of {self.request_id}"
