"""A case as staff and their systems read it: facts and counts, never the person's words or identifiers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.evidence.models import Report
from compliance.intake.models import Decision, ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation.models import Plan, Step
from compliance.rules.terms import Exemption, Ground, State, Support, Turn, Verdict
from compliance.validation.models import Measurement

LINE: tuple[str, ...] = (
    "reference",
    "entity",
    "law",
    "state",
    "turn",
    "language",
    "received_at",
    "verified_at",
    "extended",
    "round",
    "nominal_on",
    "conservative_on",
    "promised_on",
)
WHOLE = ("decisions", "jobs", "traces", "plan", "measurements", "claims", "reports", "events")


class CaseFilter(serializers.Serializer[Any]):
    """Which cases to list."""

    state = serializers.ChoiceField(choices=State.choices(), required=False)
    turn = serializers.ChoiceField(choices=Turn.choices(), required=False)


class CaseLine(serializers.ModelSerializer[ErasureRequest]):
    """One line of the queue; the clocks are three dates (see docs on nominal, conservative and promised)."""

    entity = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    turn = serializers.ChoiceField(choices=Turn.choices(), read_only=True)

    class Meta:
        model = ErasureRequest
        fields = LINE
        read_only_fields = fields


class JobLine(serializers.ModelSerializer[Job]):
    """Work on the case: progress, and why it stopped."""

    class Meta:
        model = Job
        fields = (
            "id",
            "work",
            "status",
            "due_at",
            "created_at",
            "finished_at",
            "attempts",
            "fraction",
            "message",
            "error_class",
            "error_message",
            "next_action",
            "permanent",
        )
        read_only_fields = fields


class DecisionLine(serializers.ModelSerializer[Decision]):
    """A decision without its words, which may be about the person."""

    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)
    ground = serializers.ChoiceField(choices=Ground.choices(), read_only=True, allow_blank=True)
    exemption = serializers.ChoiceField(choices=Exemption.choices(), read_only=True, allow_blank=True)

    class Meta:
        model = Decision
        fields = ("kind", "by", "at", "round", "ground", "exemption", "artifact", "plan_digest", "review_on")
        read_only_fields = fields


class TraceCount(serializers.Serializer[Any]):
    """How many records of one artifact are the person's, by what supports it."""

    artifact = serializers.CharField()
    support = serializers.ChoiceField(choices=Support.choices())
    records = serializers.IntegerField()
    waiting_for_a_tick = serializers.IntegerField()


class StepLine(serializers.ModelSerializer[Step]):
    """One step with its receipt."""

    artifact = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)
    receipt = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = (
            "id",
            "artifact",
            "action",
            "horizon",
            "order",
            "reason",
            "count",
            "cost",
            "also_touched",
            "scheduled_for",
            "status",
            "fraction",
            "message",
            "error",
            "next_action",
            "started_at",
            "finished_at",
            "receipt",
        )
        read_only_fields = fields


class PlanShape(serializers.ModelSerializer[Plan]):
    """The plan of this round; send ``digest`` back to approve it."""

    thresholds = serializers.JSONField(read_only=True)
    steps = StepLine(many=True, read_only=True)

    class Meta:
        model = Plan
        fields = ("number", "round", "digest", "thresholds", "created_at", "steps")
        read_only_fields = fields


class MeasurementLine(serializers.ModelSerializer[Measurement]):
    """One number with its interval, threshold and verdict."""

    artifact = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    verdict = serializers.ChoiceField(choices=Verdict.choices(), read_only=True, allow_blank=True)

    class Meta:
        model = Measurement
        fields = (
            "artifact",
            "check_name",
            "name",
            "group",
            "before",
            "value",
            "low",
            "high",
            "n",
            "unit",
            "threshold",
            "verdict",
            "at",
        )
        read_only_fields = fields


class ReportLine(serializers.ModelSerializer[Report]):
    """An issued pack."""

    signed_off_by = serializers.CharField(
        source="signed_off_by.username", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = Report
        fields = ("number", "round", "issued_at", "sha256", "signed_off_by")
        read_only_fields = fields


class EventLine(serializers.Serializer[Any]):
    """An event of the log; ``id`` leads to its proof."""

    id = serializers.UUIDField(source="uid")
    kind = serializers.CharField()
    actor = serializers.CharField()
    at = serializers.DateTimeField()


class CaseShape(CaseLine):
    """A whole case."""

    decisions = DecisionLine(many=True, read_only=True)
    jobs = JobLine(many=True, read_only=True)
    traces = TraceCount(many=True, read_only=True)
    plan = PlanShape(read_only=True, allow_null=True)
    measurements = MeasurementLine(many=True, read_only=True)
    claims = serializers.JSONField(read_only=True, help_text="Claims of the newest report of this round.")
    reports = ReportLine(many=True, read_only=True)
    events = EventLine(many=True, read_only=True)

    class Meta(CaseLine.Meta):
        fields = (*LINE, *WHOLE)
