"""The log in the database: what may be recorded, how it is ordered and signed, and which tampering is seen."""

from __future__ import annotations

import base64
import copy
import random
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from compliance.audit import checkpoint, merkle, services, triggers, verifier, witness
from compliance.audit.errors import BadCheckpoint, NotInTransaction, NotLogged
from compliance.audit.models import Event, Head, Leaf, Opening

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> Path:
    settings.OUBLI_KEYS = tmp_path / "keys"
    return tmp_path / "keys"


def _record(number: int = 0, case: str = "OUB-2026-0001") -> Event:
    return services.record("moved", case=case, entity="aurora-de", by="Olga", detail={"to": "ACCEPTED", "n": number})


def _log(count: int) -> list[Event]:
    events = [_record(number) for number in range(count)]
    assert services.sequence() == count
    return events


def test_a_recorded_event_waits_and_is_then_sequenced_once() -> None:
    event = _record()
    with pytest.raises(NotLogged):
        services.inclusion(event)
    assert services.sequence() == 1
    assert services.sequence() == 0
    assert Leaf.objects.get(event=event).index == 0


def test_the_sequencer_costs_one_query_when_there_is_nothing_new(django_assert_num_queries: Any) -> None:
    _log(3)
    with django_assert_num_queries(1):
        services.sequence()


def test_batches_give_the_same_root_as_one_run() -> None:
    for number in range(7):
        _record(number)
    while services.sequence(limit=2):
        pass
    hashes = [bytes.fromhex(value) for value in Leaf.objects.values_list("hash", flat=True)]
    assert [head.size for head in Head.objects.all()] == [2, 4, 6, 7]
    assert Head.objects.get(size=7).root == merkle.root(hashes).hex()
    assert services.verify_all().holds


def test_an_inclusion_proof_convinces_somebody_who_has_only_the_public_key() -> None:
    events = _log(11)
    proof = services.inclusion(events[6])
    head = checkpoint.read(proof.note, key=services.public_key())
    leaf = merkle.leaf_hash(verifier.leaf_data(proof.event))
    path = [bytes.fromhex(node) for node in proof.path]
    assert merkle.verify_inclusion(leaf, index=proof.index, size=head.size, path=path, expected=head.root)
    forged = merkle.leaf_hash(verifier.leaf_data({**proof.event, "actor": "Amir"}))
    assert not merkle.verify_inclusion(forged, index=proof.index, size=head.size, path=path, expected=head.root)


def test_the_proof_of_a_case_stays_that_of_its_head() -> None:
    _log(4)
    services.record("moved", case="another", entity="e", by="system")
    services.sequence()
    first = services.log_proof("OUB-2026-0001", size=4)
    _log(2)
    assert services.log_proof("OUB-2026-0001", size=4) == first
    assert [entry["index"] for entry in services.log_proof("OUB-2026-0001")["entries"]] == [0, 1, 2, 3, 5, 6]
    assert services.log_proof("nobody's")["entries"] == []


def test_any_two_heads_are_shown_to_be_consistent() -> None:
    _log(5)
    _log(8)
    old, new = Head.objects.get(size=5), Head.objects.get(size=13)
    path = [bytes.fromhex(node) for node in services.consistency(old=old, new=new)]
    roots = {"old_root": bytes.fromhex(old.root), "new_root": bytes.fromhex(new.root)}
    assert merkle.verify_consistency(old=5, new=13, path=path, **roots)


def test_the_leaf_holds_no_word_of_the_opening_and_the_log_outlives_it() -> None:
    event = services.record("noted", case="C-1", entity="e", by="Olga", detail={"note": "anything said here"})
    services.sequence()
    assert "anything" not in verifier.leaf_data(services.fields_of(event)).decode()
    assert services.forget_words("C-1") == 1
    assert Event.objects.get(pk=event.pk).words() == {}
    assert services.verify_all().holds


def test_equal_words_have_unequal_commitments() -> None:
    first, second = _record(), _record()
    assert first.commitment != second.commitment


@pytest.mark.parametrize("model", [Event, Leaf, Head])
def test_the_database_refuses_to_change_or_remove_a_line(model: Any) -> None:
    _log(2)
    field = {Event: "actor", Leaf: "hash", Head: "note"}[model]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.update(**{field: F(field)})
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.all()._raw_delete("default")


def test_words_may_go_but_never_change() -> None:
    event = _record()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Opening.objects.filter(event=event).update(detail={"to": "REFUSED"})


def test_an_event_written_behind_the_triggers_is_seen() -> None:
    events = _log(4)
    with triggers.lifted(connection):
        Event.objects.filter(pk=events[1].pk).update(actor="nobody")
    found = services.verify_all()
    assert found.problems[0] == "line 1: its fields are not those that were hashed"
    assert "its root is not that of the first 4 lines" in found.problems[1]


def test_an_event_that_lost_its_place_is_seen() -> None:
    event = _record()
    event.waiting.delete()
    assert services.verify_all().problems == ("1 events are neither in the tree nor waiting for it",)


def test_a_restored_older_database_is_seen(keys: Path) -> None:
    _log(3)
    note = checkpoint.sign(checkpoint.Checkpoint(services.origin(), 9, bytes(32)), key=services.signing_key())
    witness.replace(keys, note=note)
    assert "restored from older" in services.verify_all().problems[0]
    witness.remember(keys, note=Head.objects.get(size=3).note, keys=[services.public_key()], known=lambda *_: True)
    assert "a head of 9 lines" in services.verify_all().problems[0], "an older head must not replace a newer one"


def test_verify_log_says_so_in_words_and_by_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    events = _log(3)
    call_command("verify_log")
    assert "The log holds: 3 lines under 1 signed heads." in capsys.readouterr().out
    with triggers.lifted(connection):
        Event.objects.filter(pk=events[0].pk).update(kind="other")
    with pytest.raises(CommandError, match="does not hold"):
        call_command("verify_log")


def test_the_log_key_is_made_once_and_only_its_owner_reads_it(keys: Path) -> None:
    first = checkpoint.load_key(keys)
    assert checkpoint.raw_public(checkpoint.load_key(keys).public_key()) == checkpoint.raw_public(first.public_key())
    assert stat.S_IMODE((keys / checkpoint.KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in keys.iterdir()] == [checkpoint.KEY_FILE]


def test_a_head_is_refused_under_another_key_or_after_any_changed_byte(keys: Path, tmp_path: Path) -> None:
    key = checkpoint.load_key(keys)
    note = checkpoint.sign(checkpoint.Checkpoint("oubli/log", 5, bytes(range(32))), key=key)
    assert checkpoint.read(note, key=key.public_key()).size == 5
    with pytest.raises(BadCheckpoint, match="not signed by key"):
        checkpoint.read(note, key=checkpoint.load_key(tmp_path / "other").public_key())
    for at, letter in enumerate(note.rstrip("\n")):
        changed = note[:at] + ("A" if letter != "A" else "B") + note[at + 1 :]
        with pytest.raises(BadCheckpoint):
            checkpoint.read(changed, key=key.public_key())


def test_the_key_id_is_that_of_the_signed_note_specification() -> None:
    # The example verifier key of golang.org/x/mod/sumdb/note.
    name, stated, raw = "PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(raw)[1:])
    assert checkpoint.key_id(name, public).hex() == stated


def _export() -> tuple[list[verifier.Line], list[verifier.SignedHead]]:
    return list(services._lines()), [verifier.SignedHead(h.size, h.root, h.note) for h in Head.objects.all()]


def _tamper(lines: list[verifier.Line], heads: list[verifier.SignedHead], chance: random.Random) -> str:
    """One change that somebody with the whole export could make; returns its name."""
    kind = chance.choice(["field", "remove", "swap", "repeat", "words", "hash", "root", "note", "cut"])
    at = chance.randrange(len(lines) - 1)
    line = lines[at]
    if kind == "field":
        name = chance.choice(verifier.LEAF_FIELDS)
        lines[at] = verifier.Line(line.index, line.hash, {**line.fields, name: line.fields[name] + "x"})
    elif kind == "remove":
        del lines[at]
    elif kind == "swap":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif kind == "repeat":
        lines.insert(at, line)
    elif kind == "words":
        lines[at] = verifier.Line(line.index, line.hash, line.fields, salt=line.salt, detail={"to": "other"})
    elif kind == "hash":
        lines[at] = verifier.Line(line.index, "0" + line.hash[:-1], line.fields)
    elif kind == "cut":
        del lines[-1]
    else:
        head = heads[-1]
        root = "0" * 64 if kind == "root" else head.root
        note = head.note.replace(str(head.size), str(head.size + 1), 1) if kind == "note" else head.note
        heads[-1] = verifier.SignedHead(head.size, root, note)
    return kind


def test_three_hundred_tamperings_of_an_export_are_all_seen_and_the_honest_one_is_not() -> None:
    _log(9)
    _log(14)
    honest = _export()
    key = services.public_key()
    assert verifier.verify(honest[0], heads=honest[1], key=key, origin=services.origin()).holds
    chance = random.Random(20261121)
    for _ in range(300):
        lines, heads = copy.copy(honest[0]), copy.copy(honest[1])
        kind = _tamper(lines, heads, chance)
        assert not verifier.verify(lines, heads=heads, key=key, origin=services.origin()).holds, kind


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_of_its_fact(django_db_blocker: Any) -> None:
    with pytest.raises(NotInTransaction, match="recording moved"):
        _record()
