"""The log's key is replaced: what was signed holds, the old key signs nothing more, a kill in between loses nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import transaction

from compliance.audit import checkpoint, gaps, new_key, services, succession, verifier, witness
from compliance.audit.errors import BadSuccession
from compliance.audit.models import Head
from compliance.evidence import signing
from compliance.rules.errors import NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def log(tmp_path: Path, settings: Any) -> Path:
    """A log of three lines under its first key."""
    settings.OUBLI_KEYS = str(tmp_path)
    _record(3)
    return tmp_path


def _record(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            services.record("case.moved", case="OU-1", entity="aurora", by="system", detail={"n": number})
    services.sequence()


def test_old_heads_hold_under_a_new_key_and_so_do_the_next() -> None:
    first = checkpoint.fingerprint(services.public_key())
    second = new_key.replace()
    _record(2)
    assert second == checkpoint.fingerprint(services.public_key()) != first
    assert services.verify_all().holds
    assert [checkpoint.fingerprint(key) for key in services.public_keys()] == [second, first]
    new_key.finish()
    third = new_key.replace()
    _record(1)
    assert services.verify_all().holds and len(services.public_keys()) == 3
    assert checkpoint.fingerprint(services.public_keys()[0]) == third


def test_a_proof_of_an_old_head_is_under_the_present_key() -> None:
    old = Head.objects.get(size=3)
    new_key.replace()
    proof = services.log_proof("OU-1", size=3)
    head = checkpoint.read(proof["checkpoint"], key=services.public_key())
    assert (head.size, head.root.hex()) == (3, old.root)
    assert proof["public_key"] == base64.b64encode(checkpoint.raw_public(services.public_key())).decode()


def test_a_key_that_was_given_up_signs_nothing_more(log: Path) -> None:
    old = services.signing_key()
    new_key.replace()
    _record(1)
    last = Head.objects.order_by("-size")[0]
    said = checkpoint.read(last.note, key=services.public_key())
    note = checkpoint.sign(said, key=old)
    heads = [verifier.SignedHead(h.size, h.root, note if h.pk == last.pk else h.note) for h in Head.objects.all()]
    key, *former = services.public_keys()
    found = verifier.verify(services._lines(), heads=heads, key=key, former=former, origin=services.origin())
    assert found.problems and "not signed by key" in found.problems[0]


@pytest.mark.parametrize("at", range(1, 6))
def test_a_kill_at_any_step_is_taken_up_where_it_was(at: int, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, calls = checkpoint.fingerprint(services.public_key()), [0]

    class Killed(BaseException):
        """As SIGKILL: no handler of ours runs."""

    def step(real: Any) -> Any:
        def run(*given: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] == at:
                raise Killed
            return real(*given, **named)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(new_key.checkpoint, "write_secret", step(checkpoint.write_secret))
        patch.setattr(new_key.succession, "keep", step(succession.keep))
        patch.setattr(new_key.services, "record", step(services.record))
        patch.setattr(new_key.services, "forget_key", step(services.forget_key))
        with pytest.raises(Killed):
            new_key.replace()
    services.forget_key()
    _record(1)  # what runs in between signs with the key that stands there
    second = new_key.replace()
    _record(1)
    assert services.verify_all().holds
    assert [checkpoint.fingerprint(key) for key in services.public_keys()] == [second, first]
    assert services.Event.objects.filter(kind=services.NEW_KEY).count() == 1


def test_a_restored_log_without_the_event_knows_its_old_heads(log: Path) -> None:
    old, new = services.signing_key(), Ed25519PrivateKey.generate()  # the rotation came after the backup
    checkpoint.write_secret(log / checkpoint.KEY_FILE, checkpoint.pem_of(new))
    succession.keep(log, [succession.agree(old=old, new=new, origin=services.origin())])
    lost = checkpoint.Checkpoint(services.origin(), 9, bytes(32))
    witness.replace(log, note=checkpoint.sign(lost, key=new))
    services.forget_key()
    found = services.verify_all().problems
    assert len(found) == 1 and "restored from older" in found[0]
    assert gaps.acknowledge(by="olga", reason="the disk was lost").lines == 9
    assert services.verify_all().holds


def test_without_the_file_beside_the_key_the_log_itself_knows_it(log: Path) -> None:
    new_key.replace()
    (log / succession.FILE).unlink()
    assert services.verify_all().holds


def test_a_second_rotation_waits_for_the_end_of_the_first() -> None:
    new_key.replace()
    with pytest.raises(BadSuccession, match="not finished"):
        new_key.replace()
    assert new_key.finish() and not new_key.finish()


def test_partners_with_either_key_believe_a_webhook_until_the_rotation_is_finished() -> None:
    def believed(key: str) -> bool:
        headers = signing.webhook_headers("one", b"{}")
        uid, at, signature = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        try:
            signing.check_webhook(public_key=key, uid=uid, at=at, signature=signature, body=b"{}")
        except NotAllowed:
            return False
        return True

    def public() -> str:
        return base64.b64encode(checkpoint.raw_public(services.public_key())).decode()

    old = public()
    new_key.replace()
    assert believed(old) and believed(public())
    new_key.finish()
    assert not believed(old) and believed(public())


@pytest.mark.parametrize("change", ["old", "new", "note", "order", "origin", "one signature"])
def test_a_statement_that_was_changed_is_refused(change: str) -> None:
    a, b, c = (Ed25519PrivateKey.generate() for _ in range(3))
    said = succession.agree(old=a, new=b, origin="oubli/log").plain()
    other = succession.agree(old=a, new=c, origin="oubli/log").plain()
    origin = "another/log" if change == "origin" else "oubli/log"
    if change in ("old", "new", "note"):
        said[change] = {"old": other["new"], "new": other["new"], "note": other["note"]}[change]
    elif change == "order":
        said["old"], said["new"] = said["new"], said["old"]
    elif change == "one signature":
        said["note"] = said["note"].rsplit("— ", 1)[0]
    with pytest.raises(BadSuccession):
        succession.read(said, origin=origin)


@pytest.mark.parametrize("content", ["", "[1]", '"x"', "\x00", json.dumps([{"old": "x"}])])
def test_a_damaged_file_of_keys_is_said_and_stops_nothing(log: Path, content: str) -> None:
    new_key.replace()
    new_key.finish()
    (log / succession.FILE).write_text(content)
    _record(2)
    assert len(services.public_keys()) == 2, "the log itself knows them"
    found = services.verify_all().problems
    assert len(found) == 1 and succession.FILE in found[0]
    with pytest.raises(CommandError, match=r"Nothing was rotated.*log-keys\.json"):
        call_command("rotate_log_key", stopped=True)
    assert len(services.public_keys()) == 2


def test_the_command_says_what_comes_next_and_asks_that_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="then say --stopped"):
        call_command("rotate_log_key")
    with pytest.raises(CommandError, match="No rotation waits"):
        call_command("rotate_log_key", stopped=True, finish=True)
    call_command("rotate_log_key", stopped=True)
    assert checkpoint.fingerprint(services.public_key()) in capsys.readouterr().out
    with pytest.raises(CommandError, match="Nothing was rotated"):
        call_command("rotate_log_key", stopped=True)
    call_command("rotate_log_key", stopped=True, finish=True)
    assert "destroyed" in capsys.readouterr().out
    call_command("verify_log")
