"""Write keyed hashes of what was found, so that it cannot come back into training, an index or a restore."""

from compliance.intake import vault
from compliance.mitigation.tasks import Outcome, Task
from compliance.provenance.models import Exclusion, Trace
from retrieval import exclusion


def carry_out(task: Task) -> Outcome:
    """Hashes of the person's records that count, of their texts (also of near copies), and of the identifiers.

    Texts are those that the trace looked for: long enough, and in no more than a few strangers' records.
    """
    key, search = vault.exclusion_key(), task.search
    rows = Trace.objects.current(task.request).counted().filter(artifact=task.artifact, owner=True)
    case_key = vault.case_key(task.request)
    digests = {vault.decrypt(case_key, bytes(row.sealed))["digest"] for row in rows if row.content_key}
    contents = sorted(exclusion.content_key(key, digest) for digest in digests)
    own = [n.value for n in search.needles if n.kind == "content" and n.key in search.trusted]
    entries = [
        *(exclusion.Entry("content", content) for content in contents),
        *exclusion.text_entries(key, own),
        *(exclusion.identifier_entry(key, n.kind, n.value, region=search.region) for n in search.identifiers),
    ]
    wanted = {(entry.kind, entry.key): entry for entry in entries}
    with task.progress.commit():
        Exclusion.objects.bulk_create(
            [
                Exclusion(
                    key=entry.key,
                    kind=entry.kind,
                    signature=entry.signature or None,
                    own_key=True,
                    case=task.request.reference,
                    artifact=task.artifact.slug,
                )
                for entry in wanted.values()
            ],
            ignore_conflicts=True,
        )
    counts = {kind: sum(each == kind for each, _ in wanted) for kind in exclusion.KINDS}
    return Outcome(
        {"contents": counts["content"], "identifiers": counts["identifier"], "texts": counts["text"]},
        words=f"{len(wanted)} keyed hashes",
    )
