"""The log's verbs: record, sequence, prove, verify, and forget the words of a case.

A request only inserts (``record``); one sequencer (``sequence``) gives events their place and signs a head.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import checkpoint, merkle, succession, verifier, witness
from compliance.audit.errors import BadCheckpoint, BadSuccession, NotInTransaction, NotLogged
from compliance.audit.models import Event, Head, Leaf, Opening, Waiting

GAP = "log.gap"  # an officer answers for lines that were lost in a restore (gaps.acknowledge)
NEW_KEY = "log.key"  # from here on another key signs; the event holds the statement of both
_SEQUENCER_LOCK = 0x4F75626C69  # "Oubli": the PostgreSQL advisory lock that only sequencers take


@dataclass(frozen=True)
class Inclusion:
    """Proof that an event stands in the log under a signed head; all that an outsider needs beside the public key."""

    event: Mapping[str, str]
    index: int
    size: int
    path: tuple[str, ...]
    note: str


def origin() -> str:
    """The log's name, as it stands in each head."""
    return str(getattr(settings, "OUBLI_LOG_ORIGIN", "oubli/log"))


@lru_cache(maxsize=8)
def _key(folder: Path) -> Ed25519PrivateKey:
    return checkpoint.load_key(folder)


def signing_key() -> Ed25519PrivateKey:
    """The organisation's log key (also signs evidence packs)."""
    return _key(Path(settings.OUBLI_KEYS))


def former_signing_key() -> Ed25519PrivateKey | None:
    """The key before it, while a rotation waits for its end: webhooks are signed by both."""
    return _former(Path(settings.OUBLI_KEYS))


@lru_cache(maxsize=8)
def _former(folder: Path) -> Ed25519PrivateKey | None:
    path = folder / succession.FORMER_FILE
    return checkpoint.read_key(path) if path.exists() else None


def forget_key() -> None:
    """Read the keys anew: another one stands in their place."""
    _key.cache_clear()
    _former.cache_clear()


def public_key() -> Ed25519PublicKey:
    """The key that verifies heads and packs."""
    return signing_key().public_key()


def public_keys() -> list[Ed25519PublicKey]:
    """The key in use and those before it, newest first, as far as statements signed by both sides lead."""
    return succession.chain(public_key(), (*_beside_the_key(), *_in_the_log()))


def _beside_the_key() -> list[succession.Succession]:
    try:
        return succession.kept(Path(settings.OUBLI_KEYS), origin=origin())
    except BadSuccession:
        return []  # said by verify_all; the log itself may know them, and nothing waits for it meanwhile


def _in_the_log() -> Iterator[succession.Succession]:
    for event in Event.objects.filter(kind=NEW_KEY).order_by("pk"):
        try:
            yield succession.read(event.words(), origin=origin())
        except BadSuccession:
            continue  # words that were changed: verify_all finds them in their leaf


def record(kind: str, *, case: str, entity: str, by: str, detail: Mapping[str, object] | None = None) -> Event:
    """Write an event in the caller's transaction; ``detail`` is words for people and holds no identifier of a person.

    ``by`` is a staff label, "system" or "data subject". Raises NotInTransaction outside ``transaction.atomic``.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"recording {kind}: open a transaction around the fact and its event")
    words = dict(detail or {})
    salt = secrets.token_hex(32)
    event = Event.objects.create(
        kind=kind, case=case, entity=entity, actor=by, at=timezone.now(), commitment=verifier.commit(words, salt=salt)
    )
    Opening.objects.create(event=event, salt=salt, detail=words)
    Waiting.objects.create(event=event)
    return event


def fields_of(event: Event) -> dict[str, str]:
    """The seven fields that the event's leaf commits to, as text."""
    return {
        "id": str(event.uid),
        "kind": event.kind,
        "case": event.case,
        "entity": event.entity,
        "actor": event.actor,
        "at": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "commitment": event.commitment,
    }


def sequence(*, limit: int = 5000) -> int:
    """Give waiting events their place, oldest first, sign the new head, return how many; one query when none waits."""
    if not Waiting.objects.exists():
        return 0
    with transaction.atomic():
        _take_turn()
        events = list(Event.objects.filter(waiting__isnull=False).order_by("pk")[:limit])
        if not events:
            return 0
        head = _append(events)
        Waiting.objects.filter(event__in=[event.pk for event in events]).delete()
        folder, note = Path(settings.OUBLI_KEYS), head.note
        keys = succession.chain(public_key(), _beside_the_key())  # without the log: this runs every second

        def remember() -> None:
            witness.remember(folder, note=note, keys=keys, known=_signed)

        transaction.on_commit(remember, robust=True)
    return len(events)


def _signed(size: int, root: str) -> bool:
    return Head.objects.filter(size=size, root=root).exists()


def _take_turn() -> None:
    """One sequencer at a time. SQLite's write transaction is already that; the leaf's unique index guards both."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEQUENCER_LOCK])


def _append(events: Sequence[Event]) -> Head:
    frontier = _frontier(Head.objects.order_by("-size").first())
    leaves = []
    for event in events:
        leaf = merkle.leaf_hash(verifier.leaf_data(fields_of(event)))
        leaves.append(Leaf(index=frontier.size, event=event, hash=leaf.hex()))
        frontier = frontier.append(leaf)
    Leaf.objects.bulk_create(leaves, batch_size=500)
    return _sign(frontier, at=timezone.now())


def _frontier(head: Head | None) -> merkle.Frontier:
    if head is None:
        return merkle.Frontier()
    return merkle.Frontier(head.size, tuple(bytes.fromhex(peak) for peak in head.peaks))


def _sign(frontier: merkle.Frontier, *, at: datetime) -> Head:
    note = checkpoint.sign(checkpoint.Checkpoint(origin(), frontier.size, frontier.root()), key=signing_key())
    peaks = [peak.hex() for peak in frontier.peaks]
    return Head.objects.create(size=frontier.size, root=frontier.root().hex(), peaks=peaks, note=note, at=at)


def inclusion(event: Event, *, head: Head | None = None) -> Inclusion:
    """Proof that the event stands in the log under ``head`` (default: the newest); NotLogged while it waits."""
    return inclusions([event], head=head)[0]


def inclusions(events: Iterable[Event], *, head: Head | None = None) -> list[Inclusion]:
    """Proofs for several events under one head; reads the tree's hashes once."""
    head = head or Head.objects.order_by("-size").first()
    size = head.size if head else 0
    leaves = [bytes.fromhex(value) for value in Leaf.objects.filter(index__lt=size).values_list("hash", flat=True)]
    note = under_present_key(head.note) if head else ""
    return [_inclusion(event, head, leaves, note) for event in events]


def _inclusion(event: Event, head: Head | None, leaves: Sequence[bytes], note: str) -> Inclusion:
    index = Leaf.objects.filter(event=event).values_list("index", flat=True).first()
    if head is None or index is None or index >= head.size:
        raise NotLogged(f"event {event.uid} is under no signed head yet; sequence() first")
    path = merkle.inclusion_proof(leaves, index=index)
    return Inclusion(fields_of(event), index, head.size, tuple(node.hex() for node in path), note)


def log_proof(case: str, *, size: int | None = None) -> dict[str, Any]:
    """The proofs of a case's events under the head of ``size`` lines (default: the newest), as plain JSON for the pack.

    Events that came later are left out, so that the same ``size`` always gives the same proof. ``gaps`` are the
    acknowledged gaps of the whole log before it: whoever reads the case must know that lines were lost.
    """
    head = Head.objects.filter(size=size).first() if size else Head.objects.order_by("-size").first()
    events = list(Event.objects.of_case(case).filter(leaf__index__lt=head.size)) if head else []
    proofs, gaps = inclusions(events, head=head), _gaps(head)
    return {
        "origin": origin(),
        "public_key": base64.b64encode(checkpoint.raw_public(public_key())).decode(),
        "checkpoint": proofs[0].note if proofs else "",
        "entries": [_plain(proof) for proof in proofs],
        "gaps": [_plain(proof) for proof in inclusions(gaps, head=head)] if gaps else [],
    }


def under_present_key(note: str) -> str:
    """The same head under the key in use, when one before it had signed: who checks it needs one key only."""
    try:
        checkpoint.read(note, key=public_key())
    except BadCheckpoint:
        signed, _ = checkpoint.read_by(note, keys=public_keys())
        return checkpoint.sign(signed, key=signing_key())
    return note


def _plain(proof: Inclusion) -> dict[str, Any]:
    return {"event": dict(proof.event), "index": proof.index, "path": list(proof.path)}


def _gaps(head: Head | None) -> list[Event]:
    return list(Event.objects.filter(kind=GAP, leaf__index__lt=head.size).order_by("pk")) if head else []


def consistency(*, old: Head, new: Head) -> list[str]:
    """Proof, in hex, that the log under ``new`` only appends to that under ``old``."""
    hashes = Leaf.objects.filter(index__lt=new.size).values_list("hash", flat=True)
    return [node.hex() for node in merkle.consistency_proof([bytes.fromhex(h) for h in hashes], old=old.size)]


def verify_all() -> verifier.Findings:
    """Recompute the whole log, its heads, its openings, and compare the copy of the last head kept outside."""
    heads, (key, *former) = signed_heads(), public_keys()
    found = verifier.verify(_lines(), heads=heads, key=key, former=former, origin=origin())
    lost = Event.objects.filter(leaf__isnull=True, waiting__isnull=True).count()
    extra = [f"{lost} events are neither in the tree nor waiting for it"] if lost else []
    try:
        succession.kept(Path(settings.OUBLI_KEYS), origin=origin())
    except BadSuccession as error:
        extra.append(str(error))
    extra += witness.problems(Path(settings.OUBLI_KEYS), keys=(key, *former), heads=heads)
    return verifier.Findings(found.lines, found.heads, found.root, (*found.problems, *extra))


def signed_heads() -> list[verifier.SignedHead]:
    """Every head that the log signed, as stored."""
    return [verifier.SignedHead(h.size, h.root, h.note) for h in Head.objects.all()]


def _lines() -> Iterator[verifier.Line]:
    leaves = Leaf.objects.select_related("event", "event__opening").order_by("index")
    for leaf in leaves.iterator(chunk_size=2000):
        opening = getattr(leaf.event, "opening", None)
        yield verifier.Line(
            leaf.index,
            leaf.hash,
            fields_of(leaf.event),
            salt=opening.salt if opening else None,
            detail=opening.detail if opening else None,
        )


def forget_words(case: str) -> int:
    """Remove what opens the commitments of a case, when its retention ends; the log stays valid. Returns how many."""
    with transaction.atomic():
        count, _ = Opening.objects.filter(event__case=case).delete()
    return count
