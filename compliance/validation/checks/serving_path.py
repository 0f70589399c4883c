"""The suppression list that serves now, asked with the person's values in every spelling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from compliance.intake import vault
from compliance.mitigation.models import Suppression as Active
from compliance.rules.thresholds import LEAKS
from compliance.validation.readings import Reading, Subject
from retrieval.suppress import Suppression
from retrieval.text import variants

SENTENCES = ("The answer is {}.", "{}", "You can reach them at {}, any time.")


def measure(subject: Subject) -> Iterator[Reading]:
    """Answers that would still say a value although the list is active; nothing when no list is."""
    if not Active.objects.filter(request=subject.request, artifact=subject.artifact, until=None).exists():
        return
    path = Path(settings.OUBLI_SUPPRESSIONS) / subject.artifact.slug / f"{subject.request.reference}.json"
    active = Suppression(path, vault.suppression_key())
    region = subject.search.region
    said = [v for n in subject.search.identifiers for v in variants(n.kind, n.value, region)]
    answers = [sentence.format(value) for value in said for sentence in SENTENCES]
    leaks = sum(active.filter(answer).text == answer for answer in answers)
    yield Reading(
        "serving_path",
        LEAKS.measurement,
        float(leaks),
        n=len(answers),
        unit=LEAKS.unit,
        threshold=f"≤ {LEAKS.limit:g} {LEAKS.unit}",
        verdict=LEAKS.judge(float(leaks)),
        detail={"how": "the list that the serving stack reads, on answers with every spelling"},
    )
