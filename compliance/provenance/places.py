"""From a registered artifact to the place that a connector works on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from compliance.accounts.models import LegalEntity
from compliance.provenance.connectors import Connector, Place, load
from compliance.provenance.models import Artifact, Derivation
from compliance.rules.lineage import downstream


def place_of(artifact: Artifact) -> Place:
    """The place of an artifact; with the option ``index`` it is searched through its ingest index."""
    kept = {}
    if artifact.options.get("index"):
        own = settings.OUBLI_VAR / "indexes" / artifact.slug
        kept = {"index_folder": str(own), "index_key": str(settings.OUBLI_KEYS / "ingest_index")}
    return Place(
        name=artifact.name,
        kind=artifact.kind,
        connector=artifact.connector,
        location=artifact.location,
        options={**artifact.options, **kept},
    )


def connector_of(artifact: Artifact) -> Connector:
    """The connector that reads an artifact."""
    return load(artifact.connector)


def artifacts_of(entity: LegalEntity) -> list[Artifact]:
    """The artifacts of a legal entity that are registered now."""
    return list(Artifact.objects.filter(entity=entity, retired_at=None).select_related("entity"))


def referring(artifact: Artifact, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What a table is called and to which tables of its database it refers, for the order of a plan's steps."""
    if not detail.get("refers_to"):
        return {"table": detail["table"], "database": _database(artifact)} if "table" in detail else {}
    return {"table": detail["table"], "database": _database(artifact), "refers_to": list(detail["refers_to"])}


def _database(artifact: Artifact) -> str:
    """The database of an artifact, as a digest: two tables of one have the same."""
    return hashlib.sha256(artifact.location.encode()).hexdigest()[:16]


def references(facts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Pairs (table, table it refers to) by artifact: rows that refer go before the rows they refer to.

    ``facts`` are what ``referring`` said, by artifact. A circle of references has no order and is left out.
    """
    named = {(row["database"], row["table"]): slug for slug, row in facts.items() if "table" in row}
    pairs: list[tuple[str, str]] = []
    for slug, row in facts.items():
        for table in row.get("refers_to", ()):
            other = named.get((row["database"], table))
            if other and other != slug and slug not in downstream([other], pairs):
                pairs.append((slug, other))
    return pairs


def derivations() -> list[tuple[str, str]]:
    """Every derivation as (slug of parent, slug of child)."""
    return list(Derivation.objects.values_list("parent__slug", "child__slug"))
