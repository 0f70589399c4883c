"""A case that is forgotten leaves no byte of the person: database, journal, mail folder, packs, logs; the log holds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake import decisions, retention, services, vault
from compliance.intake.models import CaseKey, ErasureRequest, Retention
from compliance.provenance.models import Trace
from compliance.rules.errors import IllegalMove, NotFoundHere
from compliance.rules.terms import State
from compliance.settings import BASE_DIR
from compliance.worker import oblivion, tasks
from tests.web import seeded
from tests.web.conftest import aurora, own_keys

__all__ = ["aurora", "own_keys"]

# Nora's whole case in an installation of its own; what is printed is the case's reference and the bytes of its key.
LIFE = """
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.intake import additions, attachments, decisions, drafts, services
from compliance.intake.decisions import Reasons
from compliance.intake.form import Clue
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.intake.services import Identifier
from compliance.rules import asking
from compliance.rules.terms import Exemption, IdentifierKind, Role
from compliance.worker import demo, tasks
from datetime import date
call_command("migrate", verbosity=0)
firm = LegalEntity.objects.create(slug="firm", name="Firm", laws=["gdpr"], country="DE", contact="dpo@firm.example",
                                  authority="BfDI", time_zone="Europe/Berlin")
olga = User.objects.create_user(username="olga", password="a long phrase 7")
accounts.grant(olga, firm, Role.OFFICER)
upload = attachments.receive("nora-lind.txt", b"The bot said: Nora Lind, Elm Street 4.")[1]
receipt = services.submit(services.Submission(
    entity=firm, email="nora.lind@example.org", name="Nora Lind", details="I am Nora of Elm Street 4.",
    others=[Identifier(IdentifierKind.PHONE, "+49 30 901820")], uploads=[upload],
    clues=[Clue(asking.Clue.PROMPT, "Where does Nora Lind live?")]))
tasks.post_letters()
case = services.confirm(receipt.reference, demo.code_for(receipt.reference))
additions.add(case, words="Nora again, of Elm Street 4.")
decisions.refuse(case, by=olga, reasons=Reasons(
    exemption=Exemption.LEGAL_CLAIMS, reason="Nora Lind of Elm Street 4 owes an invoice.", review_on=date(2030, 1, 2)))
tasks.post_letters()
tasks.look()
tasks.post_letters()
case = ErasureRequest.objects.get()
print(case.reference, case.state, bytes(CaseKey.objects.get().wrapped).hex())
"""
PERSON = (b"nora.lind", b"Nora Lind", b"Elm Street", b"901820", b"Nora")


def run(var: Path, *arguments: str, code: str = "") -> str:
    """A command of the installation in ``var``, in a process of its own."""
    command = [sys.executable, "manage.py", *arguments] if arguments else [sys.executable, "-c", code]
    environment = {**os.environ, "OUBLI_VAR": str(var), "DJANGO_SETTINGS_MODULE": "compliance.settings"}
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def found(var: Path, needles: tuple[bytes, ...]) -> list[str]:
    """Files below the folder that hold one of the byte strings, but for the keys' own folder."""
    files = [path for path in var.rglob("*") if path.is_file() and "keys" not in path.relative_to(var).parts]
    read = [(path.name, layer) for path in files for layer in layers(path)]
    return [f"{name}: {needle!r}" for name, layer in read for needle in needles if needle in layer]


def layers(path: Path) -> Iterator[bytes]:
    """A file's bytes; of an archive each member's too, and of a printed report its text."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as pack, tempfile.TemporaryDirectory() as folder:
            for name in pack.namelist():
                member = Path(folder) / Path(name).name
                member.write_bytes(pack.read(name))
                yield from layers(member)
    if path.suffix == ".pdf":
        yield subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True).stdout


def test_after_a_case_is_forgotten_no_byte_of_the_person_is_left(tmp_path: Path) -> None:
    var = tmp_path / "var"
    reference, state, key = run(var, code=LIFE).split()
    before = found(var, PERSON)
    assert state == State.CLOSED and any(name.startswith("2") for name in before), "the letters lie in the mail folder"
    assert found(var, (bytes.fromhex(key),)), "the wrapped key lies in the database"
    assert "is forgotten" in run(var, "forget_case", reference)
    assert found(var, (*PERSON, bytes.fromhex(key))) == []
    assert "The log holds" in run(var, "verify_log")
    packs = list((var / "evidence" / reference).glob("*.zip"))
    assert packs and found(var, (reference.encode(),)), (
        "the pack stays, and is read through: it holds facts about nobody"
    )


def test_every_model_with_personal_fields_is_emptied_or_is_not_about_a_case() -> None:
    emptied = {model.__name__ for model, _ in oblivion.personal_models()}
    ours = [m for m in apps.get_models() if m.__module__.startswith("compliance.") and vars(m)["PERSONAL"]]
    # Staff; the log's own rows (their words go with ``forget_words``, their authors are staff or "data subject");
    # forms that were not sent (they go by their own date); orders of other systems, which belong to no case here.
    apart = {"User", "Event", "Opening", "Draft", "UnlearningJob"}
    assert {"ErasureRequest", "Decision", "Notice", "Attachment", "Trace"} <= emptied
    assert {m.__name__ for m in ours} - emptied <= apart


def test_an_open_case_is_not_forgotten(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    with pytest.raises(IllegalMove):
        oblivion.forget(case, by="test")
    with pytest.raises(CommandError, match="has not ended"):
        call_command("forget_case", case.reference)
    assert vault.opened(case)["name"] == "Alice Martin"
    with pytest.raises(CommandError, match="no case"):
        call_command("forget_case", "OUB-0000-0000")


def test_an_answered_case_is_forgotten_early_when_that_is_asked_for(aurora: seeded.Company, capsys: Any) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    assert Trace.objects.filter(request=case).exists()
    call_command("forget_case", case.reference, "--early")
    assert "is forgotten" in capsys.readouterr().out
    case.refresh_from_db()
    assert case.state == State.CLOSED and not Trace.objects.filter(request=case).exists()
    with pytest.raises(NotFoundHere):
        vault.opened(case)


def test_the_schedule_forgets_on_its_day_and_not_before(aurora: seeded.Company) -> None:
    case, open_case = seeded.verified(aurora), seeded.verified(aurora, email="other@example.org")
    decisions.withdraw(case)
    today = timezone.now().date()
    ends = Retention.objects.get(request=case).ends_on
    assert ends > today + timedelta(days=1000)
    assert oblivion.forget_due(ends - timedelta(days=1)) == 0
    assert oblivion.forget_due(ends) == 1
    assert oblivion.forget_due(ends) == 0
    assert CaseKey.objects.get(request=case).wrapped is None
    assert CaseKey.objects.get(request=open_case).wrapped is not None


def test_what_nobody_confirmed_goes_soon(aurora: seeded.Company) -> None:
    request = seeded.submitted(aurora).request
    request.confirmations.update(expires_at=timezone.now())
    services.lapse(request)
    soon = timezone.now().date() + timedelta(days=retention.NEVER_CONFIRMED_DAYS)
    assert Retention.objects.get(request=request).ends_on == soon


def test_a_case_that_reopens_is_not_due(aurora: seeded.Company) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    services.move(case, to=State.CLOSED, by=services.SYSTEM)
    assert Retention.objects.filter(request=case).exists()
    decisions.challenge(case, reason="It is still there.")
    assert not Retention.objects.filter(request=case).exists()


def test_the_log_still_verifies_and_its_proofs_are_unchanged(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    decisions.withdraw(case)
    audit.sequence()
    before = audit.log_proof(case.reference)["entries"]
    oblivion.forget(case, by="test")
    audit.sequence()
    assert audit.verify_all().holds
    assert [e["event"] for e in audit.log_proof(case.reference)["entries"]][: len(before)] == [
        e["event"] for e in before
    ]


def test_pages_of_a_forgotten_case_still_open(aurora: seeded.Company) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    tasks.post_letters()
    oblivion.end_early(case)
    oblivion.forget(ErasureRequest.objects.get(pk=case.pk), by="test")
    from django.test import Client

    from tests.web.test_subject import open_directly

    client = Client()
    open_directly(client, ErasureRequest.objects.get(pk=case.pk))
    page = client.get("/status/case/")
    assert page.status_code == 200 and "Alice" not in page.content.decode()
    office = Client()
    office.force_login(aurora.olga, backend="django.contrib.auth.backends.ModelBackend")
    shown = office.get(f"/officer/cases/{case.reference}/")
    assert shown.status_code == 200 and "has been destroyed" in shown.content.decode()
