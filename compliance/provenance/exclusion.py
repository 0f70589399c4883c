"""What may not come back, as a list for a gate; and whether what a model or index is made from holds any of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import Q, QuerySet

from compliance.accounts.models import LegalEntity
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance.lifting import without_lifted
from compliance.provenance.models import Artifact, Derivation, Exclusion
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import ArtifactKind, State
from retrieval.exclusion import Entry, Exclusions
from retrieval.gate import Gate, Reason

WEIGHTS = (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT)
_GIVEN_UP = (State.WITHDRAWN, State.LAPSED, State.REFUSED)
_BATCH = 1_000


class InputsRefused(InvalidInput):
    """A model or index would be made, or was made, from something that was erased."""

    usual_action = "Take the rows out (python -m retrieval exclude, or manage.py replay) and make it again."


@dataclass(frozen=True)
class Finding:
    """Rows of one input that may not be used: how many, of how many, and why."""

    artifact: str
    refused: int
    rows: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.artifact}: {self.refused} of {self.rows} rows hold {'; '.join(self.reasons)}"


def in_force(entities: Collection[LegalEntity]) -> QuerySet[Exclusion]:
    """Exclusions of these legal entities, without those of cases that were withdrawn, refused or never confirmed.

    A case that is no longer in the database keeps its exclusions, as far as an artifact says whose they are.
    Identifiers that an officer has lifted are in force no more.
    """
    own = ErasureRequest.objects.filter(entity__in=entities)
    given_up = own.filter(state__in=_GIVEN_UP).values("reference")
    slugs = Artifact.objects.filter(entity__in=entities).values("slug")
    known = Exclusion.objects.filter(Q(case__in=own.values("reference")) | Q(artifact__in=slugs))
    return without_lifted(known.exclude(case__in=given_up))


class Gates:
    """A gate for each key under which there are exclusions; it answers as ``retrieval.gate.Gate`` does."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = gates

    @property
    def size(self) -> int:
        """Entries of all lists."""
        return sum(gate.size for gate in self._gates)

    def reason(self, row: object) -> Reason | None:
        """Why a row may not be used, or None."""
        return next((why for gate in self._gates if (why := gate.reason(row))), None)

    def keeps(self, row: object) -> bool:
        """Whether a row may be used."""
        return self.reason(row) is None

    def reasons(self, rows: Sequence[object], *, raws: Sequence[bytes] = ()) -> list[Reason | None]:
        """The same of many rows."""
        every = [gate.reasons(rows, raws=raws) for gate in self._gates]
        return [next(filter(None, whys), None) for whys in zip(*every, strict=True)] if every else [None] * len(rows)

    def erased_bytes(self, raw: bytes) -> bool:
        """Whether a record of exactly these bytes was erased."""
        return any(gate.erased_bytes(raw) for gate in self._gates)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in a text something listed stands; spans of different lists may overlap."""
        return sorted({span for gate in self._gates for span in gate.spans(text)})


def gates(rows: Iterable[Exclusion], *, region: str) -> Gates:
    """The gate of these rows; those from before the list had a key of its own are held against the lookup key."""
    every = list(rows)
    keyed = ((vault.exclusion_key(), True), (vault.lookup_key(), False))
    parts = [(key, [row for row in every if row.own_key is own]) for key, own in keyed]
    return Gates([Gate(listed(some, region=region), key) for key, some in parts if some])


def listed(rows: Iterable[Exclusion], *, region: str) -> Exclusions:
    """The list of these rows; ``region`` is the country of phone numbers without country code."""
    entries = {(row.kind, row.key): Entry(row.kind, row.key, bytes(row.signature or b"")) for row in rows}
    return Exclusions(tuple(entries.values()), region)


def list_of(entity: LegalEntity) -> Exclusions:
    """What may not come back at a legal entity, as far as it is hashed under the key that is handed out with it."""
    return listed(in_force([entity]).filter(own_key=True), region=entity.phone_region)


def gate_of(entity: LegalEntity) -> Gates:
    """The gate of a legal entity."""
    return gates(in_force([entity]), region=entity.phone_region)


def inputs_of(artifact: Artifact) -> list[Artifact]:
    """The data that an artifact was made from: its parents, and of a parent that is a model or checkpoint its own."""
    found: dict[int, Artifact] = {}
    waiting, seen = [artifact], {artifact.pk}
    while waiting:
        child = waiting.pop()
        for link in Derivation.objects.filter(child=child).select_related("parent").order_by("id"):
            parent = link.parent
            if parent.pk in seen:
                continue
            seen.add(parent.pk)
            if ArtifactKind(parent.kind) in WEIGHTS:
                waiting.append(parent)
            else:
                found[parent.pk] = parent
    return list(found.values())


def findings(artifacts: Iterable[Artifact], gate: Gates) -> Iterator[Finding]:
    """What may not be used in each artifact, read row by row; an artifact without any is left out."""
    for artifact in artifacts:
        rows = iter(connector_of(artifact).records(place_of(artifact), None))
        seen, refused, reasons = 0, 0, set[str]()
        while some := list(islice(rows, _BATCH)):
            judged = gate.reasons([dict(row.fields) for row in some], raws=[row.raw for row in some])
            told = [str(reason) for reason in judged if reason]
            seen, refused, reasons = seen + len(some), refused + len(told), reasons.union(told)
        if refused:
            yield Finding(artifact.slug, refused, seen, tuple(sorted(reasons)))


def require_clean(artifact: Artifact, *, inputs: Iterable[Artifact] | None = None) -> None:
    """Raise ``InputsRefused`` with the reasons when what an artifact is made from holds something excluded."""
    gate = gate_of(artifact.entity)
    if not gate.size:
        return
    given = inputs_of(artifact) if inputs is None else inputs
    if found := list(findings(given, gate)):
        raise InputsRefused(f"Admitting {artifact.slug}: {'. '.join(map(str, found))}.")
