"""Where data lives, what was made from what, where a person was found, and what may not come back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from compliance.accounts.models import LegalEntity
from compliance.intake.models import ErasureRequest
from compliance.provenance.runs import LineageRun, LineageUse
from compliance.provenance.shards import ScanShard
from compliance.rules.terms import ArtifactKind, EntityRole, Support

__all__ = [
    "Artifact",
    "Derivation",
    "Exclusion",
    "Lift",
    "LineageRun",
    "LineageUse",
    "ScanShard",
    "SearchNote",
    "Trace",
    "TraceQuerySet",
]


class Artifact(models.Model):
    """A registered place of data: source, derived set, index, cache, log or model."""

    PERSONAL: set[str] = set()

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="artifacts")
    role = models.CharField(max_length=12, choices=EntityRole.choices(), default=EntityRole.CONTROLLER)
    kind = models.CharField(max_length=20, choices=ArtifactKind.choices())
    connector = models.CharField(max_length=40)
    location = models.CharField(max_length=1000)
    options = models.JSONField(default=dict, help_text="What the connector needs: fields, keys, table.")
    purpose = models.TextField()
    lawful_basis = models.CharField(max_length=200)
    retention = models.CharField(max_length=200)
    recipients = models.JSONField(default=list)
    digest = models.CharField(max_length=64, blank=True)
    described = models.JSONField(default=dict, help_text="Size, records and detail when last looked at.")
    described_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True, help_text="No longer in the registered file.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Derivation(models.Model):
    """This was made from that, by this run, at this time."""

    PERSONAL: set[str] = set()

    parent = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="made")
    child = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="made_from")
    run = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    how = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "child"], name="one_derivation_per_pair"),
            models.CheckConstraint(condition=~Q(parent=models.F("child")), name="nothing_is_made_from_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.parent_id} -> {self.child_id}"


class TraceQuerySet(models.QuerySet["Trace"]):
    """Reads of what was found."""

    def current(self, request: ErasureRequest) -> TraceQuerySet:
        """What the case's present round found."""
        return self.filter(request=request, round=request.round)

    def counted(self) -> TraceQuerySet:
        """What counts as the person: everything but candidates that nobody ticked."""
        return self.filter(Q(candidate=False) | Q(ticked=True))

    def waiting(self) -> TraceQuerySet:
        """Candidates that wait for the officer's tick."""
        return self.filter(candidate=True, ticked__isnull=True)


class Trace(models.Model):
    """This person, in this record of this artifact; where exactly is sealed under the case's key."""

    PERSONAL = {"sealed"}

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="traces")
    round = models.PositiveSmallIntegerField(default=1)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="traces")
    record_key = models.CharField(max_length=64, help_text="Keyed hash of the record's name in its artifact.")
    support = models.CharField(max_length=12, choices=Support.choices())
    owner = models.BooleanField(default=True, help_text="The record is the person's; else it only mentions them.")
    candidate = models.BooleanField(
        default=False, help_text="Only a name, an unproven identifier or a near copy supports it."
    )
    ticked = models.BooleanField(null=True, default=None)
    content_key = models.CharField(max_length=64, blank=True, help_text="Keyed hash of the record's content.")
    sealed = models.BinaryField()

    objects = TraceQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "artifact", "record_key"], name="one_trace_per_record")
        ]

    def __str__(self) -> str:
        return f"{self.support} in {self.artifact_id}"


class SearchNote(models.Model):
    """What one trace says about one artifact: searched, reached by lineage, or not read and why."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="searches")
    round = models.PositiveSmallIntegerField(default=1)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="searches")
    searched = models.BooleanField()
    by_lineage = models.BooleanField(default=False)
    records = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict, help_text="What planning needs to know: ledger, stages, first exposure.")
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "artifact"], name="one_search_per_artifact_and_round")
        ]

    def __str__(self) -> str:
        return f"search of {self.artifact_id}"


class Exclusion(models.Model):
    """A keyed hash that may not come back into training or an index; holds no plaintext."""

    PERSONAL: set[str] = set()

    key = models.CharField(max_length=64)
    kind = models.CharField(
        max_length=12,
        choices=[("content", "Content"), ("identifier", "Identifier"), ("text", "Text"), ("near", "Near copy")],
    )
    signature = models.BinaryField(null=True, blank=True, help_text="Of a near copy: its keyed MinHash signature.")
    own_key = models.BooleanField(
        default=False,
        help_text="Hashed under the list's own key; older ones under the lookup key.",
    )
    case = models.CharField(max_length=16, help_text="Reference of the case; no foreign key, so that it outlives it.")
    artifact = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "kind", "case"], name="one_exclusion_per_key_and_case")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key[:8]}"


class Lift(models.Model):
    """An officer's decision: a case's identifiers may be used again, or its erasure at one artifact was undone."""

    PERSONAL: set[str] = set()

    case = models.CharField(max_length=16, help_text="Reference of the case; no foreign key, as above.")
    artifact = models.CharField(max_length=100, blank=True, help_text="Where it was undone; empty: the identifiers.")
    by = models.CharField(max_length=150, help_text="The officer.")
    reason = models.CharField(max_length=500)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "artifact"], name="one_lift_per_case_and_artifact")]

    def __str__(self) -> str:
        return f"lift of {self.case}"
