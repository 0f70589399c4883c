"""A small company in the database with a case in each state; people's decisions go through the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.evidence.models import Report
from compliance.intake import decisions, services, vault
from compliance.intake.decisions import Reasons
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.jobs.progress import Unattended
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Plan
from compliance.provenance.models import Artifact, Derivation, SearchNote, Trace
from compliance.rules.sentences import sentences
from compliance.rules.terms import (
    ArtifactKind,
    Exemption,
    Ground,
    Horizon,
    IdentifierKind,
    JobStatus,
    Law,
    Role,
    State,
    StepStatus,
    Support,
)
from compliance.rules.thresholds import Threshold, thresholds
from compliance.validation import claiming
from compliance.validation.models import Measurement

PASSWORD = "a long phrase for tests 7"
ALICE = "alice.martin@example.org"


@dataclass(frozen=True)
class Company:
    """A legal entity with its staff."""

    entity: LegalEntity
    olga: User
    bruno: User
    amir: User


def company(slug: str = "aurora", name: str = "Aurora Support GmbH", *, law: Law = Law.GDPR) -> Company:
    """An entity with an officer, an approver and an auditor, each named after the entity but for the first."""
    brazil = law is Law.LGPD
    entity = LegalEntity.objects.create(
        slug=slug,
        name=name,
        laws=[str(law)],
        country="BR" if brazil else "DE",
        time_zone="America/Sao_Paulo" if brazil else "Europe/Berlin",
        contact=f"privacy@{slug}.example",
        authority="ANPD" if brazil else "Berlin Commissioner for Data Protection",
    )
    suffix = "" if slug == "aurora" else f".{slug}"
    people = [
        _person(f"{first}{suffix}", entity, role)
        for first, role in (("olga", Role.OFFICER), ("bruno", Role.APPROVER), ("amir", Role.AUDITOR))
    ]
    return Company(entity, *people)


def _person(name: str, entity: LegalEntity, role: Role) -> User:
    user = User.objects.create_user(username=name, password=PASSWORD)
    accounts.grant(user, entity, role)
    return user


_ARTIFACTS = (
    ("tickets", "Support tickets", ArtifactKind.DATASET, "files"),
    ("customers", "Customer table", ArtifactKind.DATABASE, "sql"),
    ("chat_sft", "chat_sft_2026", ArtifactKind.DERIVED_DATASET, "files"),
    ("kb_chunks", "kb_chunks", ArtifactKind.DERIVED_DATASET, "files"),
    ("kb_index", "kb.faiss (IVF)", ArtifactKind.INDEX, "vector_index"),
    ("answers", "Answer cache", ArtifactKind.CACHE, "files"),
    ("chat_log", "Conversation log", ArtifactKind.LOG, "files"),
    ("support_lm", "support-7b-sft", ArtifactKind.MODEL, "model"),
    ("web_crawl", "Public web crawl", ArtifactKind.DATASET, "files"),
)
_MADE = (
    ("tickets", "chat_sft"),
    ("customers", "chat_sft"),
    ("tickets", "kb_chunks"),
    ("kb_chunks", "kb_index"),
    ("chat_sft", "support_lm"),
    ("web_crawl", "support_lm"),
    ("support_lm", "answers"),
    ("kb_index", "answers"),
)


def register(entity: LegalEntity) -> dict[str, Artifact]:
    """The company's register: sources, what was made from them, and the model."""
    made = {
        slug: Artifact.objects.create(
            slug=f"{entity.slug}-{slug}".replace("_", "-"),
            name=name,
            entity=entity,
            kind=kind,
            connector=connector,
            location=f"seeded/{slug}",
            purpose="Answering customers",
            lawful_basis="GDPR Art. 6(1)(b)",
            retention="3 years",
        )
        for slug, name, kind, connector in _ARTIFACTS
    }
    for parent, child in _MADE:
        Derivation.objects.create(parent=made[parent], child=made[child], run="2026-05-02", how="nightly run")
    return made


def submitted(
    firm: Company, *, email: str = ALICE, days_ago: float = 0, name: str = "Alice Martin"
) -> services.Receipt:
    """A request as the form sends it."""
    others = [services.Identifier(IdentifierKind.PHONE, "+49 30 901820")]
    form = services.Submission(
        entity=firm.entity, email=email, name=name, others=others, details="You chatted with me."
    )
    return services.submit(form, received_at=timezone.now() - timedelta(days=days_ago))


def code_of(request: ErasureRequest) -> str:
    """The code, as only the letter has it."""
    notice = request.notices.get(kind="acknowledged")
    assert notice.sealed is not None
    return str(vault.decrypt(vault.case_key(request), bytes(notice.sealed))["code"])


def verified(firm: Company, *, email: str = ALICE, days_ago: float = 1) -> ErasureRequest:
    """Address confirmed."""
    receipt = submitted(firm, email=email, days_ago=days_ago)
    return services.confirm(receipt.reference, code_of(receipt.request))


def accepted(firm: Company, *, email: str = ALICE, days_ago: float = 3) -> ErasureRequest:
    """Accepted by the officer; the search is queued."""
    request = verified(firm, email=email, days_ago=days_ago)
    decisions.accept(request, by=firm.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    return request


_FOUND = {
    "tickets": ((Support.EXACT, 9), (Support.NORMALISED, 2)),
    "customers": ((Support.EXACT, 1),),
    "chat_sft": ((Support.LINEAGE, 8), (Support.EXACT, 3)),
    "kb_chunks": ((Support.CONTENT, 4), (Support.EXACT, 6)),
    "kb_index": ((Support.LINEAGE, 10),),
    "answers": ((Support.EXACT, 2),),
    "chat_log": ((Support.EXACT, 1),),
}


def planned(
    firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 6, candidates: int = 0
) -> ErasureRequest:
    """Searched and planned: the rows that the worker writes, and the plan by the real rules."""
    request = accepted(firm, email=email, days_ago=days_ago)
    finish_jobs(request)
    key = vault.case_key(request)
    rows = [(slug, support, n) for slug, found in _FOUND.items() for support, count in found for n in range(count)]
    for slug, support, n in rows:
        _trace(request, made[slug], support, f"{support}-{n}", key)
    for n in range(candidates):
        _trace(request, made["tickets"], Support.NAME, f"ticket-{881 + n}", key)
    for slug, artifact in made.items():
        _note(request, slug, artifact)
    with transaction.atomic():
        detail = {"records": len(rows), "candidates": candidates}
        audit.record("trace.written", case=request.reference, entity=firm.entity.slug, by="system", detail=detail)
    services.move(request, to=State.TRACED, by=services.SYSTEM)
    mitigation.draft(request, Unattended())
    services.move(request, to=State.PLANNED, by=services.SYSTEM)
    finish_jobs(request)
    return request


def _trace(request: ErasureRequest, artifact: Artifact, support: Support, record: str, key: bytes) -> None:
    Trace.objects.create(
        request=request,
        artifact=artifact,
        record_key=f"{artifact.slug}:{record}"[:64],
        support=support,
        candidate=support is Support.NAME,
        sealed=vault.encrypt(key, {"record": record, "spans": [{"field": "text", "start": 4, "end": 16}]}),
    )


def _note(request: ErasureRequest, slug: str, artifact: Artifact) -> None:
    model = slug == "support_lm"
    facts = {"ledger": True, "stages": 2, "first_exposure_stage": 2, "checkpoint": True, "exposed": True}
    SearchNote.objects.create(
        request=request,
        artifact=artifact,
        searched=not model,
        by_lineage=model,
        records=0 if model else 3120,
        facts=facts if model else {},
        note="Reached by lineage: weights hold no records to search." if model else "",
        at=timezone.now(),
    )


def plan_of(request: ErasureRequest) -> Plan:
    """The present plan."""
    plan = mitigation.current_plan(request)
    assert plan is not None
    return plan


def approved(firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 9) -> ErasureRequest:
    """Endorsed and approved by two people; the work is queued."""
    request = planned(firm, made, email=email, days_ago=days_ago)
    digest = plan_of(request).digest
    decisions.approve(request, by=firm.olga, plan_digest=digest, current_digest=digest)
    decisions.approve(request, by=firm.bruno, plan_digest=digest, current_digest=digest)
    return request


def working(firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 9) -> ErasureRequest:
    """Half way through the plan, a worker busy."""
    request = approved(firm, made, email=email, days_ago=days_ago)
    _do_steps(plan_of(request), share=0.5)
    Job.objects.of(request.pk).live().update(
        status=JobStatus.RUNNING,
        lease_until=timezone.now() + timedelta(hours=8),
        fraction=0.46,
        message="Rebuilding kb.faiss (IVF)",
        worker="cpu-1",
        attempts=1,
    )
    return request


def stopped(firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 24) -> ErasureRequest:
    """The work has failed for good: a person's turn."""
    request = approved(firm, made, email=email, days_ago=days_ago)
    _do_steps(plan_of(request), share=0.3)
    Job.objects.of(request.pk).live().update(
        status=JobStatus.FAILED,
        attempts=1,
        permanent=True,
        error_class="DamagedArtifact",
        error_message="Reading chat_sft_2026: the Parquet file ends before its footer.",
        next_action="Restore the artifact from its owner's copy, then continue the case.",
        finished_at=timezone.now(),
    )
    return request


def _do_steps(plan: Plan, *, share: float = 1.0) -> None:
    steps = list(plan.steps.exclude(horizon=Horizon.LONG_TERM).order_by("order"))
    for step in steps[: round(len(steps) * share)]:
        step.status, step.receipt, step.finished_at = StepStatus.DONE, {"level": "byte-checked"}, timezone.now()
        step.save()
    plan.steps.filter(horizon=Horizon.LONG_TERM).update(status=StepStatus.WAITING)


def validated(firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 12) -> ErasureRequest:
    """Carried out, measured, and the evidence written (a pack without content: its making is another floor's test)."""
    request = approved(firm, made, email=email, days_ago=days_ago)
    plan = plan_of(request)
    _do_steps(plan)
    services.move(request, to=State.MITIGATED, by=services.SYSTEM)
    for artifact in {step.artifact for step in plan.steps.exclude(artifact=None) if step.artifact}:
        for name, limit in thresholds(ArtifactKind(artifact.kind)).items():
            _measure(request, plan, artifact, name, limit)
    _measure_rates(request, plan, made["support_lm"])
    services.move(request, to=State.VALIDATED, by=services.SYSTEM)
    _report(request, plan)
    finish_jobs(request)
    return request


_VALUES = {"extraction_rate": 0.0002, "rank_test_p": 0.41, "residual_bits": 1.4, "utility_drop": 0.004}
_VALUES |= {"namesake_drop": 0.0, "membership_auc_distance": 0.06}


def _measure(request: ErasureRequest, plan: Plan, artifact: Artifact, name: str, limit: Threshold) -> None:
    value = _VALUES.get(name, 0.0)
    Measurement.objects.create(
        request=request,
        plan=plan,
        artifact=artifact,
        check_name="seeded",
        name=name,
        group="person",
        before=None if name in _VALUES else 9.0,
        value=value,
        unit=limit.unit[:30],
        threshold=f"{'<=' if limit.comparison == 'at_most' else '>='} {limit.limit:g}",
        verdict=limit.judge(value, powered=name != "membership_auc_distance"),
        at=timezone.now(),
    )


def _measure_rates(request: ErasureRequest, plan: Plan, model: Artifact) -> None:
    for name, group, before, value, low, high in (
        ("extraction", "person", 0.94, 0.02, 0.0, 0.07),
        ("extraction", "controls", 0.03, 0.03, 0.01, 0.06),
        ("exact_memorization", "person", 0.88, 0.31, 0.22, 0.4),
        ("exact_memorization", "controls", 0.29, 0.3, 0.24, 0.37),
        ("answers_of_others", "others", 0.97, 0.966, 0.94, 0.98),
    ):
        Measurement.objects.create(
            request=request,
            plan=plan,
            artifact=model,
            check_name="seeded",
            name=name,
            group=group,
            before=before,
            value=value,
            low=low,
            high=high,
            n=200,
            unit="share",
            at=timezone.now(),
        )


def _report(request: ErasureRequest, plan: Plan) -> Report:
    claims = [
        {"artifact": a.slug, "level": str(claim.level), "sentence": " ".join(sentences(claim))}
        for a, claim in claiming.claims_of(request, plan)
    ]
    return Report.objects.create(
        request=request,
        number=1,
        dossier={},
        claims=claims,
        pack=f"{request.reference}/{request.reference}-1.zip",
        sha256="3f" * 32,
        issued_at=timezone.now(),
    )


def answered(firm: Company, made: dict[str, Artifact], *, email: str = ALICE, days_ago: float = 14) -> ErasureRequest:
    """Signed off: the answer goes out."""
    request = validated(firm, made, email=email, days_ago=days_ago)
    decisions.sign_off(request, by=firm.olga)
    Report.objects.filter(request=request).update(signed_off_by=firm.olga)
    request.notices.update(sent_at=timezone.now())
    Job.objects.of(request.pk).live().update(due_at=timezone.now() + timedelta(days=7))
    return request


def refused(firm: Company, *, email: str = ALICE, days_ago: float = 5) -> ErasureRequest:
    """Refused under an exemption."""
    request = verified(firm, email=email, days_ago=days_ago)
    why = "The invoices must be kept for ten years."
    law = request.law
    exemption = Exemption.LGPD_LEGAL_DUTY if law == Law.LGPD else Exemption.LEGAL_OBLIGATION
    decisions.refuse(
        request, by=firm.olga, reasons=Reasons(exemption=exemption, reason=why, review_on=date(2030, 1, 2))
    )
    return request


def finish_jobs(request: ErasureRequest) -> None:
    """What a worker leaves behind: no live job."""
    done = {"status": JobStatus.DONE, "finished_at": datetime.now(UTC), "fraction": 1.0}
    Job.objects.of(request.pk).live().update(**done)


def desk_of_cases(firm: Company) -> dict[str, ErasureRequest]:
    """A case in each state that a page shows differently."""
    made = register(firm.entity)
    mail = iter(f"person{n}@example.org" for n in range(20))
    cases = {
        "received": submitted(firm, email=next(mail)).request,
        "verified": verified(firm, email=next(mail), days_ago=1),
        "accepted": accepted(firm, email=next(mail), days_ago=2),
        "planned": planned(firm, made, email=next(mail), days_ago=6),
        "candidates": planned(firm, made, email=next(mail), days_ago=22, candidates=3),
        "working": working(firm, made, email=next(mail), days_ago=9),
        "stopped": stopped(firm, made, email=next(mail), days_ago=36),
        "validated": validated(firm, made, email=next(mail), days_ago=27),
        "answered": answered(firm, made, email=next(mail), days_ago=14),
        "refused": refused(firm, email=next(mail), days_ago=8),
    }
    audit.sequence()
    return cases
