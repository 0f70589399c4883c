"""A restored older log cannot grow over its gap; who answers for it is said by every later verification."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from compliance.accounts.models import LegalEntity, Membership, User
from compliance.audit import checkpoint, gaps, services, witness
from compliance.audit.errors import NoSuchGap
from compliance.audit.models import Event, Head
from compliance.evidence import verify
from compliance.rules.terms import Role

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "the disk of the database was lost, Tuesday's backup was restored"


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> Path:
    settings.OUBLI_KEYS = tmp_path / "keys"
    return tmp_path / "keys"


def log(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            services.record("moved", case="OUB-2026-0001", entity="firm", by="Olga", detail={"n": number})
    services.sequence()


@pytest.fixture
def restored(keys: Path) -> str:
    """A log of three lines beside the copy of a head of nine; returns that head's note."""
    log(3)
    lost = checkpoint.Checkpoint(services.origin(), 9, bytes(range(32)))
    note = checkpoint.sign(lost, key=services.signing_key())
    witness.replace(keys, note=note)
    return note


@pytest.fixture
def olga() -> User:
    olga = User.objects.create_user("olga")
    firm = LegalEntity.objects.create(slug="firm", name="Firm")
    Membership.objects.create(user=olga, entity=firm, role=Role.OFFICER)
    return olga


def told(capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[int, str]:
    """Exit status and everything that verify_log says."""
    try:
        call_command("verify_log", **options)
    except CommandError as error:
        seen = capsys.readouterr()
        return error.returncode, f"{seen.out}{seen.err}{error}"
    return 0, capsys.readouterr().out


def test_a_restored_log_does_not_grow_over_its_gap(restored: str, keys: Path) -> None:
    log(10)
    assert witness.kept(keys) == restored
    assert any("the head of 9 lines" in said or "a head of 9 lines" in said for said in services.verify_all().problems)


def test_a_log_that_lost_nothing_keeps_its_newest_head_outside(keys: Path) -> None:
    log(2)
    log(2)
    assert witness.kept(keys) == Head.objects.get(size=4).note


def test_an_acknowledged_gap_is_said_for_ever_and_has_an_exit_status_of_its_own(
    restored: str, keys: Path, olga: User, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys)[0] == 1
    status, said = told(capsys, acknowledge=REASON, by="olga")
    assert status == 3
    log(12)
    again, later = told(capsys)
    assert again == 3
    for words in (said, later):
        assert "acknowledged gap: 9 lines under root 0001020304050607…" in words
        assert f"olga on {Event.objects.get(kind=services.GAP).at:%Y-%m-%d}: {REASON}" in words
    assert Event.objects.get(kind=services.GAP).words()["signed"] == restored
    witness.replace(keys, note=restored)
    assert told(capsys)[0] == 1, "a second restore is another gap"


def test_only_an_officer_answers_and_only_for_a_gap(
    restored: str, olga: User, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    User.objects.create_user("eve")
    assert told(capsys, acknowledge=REASON, by="eve")[0] == 1
    assert told(capsys, acknowledge=" ", by="olga")[0] == 1
    assert not Event.objects.filter(kind=services.GAP).exists()
    event = Event.objects.get(leaf__index=2)
    with transaction.atomic():
        Event.objects.create(kind="x", case="", entity="", actor="x", at=event.at, commitment="")
    with pytest.raises(NoSuchGap, match="more than a gap"):
        gaps.acknowledge(by="olga", reason=REASON)
    assert witness.kept(keys) == restored


def test_there_is_nothing_to_acknowledge_in_a_log_that_holds(olga: User) -> None:
    log(3)
    with pytest.raises(NoSuchGap, match="has none"):
        gaps.acknowledge(by="olga", reason=REASON)


def test_an_auditors_offline_check_says_the_gap(restored: str, olga: User) -> None:
    gaps.acknowledge(by="olga", reason=REASON)
    log(2)
    head = Head.objects.order_by("-size").first()
    proof = json.loads(json.dumps(services.log_proof("OUB-2026-0001")))
    stated = {"origin": services.origin(), "size": head.size, "root": head.root, "entries": len(proof["entries"])}
    dossier = {"reference": "OUB-2026-0001", "log": stated, "timeline": []}
    public = checkpoint.raw_public(services.public_key())
    assert "; lines were lost before, says olga on 20" in verify.check_log(dossier, proof, public=public)
    forged = copy.deepcopy(proof)
    forged["gaps"][0]["event"]["actor"] = "nobody"
    with pytest.raises(verify.Broken, match="not in the signed log"):
        verify.check_log(dossier, forged, public=public)
