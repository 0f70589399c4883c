"""A case over a folder in which every file but two is hostile: those two are searched, the others are named."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import pytest

from compliance.accounts.models import LegalEntity
from compliance.intake import decisions, services, vault
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Unattended
from compliance.provenance import registration
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote
from compliance.provenance.places import connector_of, place_of
from compliance.rules.terms import Ground
from compliance.worker import staff
from tests.provenance.hostile import HER, HOSTILE

SYSTEMS = """
entities:
  - {id: firm, name: Firm, law: [gdpr], country: DE, time_zone: Europe/Berlin, contact: a@firm.example, authority: B}
artifacts:
  - id: dump
    name: Dump
    kind: dataset
    connector: files
    location: dump
    entity: firm
    purpose: service
    lawful_basis: contract
    retention: 2 years
    key_field: id
    subject_fields: [email]
    options: {max_decoded_bytes: 32000000}
"""
GOOD = b'{"id": "1", "email": "' + HER + b'"}\n{"id": "2", "email": "bob@post.example"}\n'
MOST_SECONDS, MOST_MEGABYTES = 240, 1_500
UNREAD = sorted(name for name, (_, unread) in HOSTILE.items() if unread)


@pytest.fixture
def case(tmp_path: Path, transactional_db: None, settings: Any) -> ErasureRequest:
    """Ana's case, accepted, at a firm with one folder."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    folder = tmp_path / "dump"
    folder.mkdir()
    for name, (make, _) in HOSTILE.items():
        make(folder / name)
    (folder / "a.jsonl").write_bytes(GOOD)
    (folder / "z.jsonl").write_bytes(GOOD.replace(b'"1"', b'"3"').replace(b'"2"', b'"4"'))
    (tmp_path / "systems.yaml").write_text(SYSTEMS)
    registration.register(tmp_path / "systems.yaml", by="test")
    by = staff.ensure_demo_staff()["olga.demo"]
    form = services.Submission(entity=LegalEntity.objects.get(), email=HER.decode(), name="Ana Lima")
    receipt = services.submit(form)
    notice = receipt.request.notices.get(kind="acknowledged")
    code = vault.decrypt(vault.case_key(receipt.request), bytes(notice.sealed or b""))["code"]
    found = services.confirm(receipt.reference, code)
    decisions.accept(found, by=by, reasons=decisions.Reasons(ground=Ground.CONSENT_WITHDRAWN))
    return ErasureRequest.objects.select_related("entity").get(pk=found.pk)


@pytest.mark.slow
def test_a_case_reads_the_honest_files_and_names_every_hostile_one(case: ErasureRequest, tmp_path: Path) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    provenance.trace(case, Unattended())
    assert {row["record"] for _, row in provenance.opened_traces(case)} == {"1", "3"}
    note = SearchNote.objects.get(request=case)
    described = connector_of(Artifact.objects.get()).describe(place_of(Artifact.objects.get()))
    told = " ".join(part.why for part in described.unread)
    assert [name for name in UNREAD if name not in told] == []
    assert [name for name in set(HOSTILE) - set(UNREAD) if name in told] == []
    assert note.facts["unread"] == len(described.unread) and note.note.startswith("Not read: ")
    assert all(len(part.next_action) > 20 for part in described.unread)
    place, connector = place_of(Artifact.objects.get()), connector_of(Artifact.objects.get())
    receipt = connector.erase(place, records=["1", "3"])
    assert (receipt.removed, receipt.remaining, receipt.others_untouched) == (2, 0, True)
    assert (tmp_path / "dump" / "a.jsonl").read_bytes() == GOOD.splitlines(keepends=True)[1]
    assert not list(Path("/tmp").glob("oubli-was-here*"))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert used / 1024 < MOST_MEGABYTES
    assert time.process_time() - started < MOST_SECONDS
