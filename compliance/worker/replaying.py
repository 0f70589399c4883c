"""After a restore: every erasure that was done is done again, in our own database and in a restored source.

1. The book of erasures gives back what a restored database does not know: exclusions, and which cases were treated at
   which artifact. A case that was forgotten is forgotten again.
2. A source is read record by record. A record whose bytes were erased, or which carries an erased identifier in a
   field that says whose it is, goes; an identifier or an erased text elsewhere is blanked. Only cases that were treated
   at this very artifact count: what was kept there by an exemption stays.
3. A near copy of an erased text is only counted: whether it is the person's is for an officer to say. In a record that
   says in a field of its own that it is somebody else's, it is theirs; and what was looked at is not named again.
4. Where an officer called an erasure undone, nothing is done; identifiers that were lifted are looked for no more.
5. Weights cannot be edited in place: a model that serves with other weights than those from after the erasure needs a
   person.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from compliance.audit import services as audit
from compliance.intake import services as intake
from compliance.intake.models import CaseKey
from compliance.provenance import search as searching
from compliance.provenance.connectors import Place, Span
from compliance.provenance.connectors.rows import Row, declared, searched
from compliance.provenance.exclusion import WEIGHTS, Gates, gates
from compliance.provenance.lifting import without_lifted
from compliance.provenance.models import Artifact, Exclusion, Lift
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import ProofFailed
from compliance.rules.terms import ArtifactKind
from compliance.worker import erasure_book, oblivion
from compliance.worker.erasure_book import Book


@dataclass(frozen=True)
class OwnDatabase:
    """What our own restored database did not know: exclusions and lifts added, cases forgotten again."""

    exclusions: int
    forgotten: int
    lifted: int = 0


@dataclass(frozen=True)
class Near:
    """A record that resembles an erased one: the keyed hash of its bytes, and where it stands."""

    key: str
    where: str


@dataclass(frozen=True)
class Replayed:
    """What was done again at one artifact; ``level`` is the receipt's, empty when nothing was to do."""

    artifact: str
    cases: int
    records: int
    removed: int
    redacted: int
    near: Sequence[Near] = ()
    level: str = ""
    note: str = ""


def own_database(book: Book) -> OwnDatabase:
    """Bring what the book knows back into this database, and forget again whom it had forgotten."""
    known = set(Exclusion.objects.values_list("kind", "key", "case"))
    missing = [_row(content) for name, content in book.exclusions.items() if name not in known]
    Exclusion.objects.bulk_create(missing, ignore_conflicts=True, batch_size=500)
    lifts = set(Lift.objects.values_list("case", "artifact"))
    fresh = [Lift(**said) for name, said in book.lifted.items() if name not in lifts]
    Lift.objects.bulk_create(fresh, ignore_conflicts=True)
    keys = CaseKey.objects.filter(request__reference__in=book.forgotten, destroyed_at__isnull=True)
    again = [key.request for key in keys.select_related("request__entity")]
    for request in again:
        oblivion.forget_again(request, by=intake.SYSTEM)
    return OwnDatabase(len(missing), len(again), len(fresh))


def _row(content: Mapping[str, str]) -> Exclusion:
    signature = base64.b64decode(content["signature"]) if content.get("signature") else None
    return Exclusion(
        kind=content["kind"],
        key=content["key"],
        case=content["case"],
        artifact=content["artifact"],
        signature=signature,
        own_key=bool(content.get("own_key")),
    )


def treated(book: Book) -> dict[str, set[str]]:
    """References of the cases that were treated, by artifact: what the book and the database know together."""
    found: dict[str, set[str]] = {}
    for case, artifact in (book.treated | erasure_book.treated_here()) - book.undone:
        found.setdefault(artifact, set()).add(case)
    return found


def source(artifact: Artifact, cases: Collection[str], *, dry: bool = False, book: Book | None = None) -> Replayed:
    """Do every erasure of these cases at one artifact again; ``dry`` only counts, ``book`` adds what it knows.

    Raises ``ProofFailed`` when somebody else's record changed, or a record that had to go is still there.
    """
    if ArtifactKind(artifact.kind) in WEIGHTS:
        return Replayed(artifact.slug, len(cases), 0, 0, 0, note=_other_weights(artifact, book or Book()))
    gate = _gate(artifact, cases, book)
    place, connector = place_of(artifact), connector_of(artifact)
    going: set[str] = set()
    spans: dict[str, list[Span]] = {}
    near: list[Near] = []
    rows = 0
    for row in connector.records(place, None) if gate.size else ():
        rows += 1
        judged = _judge(row, place, gate)
        if judged is None:
            going.add(row.key)
        elif judged:
            spans[row.key] = judged
        elif _is_near(row, place, gate):
            near.append(Near(searching.keyed("near", row.digest), row.where))
    near = [each for each in near if not book or each.key not in book.looked]
    if dry or not (going or spans):
        return Replayed(artifact.slug, len(cases), rows, len(going), len(spans), tuple(near))
    receipt = connector.erase(place, records=going, redactions=spans, region=artifact.entity.phone_region)
    if receipt.remaining or not receipt.others_untouched:
        raise ProofFailed(f"Replaying erasures at {artifact.slug}: {receipt.remaining} records remain.")
    level = connector.purge(place).level
    done = Replayed(artifact.slug, len(cases), rows, receipt.removed, receipt.redacted, tuple(near), level)
    with transaction.atomic():
        detail = {"artifact": artifact.slug, "removed": done.removed, "redacted": done.redacted, "level": level}
        audit.record("source.replayed", case="", entity=artifact.entity.slug, by=intake.SYSTEM, detail=detail)
    return done


def _gate(artifact: Artifact, cases: Collection[str], book: Book | None) -> Gates:
    rows = list(without_lifted(Exclusion.objects.filter(case__in=cases)))
    free = set(Lift.objects.filter(artifact="").values_list("case", flat=True))
    free |= {case for case, place in book.lifted if not place} if book else set()
    known = [_row(kept) for name, kept in book.exclusions.items() if name[2] in cases] if book else []
    rows = [row for row in [*rows, *known] if row.kind != "identifier" or row.case not in free]
    return gates(rows, region=artifact.entity.phone_region)


def _judge(row: Row, place: Place, gate: Gates) -> list[Span] | None:
    """None when the record goes; else what is blanked in it."""
    fields = searched(row, place)
    if gate.erased_bytes(row.raw):
        return None
    own = {name: text for name, text in fields.items() if declared(name, place.subject_fields)}
    if any(gate.spans(text) for text in own.values()):
        return None
    found = [Span(n, a, b, row.digest) for n, text in fields.items() if n not in own for a, b in gate.spans(text)]
    return None if found and place.erase_on_mention else found


def _is_near(row: Row, place: Place, gate: Gates) -> bool:
    """Whether a record resembles an erased one, and does not say itself that it is somebody else's."""
    fields = searched(row, place)
    if any(text.strip() for name, text in fields.items() if declared(name, place.subject_fields)):
        return False
    return gate.reason(dict(fields)) is not None


def _other_weights(artifact: Artifact, book: Book) -> str:
    """What has to be done about a model that does not serve with the newest weights from after an erasure."""
    known = [digest for slug, digest in erasure_book.weights_here() if slug == artifact.slug]
    newest = [*known, *(digest for digest in book.weights.get(artifact.slug, ()) if digest not in known)][-1:]
    if not newest or connector_of(artifact).describe(place_of(artifact)).digest in newest:
        return ""
    return "serves with other weights than those from after the erasure: rebuild it, or restore a copy from after it"
