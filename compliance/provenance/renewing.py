"""Exclusions from before the list had a key of its own are hashed anew, where their plaintext is still to be had.

A hash cannot be turned into another key's hash; what it was made from can be hashed again. A case keeps that sealed
until its retention ends: the identifiers and texts that were looked for, the digests of the records that were erased.

1. For each older entry of such a case the same hash is made again from what is sealed. Only where it is the very same
   one, the entry under the list's own key takes its place, in one transaction.
2. What belongs to a case whose key was destroyed, or is made from what is sealed nowhere, stays as it is: this
   installation's own gates go on holding it against the older key, and the answer counts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import transaction

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance.models import Exclusion, Trace
from compliance.provenance.search import Search, remembered
from compliance.rules.errors import NotFoundHere
from retrieval import exclusion
from retrieval.exclusion import Entry

Named = tuple[str, str]  # kind and hash


@dataclass(frozen=True)
class Renewed:
    """How many entries are under the list's own key now, and how many older ones stay."""

    renewed: int
    left: int


def renew(entity: LegalEntity, *, by: str) -> Renewed:
    """Hash every older entry of a legal entity anew, as far as its case is not forgotten."""
    own = ErasureRequest.objects.filter(entity=entity).select_related("entity")
    older = Exclusion.objects.filter(own_key=False, case__in=own.values("reference"))
    renewed = 0
    for reference in sorted(set(older.values_list("case", flat=True))):
        case = own.get(reference=reference)
        try:
            renewed += _renewed(case, by=by)
        except NotFoundHere:  # its personal data has been destroyed
            continue
    return Renewed(renewed, older.count())


def _renewed(case: ErasureRequest, *, by: str) -> int:
    known = dict(_pairs(case))
    with transaction.atomic():
        rows = list(Exclusion.objects.select_for_update().filter(case=case.reference, own_key=False))
        again = [(row, known[row.kind, row.key]) for row in rows if (row.kind, row.key) in known]
        Exclusion.objects.filter(pk__in=[row.pk for row, _ in again]).delete()
        fresh = [_row(row, entry) for row, entry in again]
        Exclusion.objects.bulk_create(fresh, ignore_conflicts=True)
        if again:
            detail = {"entries": len(again), "left": len(rows) - len(again)}
            audit.record("exclusion.renewed", case=case.reference, entity=case.entity.slug, by=by, detail=detail)
    return len(again)


def _row(row: Exclusion, entry: Entry) -> Exclusion:
    kept: Mapping[str, str] = {"case": row.case, "artifact": row.artifact}
    return Exclusion(key=entry.key, kind=entry.kind, signature=entry.signature or None, own_key=True, **kept)


def _pairs(case: ErasureRequest) -> Iterator[tuple[Named, Entry]]:
    """Each entry under the older key with the one under the list's own, made from the same words."""
    sealed = vault.case_key(case)
    search = remembered(case, vault.opened(case))
    rows = Trace.objects.filter(request=case).exclude(content_key="")
    digests = sorted({str(vault.decrypt(sealed, bytes(row.sealed))["digest"]) for row in rows})
    older, newer = (_entries(key, search, digests) for key in (vault.lookup_key(), vault.exclusion_key()))
    for old, new in zip(older, newer, strict=True):
        yield (old.kind, old.key), new


def _entries(key: bytes, search: Search, digests: list[str]) -> list[Entry]:
    texts = [needle.value for needle in search.needles if needle.kind == "content"]
    return [
        *(Entry("content", exclusion.content_key(key, digest)) for digest in digests),
        *exclusion.text_entries(key, texts),
        *(exclusion.identifier_entry(key, n.kind, n.value, region=search.region) for n in search.identifiers),
    ]
