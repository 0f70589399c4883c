"""Runs as pipelines report them: which version of what went in, which came out, and up to which step."""

from __future__ import annotations

from django.db import models


class LineageRun(models.Model):
    """One run of a job; what it used are its ``uses``, what nobody has registered stands in ``unmapped``."""

    PERSONAL: set[str] = set()

    entity = models.ForeignKey("accounts.LegalEntity", on_delete=models.PROTECT, related_name="lineage_runs")
    uid = models.UUIDField()
    job = models.CharField(max_length=400)
    last_event = models.CharField(max_length=10)
    at = models.DateTimeField(help_text="Time of the newest event.")
    unmapped = models.JSONField(default=list, help_text="Data sets that no registered artifact stands for.")
    refused = models.TextField(blank=True, help_text="Why what it made may not be used.")
    checked = models.BooleanField(default=False, help_text="Its inputs were held against the exclusions.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "uid"], name="one_lineage_run_per_entity")]

    def __str__(self) -> str:
        return f"{self.job} {self.last_event}"


class LineageUse(models.Model):
    """A version of an artifact that a run read or wrote; ``step`` is how far it went (of training: the step)."""

    PERSONAL: set[str] = set()

    run = models.ForeignKey(LineageRun, on_delete=models.CASCADE, related_name="uses")
    artifact = models.ForeignKey("provenance.Artifact", on_delete=models.CASCADE, related_name="uses")
    output = models.BooleanField()
    version = models.CharField(max_length=200, blank=True, help_text="Digest or version, as the pipeline names it.")
    step = models.PositiveBigIntegerField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "artifact", "output", "version"], name="one_use_per_version")
        ]

    def __str__(self) -> str:
        return f"{'made' if self.output else 'read'} {self.artifact_id}"
