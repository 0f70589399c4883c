"""Keep the person out of a model's answers at once: keyed hashes for the serving stack. It is no unlearning."""

import json
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from compliance.intake import vault
from compliance.mitigation.models import Suppression
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.terms import IdentifierKind
from retrieval import suppress


def carry_out(task: Task) -> Outcome:
    """Write the list of this case for this model, and the same entries for the API; a second run writes the same."""
    needles = [n for n in task.search.needles if n.key in task.search.trusted and n.kind != "content"]
    needles += [n for n in task.search.needles if n.kind == IdentifierKind.NAME]
    group = task.request.reference
    entries = [suppress.Entry(kind=n.kind, value=n.value, group=group) for n in needles]
    path = list_path(task.artifact.slug, task.request.reference)
    suppress.Suppression.build(path, entries, vault.suppression_key(), region=task.search.region)
    stored = json.loads(path.read_text())["entries"]
    with task.progress.commit():
        Suppression.objects.update_or_create(
            request=task.request,
            artifact=task.artifact,
            defaults={"entity": task.request.entity, "entries": stored, "since": timezone.now(), "until": None},
        )
    receipt = {"level": "hidden", "entries": len(stored), "meaning": "suppressed, still stored"}
    return Outcome(receipt, words=f"{len(stored)} keyed entries active")


def list_path(artifact: str, reference: str) -> Path:
    """Where the serving stack finds the list of one case for one artifact."""
    return Path(settings.OUBLI_SUPPRESSIONS) / artifact / f"{reference}.json"
