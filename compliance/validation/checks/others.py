"""Nobody else touched: the digest over all other records, now and when the case was traced.

Digests of records are added modulo 2^256, so the person's own can be taken out of the total that the trace wrote down.
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.mitigation.models import Step
from compliance.provenance import services as provenance
from compliance.provenance.connectors.rows import Total
from compliance.validation.readings import Reading, Subject, judged


def measure(subject: Subject) -> Iterator[Reading]:
    """Other people's rows that are no longer what they were: the count that differs, or 1 when only contents differ."""
    subject.progress(0.8, f"Comparing other people's rows in {subject.artifact.name}")
    before, after = provenance.others_digest(subject.request, subject.artifact)
    after = after.minus(_renamed(subject))
    changed = max(abs(before.count - after.count), int(before.sum != after.sum))
    detail = {"rows": after.count, "how": "order-independent sha256 of every other row, trace against now"}
    yield judged(
        subject, Reading("others", "others_changed", float(changed), n=after.count, unit="rows", detail=detail)
    )


def _renamed(subject: Subject) -> Total:
    """Records that the round's steps have blanked and that have no name but the digest of their bytes."""
    case, found = subject.request, Total()
    steps = Step.objects.filter(plan__request=case, plan__round=case.round, artifact=subject.artifact)
    for intent in steps.values_list("intent", flat=True):
        found.absorb(Total.read(intent.get("renamed", "")))
    return found
