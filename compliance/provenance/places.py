"""From a registered artifact to the place that a connector works on."""

from __future__ import annotations

from compliance.accounts.models import LegalEntity
from compliance.provenance.connectors import Connector, Place, load
from compliance.provenance.models import Artifact, Derivation


def place_of(artifact: Artifact) -> Place:
    """The place of an artifact."""
    return Place(
        name=artifact.name,
        kind=artifact.kind,
        connector=artifact.connector,
        location=artifact.location,
        options=artifact.options,
    )


def connector_of(artifact: Artifact) -> Connector:
    """The connector that reads an artifact."""
    return load(artifact.connector)


def artifacts_of(entity: LegalEntity) -> list[Artifact]:
    """The artifacts of a legal entity that are registered now."""
    return list(Artifact.objects.filter(entity=entity, retired_at=None).select_related("entity"))


def derivations() -> list[tuple[str, str]]:
    """Every derivation as (slug of parent, slug of child)."""
    return list(Derivation.objects.values_list("parent__slug", "child__slug"))
