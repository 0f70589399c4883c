"""What goes over the wire of unlearning as a service."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.forgetting import kinds, services
from compliance.forgetting.models import ModelReference, Point, UnlearningJob

STATUSES = ("queued", "running", "done", "failed", "cancelled")
PLAIN = r"^[^\x00-\x1f\x7f]+$"


class NewModel(serializers.Serializer[Any]):
    """A model and its data, by where they lie below the company's model folder."""

    slug = serializers.SlugField(max_length=60)
    kind = serializers.ChoiceField(choices=[(name, name) for name in kinds.TABLE])
    location = serializers.RegexField(PLAIN, max_length=300)
    entity = serializers.SlugField(max_length=50, required=False, help_text="Needed with more than one company.")
    inputs = serializers.DictField(
        child=serializers.JSONField(), required=False, default=dict, help_text="What the kind needs beside the model."
    )


class ModelLine(serializers.ModelSerializer[ModelReference]):
    """A registered model."""

    entity = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = ModelReference
        fields = ("slug", "entity", "kind", "location", "inputs", "created_at")
        read_only_fields = fields


class Forget(serializers.Serializer[Any]):
    """What is to be forgotten: exactly one of the three."""

    rows = serializers.RegexField(PLAIN, max_length=300, required=False, help_text="A file of rows.")
    ids = serializers.ListField(
        child=serializers.RegexField(PLAIN, max_length=200), min_length=1, max_length=100_000, required=False
    )
    class_label = serializers.RegexField(PLAIN, max_length=200, required=False, help_text="A whole class.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One and only one."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Name exactly one of rows, ids and class_label.")
        return attrs


class NewJob(serializers.Serializer[Any]):
    """An order; send ``Idempotency-Key`` so that sending it twice orders once."""

    model = serializers.SlugField(max_length=60)
    entity = serializers.SlugField(max_length=50, required=False, help_text="Needed with more than one company.")
    forget = Forget()
    method = serializers.RegexField(r"^[a-z0-9_]{1,60}$", default="auto", required=False)
    budget = serializers.RegexField(
        r"^[0-9]{1,7}(s|steps)$", required=False, help_text="Seconds or steps: 600s, 200steps."
    )
    callback = serializers.URLField(
        max_length=300, required=False, help_text="Called, signed, when the job has ended; its host must be allowed."
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0, required=False)


class ArtifactFile(serializers.Serializer[Any]):
    """A file that a job made."""

    name = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class JobState(serializers.ModelSerializer[UnlearningJob]):
    """A job: where it stands, and once it is done what came out."""

    entity = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    model = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    method = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    fraction = serializers.SerializerMethodField()
    message = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()
    next_action = serializers.SerializerMethodField()
    finished_at = serializers.SerializerMethodField()
    artifacts = ArtifactFile(many=True, read_only=True)
    result = serializers.DictField(child=serializers.JSONField(), allow_null=True, read_only=True)

    class Meta:
        model = UnlearningJob
        fields = (
            "id",
            "entity",
            "model",
            "method",
            "status",
            "fraction",
            "message",
            "problem",
            "next_action",
            "created_at",
            "finished_at",
            "cancelled_at",
            "result",
            "artifacts",
        )
        read_only_fields = fields

    def to_representation(self, instance: UnlearningJob) -> dict[str, Any]:
        """The job row is read once for all its fields."""
        self._row = services.row(instance)
        return super().to_representation(instance)

    def get_method(self, ordered: UnlearningJob) -> str:
        """As ordered; the result says what ``auto`` chose."""
        return str(ordered.spec["method"])

    def get_status(self, ordered: UnlearningJob) -> str:
        """queued, running, done, failed, cancelled."""
        return services.status(ordered, self._row)

    def get_fraction(self, ordered: UnlearningJob) -> float:
        """From 0 to 1."""
        return self._row.fraction

    def get_message(self, ordered: UnlearningJob) -> str:
        """The last words of progress."""
        return self._row.message

    def get_problem(self, ordered: UnlearningJob) -> str:
        """Why it stopped, or nothing."""
        return self._row.error_message

    def get_next_action(self, ordered: UnlearningJob) -> str:
        """What would help, or nothing."""
        return self._row.next_action

    def get_finished_at(self, ordered: UnlearningJob) -> str | None:
        """When it ended."""
        return self._row.finished_at.isoformat() if self._row.finished_at else None


class CurvePoint(serializers.ModelSerializer[Point]):
    """One point of a job's curve."""

    figures = serializers.DictField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = Point
        fields = ("id", "at", "fraction", "message", "figures")
        read_only_fields = fields
