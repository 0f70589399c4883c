"""Write keyed hashes of what was found, so that it cannot come back into training, an index or a restore."""

from compliance.intake import vault
from compliance.mitigation.tasks import Outcome, Task
from compliance.provenance.models import Exclusion, Trace
from compliance.rules.identifiers import keyed_hash


def carry_out(task: Task) -> Outcome:
    """Content hashes of the records that count, and identifier hashes of the person."""
    rows = Trace.objects.current(task.request).counted().filter(artifact=task.artifact, owner=True)
    contents = {row.content_key for row in rows if row.content_key}
    needles = task.search.identifiers
    keys = {keyed_hash(vault.lookup_key(), needle.kind, needle.value) for needle in needles}
    entries = [("content", key) for key in sorted(contents)] + [("identifier", key) for key in sorted(keys)]
    with task.progress.commit():
        Exclusion.objects.bulk_create(
            [
                Exclusion(key=key, kind=kind, case=task.request.reference, artifact=task.artifact.slug)
                for kind, key in entries
            ],
            ignore_conflicts=True,
        )
    return Outcome({"contents": len(contents), "identifiers": len(keys)}, words=f"{len(entries)} keyed hashes")
