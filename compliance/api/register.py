"""What is registered: artifacts and what was made from what."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access
from compliance.api.door import HERE, PAGING, STAFF, Door, operation, page, paged
from compliance.provenance.models import Artifact, Derivation


class ArtifactLine(serializers.ModelSerializer[Artifact]):
    """A registered place of data; its address stays inside, since an address may hold a password."""

    entity = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    recipients = serializers.JSONField(read_only=True)

    class Meta:
        model = Artifact
        fields = (
            "slug",
            "name",
            "entity",
            "role",
            "kind",
            "connector",
            "purpose",
            "lawful_basis",
            "retention",
            "recipients",
            "digest",
            "described_at",
            "retired_at",
        )
        read_only_fields = fields


class DerivationLine(serializers.ModelSerializer[Derivation]):
    """One artifact was made from another, by this run, at this time."""

    artifact = serializers.SlugRelatedField[Any](slug_field="slug", source="child", read_only=True)
    made_from = serializers.SlugRelatedField[Any](slug_field="slug", source="parent", read_only=True)

    class Meta:
        model = Derivation
        fields = ("artifact", "made_from", "run", "at", "how")
        read_only_fields = fields


class Artifacts(Door):
    """Registered artifacts."""

    @operation(
        "Registered artifacts",
        answers={200: paged(ArtifactLine)},
        problems_of=(*STAFF, *HERE),
        parameters=PAGING,
    )
    def get(self, request: Request) -> Response:
        """Artifacts of the caller's legal entities, retired ones too."""
        rows = Artifact.objects.filter(entity__in=access.entities(request)).select_related("entity")
        return page(rows, request=request, view=self, shape=ArtifactLine)


class Derivations(Door):
    """Lineage."""

    @operation(
        "What was made from what",
        answers={200: paged(DerivationLine)},
        problems_of=(*STAFF, *HERE),
        parameters=PAGING,
    )
    def get(self, request: Request) -> Response:
        """Derivations whose both ends belong to the caller's legal entities."""
        own = access.entities(request)
        rows = Derivation.objects.filter(parent__entity__in=own, child__entity__in=own)
        return page(
            rows.select_related("parent", "child").order_by("id"), request=request, view=self, shape=DerivationLine
        )
