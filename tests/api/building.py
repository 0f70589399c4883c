"""Two companies, their staff, and a case taken to wherever a test wants it, all by the real verbs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.audit.models import Event
from compliance.forgetting.models import ModelReference, UnlearningJob
from compliance.intake import decisions, services, vault
from compliance.intake.decisions import Reasons
from compliance.intake.models import ErasureRequest, Notice
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation.models import Plan, Step, Suppression
from compliance.provenance.models import Artifact, Derivation, Exclusion
from compliance.rules import identifiers
from compliance.rules.terms import Ground, Horizon, JobStatus, Role, State, StepStatus, Work

ALICE = "alice.moreau@example.org"
DIGEST = "d" * 64


@dataclass(frozen=True)
class Company:
    """A legal entity with one member of staff per role."""

    entity: LegalEntity
    staff: dict[Role, User] = field(default_factory=dict)


def company(slug: str) -> Company:
    """Found a company whose staff hold one role each."""
    entity = LegalEntity.objects.create(
        slug=slug,
        name=slug.title(),
        laws=["gdpr"],
        country="DE",
        time_zone="Europe/Berlin",
        contact="privacy office",
        authority="the authority",
    )
    staff = {}
    for role in Role:
        staff[role] = User.objects.create_user(username=f"{slug}-{role}")
        accounts.grant(staff[role], entity, role)
    return Company(entity, staff)


def client(user: User | None = None) -> Client:
    """A machine with the token of ``user``, or nobody's."""
    if user is None:
        return Client()
    return Client(headers={"Authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"})


def send(caller: Client, path: str, body: Any) -> Any:
    """POST JSON below /api/v1/."""
    return caller.post(f"/api/v1/{path}", body, content_type="application/json")


def ask(at: Company, *, email: str = ALICE) -> services.Receipt:
    """Alice asks for erasure."""
    return services.submit(services.Submission(entity=at.entity, email=email, name="Alice Moreau"))


def code_of(request: ErasureRequest) -> str:
    """The code from the letter that Alice got."""
    notice = Notice.objects.filter(request=request, kind="acknowledged").get()
    assert notice.sealed is not None
    return str(vault.decrypt(vault.case_key(request), bytes(notice.sealed))["code"])


def verified(at: Company, *, email: str = ALICE) -> ErasureRequest:
    """A case that waits for the officer."""
    receipt = ask(at, email=email)
    return services.confirm(receipt.reference, code_of(receipt.request))


def planned(at: Company) -> ErasureRequest:
    """A case whose plan waits for its approval."""
    case = verified(at)
    by = at.staff[Role.OFFICER]
    decisions.accept(case, by=by, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    services.move(case, to=State.TRACED, by="system")
    plan = Plan.objects.create(request=case, number=1, digest=DIGEST, thresholds={"exact": 0.0})
    Step.objects.create(
        plan=plan,
        artifact=artifact(at),
        action="erase_records",
        horizon=Horizon.SHORT_TERM,
        order=1,
        reason="Seven records are the person's.",
        count=7,
        planned={"action": "erase_records"},
        status=StepStatus.WAITING,
    )
    return services.move(case, to=State.PLANNED, by="system")


def artifact(at: Company, name: str = "tickets") -> Artifact:
    """A registered data set."""
    return Artifact.objects.get_or_create(
        slug=f"{at.entity.slug}-{name}",
        defaults={
            "name": name,
            "entity": at.entity,
            "kind": "dataset",
            "connector": "files",
            "location": "/secret/place",
            "purpose": "support",
            "lawful_basis": "contract",
            "retention": "two years",
        },
    )[0]


def stopped(case: ErasureRequest) -> Job:
    """A job of the case that needs a person."""
    job = jobs.enqueue(case.pk, Work.TRACE)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, finished_at=timezone.now())
    return job


@dataclass(frozen=True)
class World:
    """One id of everything that an address may name, of one company."""

    company: Company
    case: ErasureRequest
    job: Job
    step: Step
    event: str
    order: UnlearningJob

    def fills(self) -> dict[str, object]:
        """Values for the parameters of addresses."""
        return {
            "reference": self.case.reference,
            "job": self.job.pk,
            "number": 1,
            "step": self.step.pk,
            "event": self.event,
            "slug": "illegal-move",
            "order": self.order.pk,
            "name": "model.safetensors",
        }


def world(at: Company, evidence: Path) -> World:
    """A planned case with everything beside it."""
    case = planned(at)
    step = Step.objects.get(plan__request=case)
    own, made = artifact(at), artifact(at, "training")
    Derivation.objects.create(parent=own, child=made, run="clean", at=timezone.now())
    key = identifiers.keyed_hash(vault.lookup_key(), "email", f"{at.entity.slug}@example.org")
    Exclusion.objects.create(key=key, kind="identifier", case=case.reference)
    Suppression.objects.create(
        request=case, entity=at.entity, artifact=own, entries=[key], since=timezone.now() - timedelta(minutes=1)
    )
    report(case, evidence)
    audit.sequence()
    event = Event.objects.of_case(case.reference).first()
    assert event is not None
    return World(at, case, stopped(case), step, str(event.uid), unlearning_order(at))


def unlearning_order(at: Company) -> UnlearningJob:
    """An order that was cancelled before it began."""
    model = ModelReference.objects.create(entity=at.entity, slug="support", kind="language-model", location="model")
    ordered = UnlearningJob.objects.create(
        entity=at.entity, model=model, ordered_as="a test", forget={"rows": "x"}, spec={"method": "auto", "seed": 0}
    )
    Job.objects.create(case_id=ordered.pk, work=Work.UNLEARN, status=JobStatus.FAILED, due_at=timezone.now())
    return ordered


def report(case: ErasureRequest, evidence: Path) -> None:
    """An issued pack in the evidence folder."""
    evidence.mkdir(parents=True, exist_ok=True)
    content = b"PK\x05\x06" + bytes(18)
    (evidence / f"{case.reference}.zip").write_bytes(content)
    case.reports.create(
        number=1,
        round=case.round,
        dossier={},
        claims=[],
        pack=f"{case.reference}.zip",
        sha256=hashlib.sha256(content).hexdigest(),
        issued_at=timezone.now(),
    )
