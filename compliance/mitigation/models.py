"""The plan, its steps, runs shared by several cases, what is suppressed meanwhile, and the copies that go on a day."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from compliance.accounts.models import LegalEntity
from compliance.intake.models import ErasureRequest
from compliance.provenance.models import Artifact
from compliance.rules.terms import Horizon, StepStatus


class Plan(models.Model):
    """Ordered steps on three horizons, with the thresholds of their proof; approved by its digest."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="plans")
    number = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    digest = models.CharField(max_length=64)
    thresholds = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="one_plan_per_number")]

    def __str__(self) -> str:
        return f"plan {self.number} of {self.request_id}"


class StepQuerySet(models.QuerySet["Step"]):
    """Reads of steps."""

    def undone(self) -> StepQuerySet:
        """Steps that do not count as done."""
        return self.exclude(status=StepStatus.DONE)

    def on(self, *horizons: Horizon) -> StepQuerySet:
        """Steps of these horizons, in order."""
        return self.filter(horizon__in=[str(h) for h in horizons]).order_by("order", "id")


class Step(models.Model):
    """One action on one artifact; intent before, receipt after, and never done without the receipt."""

    PERSONAL: set[str] = set()

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="steps")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, null=True, blank=True, related_name="steps")
    action = models.CharField(max_length=40)
    horizon = models.CharField(max_length=12, choices=Horizon.choices())
    order = models.PositiveSmallIntegerField()
    reason = models.TextField()
    count = models.PositiveIntegerField(default=0)
    cost = models.CharField(max_length=200, blank=True)
    also_touched = models.CharField(max_length=300, blank=True)
    scheduled_for = models.DateField(null=True, blank=True)
    planned = models.JSONField(help_text="The step as it was planned: what the plan's digest covers.")
    status = models.CharField(max_length=10, choices=StepStatus.choices(), default=StepStatus.PENDING)
    intent = models.JSONField(default=dict, help_text="What a second run needs to recognise the first.")
    receipt = models.JSONField(null=True, blank=True)
    fraction = models.FloatField(default=0.0)
    message = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    next_action = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="done") | Q(receipt__isnull=False, finished_at__isnull=False),
                name="done_step_has_a_receipt",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} ({self.status})"

    @property
    def exact(self) -> bool | None:
        """Whether the route is exact; None where the word has no meaning."""
        value: bool | None = self.planned.get("exact")
        return value

    @property
    def reversible(self) -> bool:
        """Whether the step may run before the plan is approved."""
        return bool(self.planned.get("reversible"))


class SharedRun(models.Model):
    """One run that makes a model forget the people of several cases; each case names it by its number and a count.

    ``holder`` is the case whose worker is at it, ``result`` what it made (no personal data). It has begun when the
    cases that take part are fixed, and has ended when its model serves.
    """

    PERSONAL: set[str] = set()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="shared_runs")
    opened_at = models.DateTimeField(auto_now_add=True)
    called_at = models.DateTimeField(null=True, blank=True, help_text="An officer said: begin with who is approved.")
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    holder = models.UUIDField(null=True, blank=True)
    result = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"shared run {self.pk}"


class Membership(models.Model):
    """A case in a shared run, until it leaves; ``plan`` is the one that took its turn in it.

    ``allowed`` is what the gate found for the case.
    """

    PERSONAL: set[str] = set()

    run = models.ForeignKey(SharedRun, on_delete=models.CASCADE, related_name="members")
    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="memberships")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    joined_at = models.DateTimeField(auto_now_add=True)
    left_at = models.DateTimeField(null=True, blank=True)
    allowed = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "request"], condition=Q(left_at__isnull=True), name="one_membership_of_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} in {self.run_id}"


class Suppression(models.Model):
    """What is kept out of answers while it is still stored; keyed hashes only. Never called unlearning."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="suppressions")
    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="suppressions")
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="suppressions")
    entries = models.JSONField(default=list)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "artifact"], name="one_suppression_per_artifact")]

    def __str__(self) -> str:
        return f"suppression in {self.artifact_id}"


class Leftover(models.Model):
    """An undo copy or superseded artifact that the plan names, and the day on which it goes."""

    PERSONAL: set[str] = set()

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="leftovers")
    kind = models.CharField(max_length=12, choices=[("undo", "Undo copy"), ("superseded", "Superseded artifact")])
    path = models.CharField(max_length=1000)
    wrapped_key = models.BinaryField(null=True, help_text="Key of an encrypted undo copy, wrapped.")
    digest = models.CharField(max_length=64, blank=True)
    goes_on = models.DateField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "path"], name="one_leftover_per_path"),
            models.CheckConstraint(
                condition=Q(gone_at__isnull=True) | Q(wrapped_key__isnull=True), name="gone_copy_has_no_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} until {self.goes_on}"
