"""Parts of a search that any worker may read: what to look for, where, and what was found there."""

from __future__ import annotations

import uuid

from django.db import models


class ScanShard(models.Model):
    """One part of one pass of a trace. Its job has the shard's id; both go when the trace is written down.

    ``order`` and ``found`` are sealed under the case's key: they hold what identifies the person.
    """

    PERSONAL = {"order", "found"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("intake.ErasureRequest", on_delete=models.CASCADE, related_name="shards")
    artifact = models.ForeignKey("provenance.Artifact", on_delete=models.CASCADE, related_name="shards")
    round = models.PositiveSmallIntegerField(default=1)
    stamp = models.CharField(max_length=64, help_text="Digest of the order and of the files as they were.")
    order = models.BinaryField()
    found = models.BinaryField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True, help_text="Who read it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "stamp"], name="one_shard_per_part_and_pass")
        ]

    def __str__(self) -> str:
        return f"part of {self.artifact_id}"
