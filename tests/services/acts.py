"""What processes of the tests do inside an installation: ``python -m tests.services.acts NAME ARGUMENTS``.

What a function returns is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from compliance.accounts.models import LegalEntity  # noqa: E402
from compliance.audit import services as audit  # noqa: E402
from compliance.intake import decisions, services, vault  # noqa: E402
from compliance.intake.models import ErasureRequest, Notice  # noqa: E402
from compliance.jobs import services as jobs  # noqa: E402
from compliance.jobs.models import Job  # noqa: E402
from compliance.provenance import registration  # noqa: E402
from compliance.rules.errors import LeaseLost  # noqa: E402
from compliance.rules.terms import Ground, Work  # noqa: E402
from compliance.worker import staff  # noqa: E402


def found(systems: str) -> dict[str, int]:
    """Register the company of a systems.yaml and its demonstration staff."""
    summary = registration.register(Path(systems), by="test")
    staff.ensure_demo_staff()
    return {"entities": summary.entities, "artifacts": summary.artifacts}


def ask(count: str) -> list[str]:
    """That many people ask, confirm by the code of their letter, and are accepted: their traces are due."""
    return [_accepted(number) for number in range(int(count))]


def _accepted(number: int) -> str:
    entity = LegalEntity.objects.get()
    receipt = services.submit(services.Submission(entity=entity, email=f"person{number}@example.org"))
    letter = Notice.objects.get(request=receipt.request, kind="acknowledged")
    assert letter.sealed is not None
    code = vault.decrypt(vault.case_key(receipt.request), bytes(letter.sealed))["code"]
    services.confirm(receipt.reference, str(code))
    return accept(receipt.reference)


def accept(reference: str) -> str:
    """The officer accepts."""
    case = ErasureRequest.objects.select_related("entity").get(reference=reference)
    olga = staff.ensure_demo_staff()["olga.demo"]
    reasons = decisions.Reasons(ground=Ground.CONSENT_WITHDRAWN, reason="test")
    decisions.accept(case, by=olga, reasons=reasons)
    return reference


def hire() -> list[str]:
    """The demonstration's staff, by user name."""
    return sorted(staff.ensure_demo_staff())


def confirm(reference: str, code: str) -> str:
    """The person confirms."""
    return str(services.confirm(reference, code).state)


def enqueue(count: str) -> int:
    """That many jobs, of cases that need not exist for a claim."""
    Job.objects.bulk_create(
        Job(case_id=uuid.uuid4(), work=Work.TRACE, due_at=timezone.now()) for _ in range(int(count))
    )
    return Job.objects.count()


def _ready(**said: object) -> None:
    """Say that this process is ready, and wait for a line: those that race start together."""
    print(json.dumps(said), flush=True)
    sys.stdin.readline()


def claim_all(name: str) -> list[str]:
    """Claim until nothing is due."""
    _ready()
    claimed = []
    while Job.objects.due(timezone.now()).exists():
        if job := jobs.claim(name):
            claimed.append(str(job.pk))
    return claimed


def hold(name: str) -> dict[str, Any]:
    """Claim, say so, wait for a line, then try to finish the job as its holder."""
    job = jobs.claim(name)
    assert job is not None
    _ready(fence=job.fence)
    try:
        with jobs.fenced(job):
            Job.objects.filter(pk=job.pk).update(message=f"written by {name}")
            jobs.finish(job)
    except LeaseLost:
        return {"wrote": False}
    return {"wrote": True}


def log(count: str) -> int:
    """Write that many events and sequence them as they come, as one of several workers."""
    _ready()
    for number in range(int(count)):
        with transaction.atomic():
            audit.record("test.event", case="", entity="", by="system", detail={"number": number})
        audit.sequence()
    return int(count)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
