"""Floor 5's verbs: issue the pack of a case, find it again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit import checkpoint
from compliance.audit import services as audit
from compliance.evidence.models import Report
from compliance.intake import decisions
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Progress
from compliance.provenance.models import Exclusion
from compliance.rules.errors import MissingPart, ProofFailed


def issue(request: ErasureRequest, progress: Progress) -> Report:
    """Gather the dossier, print and seal the report, pack it, and write down what was issued.

    Issuing again makes the next number: an issued pack is never changed.
    """
    from compliance.evidence import canonical, gathering, pack, pdf, report, seal
    from compliance.mitigation.models import Plan

    progress(0.05, "Gathering the dossier")
    number = (Report.objects.filter(request=request).aggregate(top=Max("number"))["top"] or 0) + 1
    with transaction.atomic():
        detail = {"number": number, "round": request.round}
        audit.record("report.begun", case=request.reference, entity=request.entity.slug, by="system", detail=detail)
    audit.sequence()
    plan = Plan.objects.filter(request=request, round=request.round).order_by("-number").first()
    facts = gathering.gather(request, plan)
    keys = Path(settings.OUBLI_KEYS)
    seal.ensure(keys, organisation=request.entity.name)
    progress(0.2, "Printing the report")
    data = canonical.to_json(facts)
    signer = report.SealFacts(
        organisation=request.entity.name, certificate=seal.fingerprint(keys), log_key=fingerprint()
    )
    html = report.render_report(facts, seal=signer)
    attached = pdf.Attached(name="dossier.json", data=data, description="The same facts for machines")
    printed = pdf.render_pdf(html, stylesheet=report.stylesheet(), attached=attached, issued_at=facts.issued_at)
    progress(0.8, "Sealing and packing")
    sealed = seal.seal_pdf(printed, folder=keys, reason=f"Evidence of case {request.reference}")
    content = pack.build_pack(
        facts,
        report=sealed,
        log_proof=audit.log_proof(request.reference, size=facts.log.size if facts.log else 0),
        exclusions=exclusions_of(request),
        key=audit.signing_key(),
    )
    name = f"{request.reference}/{request.reference}-{number}.zip"
    written = pack.write_pack(content, path=Path(settings.OUBLI_EVIDENCE) / name, fingerprint=fingerprint())
    with progress.commit():
        row = Report.objects.create(
            request=request,
            number=number,
            round=request.round,
            dossier=canonical.plain(facts),
            claims=[{"artifact": c.artifact, "level": str(c.level), "sentence": c.sentence} for c in facts.claims],
            pack=name,
            sha256=written.sha256,
            issued_at=timezone.now(),
        )
        audit.record(
            "report.issued",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"number": number, "sha256": written.sha256},
        )
    return row


def fingerprint() -> str:
    """SHA-256 of the public key that signs packs and log heads: what an auditor compares."""
    return checkpoint.fingerprint(audit.public_key())


def exclusions_of(request: ErasureRequest) -> list[dict[str, str]]:
    """The keyed hashes of this case, for training pipelines."""
    rows = Exclusion.objects.filter(case=request.reference).order_by("kind", "key")
    return [{"kind": row.kind, "key": row.key, "artifact": row.artifact} for row in rows]


def latest(request: ErasureRequest) -> Report | None:
    """The newest report of a case."""
    return Report.objects.filter(request=request).order_by("-number").first()


def pack_path(report: Report) -> Path:
    """Where the pack lies; MissingPart when the file is gone, ProofFailed when it is not the one that was issued."""
    folder = Path(settings.OUBLI_EVIDENCE).resolve()
    path = (folder / report.pack).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise MissingPart("The pack of this report is not on this machine.", next_action="Issue the report again.")
    with path.open("rb") as pack:
        if hashlib.file_digest(pack, "sha256").hexdigest() != report.sha256:
            raise ProofFailed(
                "The pack of this report is not the one that was issued.",
                next_action="Restore it from a backup; the log has the digest.",
            )
    return path


def sign_off(request: ErasureRequest, *, by: User, reason: str = "") -> Report:
    """Sign the newest report of the present round off: the outcome letter goes out.

    Raises MissingPart when no report was written yet, NotAllowed, IllegalMove.
    """
    row = Report.objects.filter(request=request, round=request.round).order_by("-number").first()
    if row is None:
        raise MissingPart("The evidence of this case is still being written.", next_action="Wait until it is there.")
    with transaction.atomic():
        decisions.sign_off(request, by=by, reason=reason)
        row.signed_off_by = by
        row.save(update_fields=["signed_off_by"])
    return row


def summary(report: Report) -> dict[str, Any]:
    """What lists show of a report."""
    return {"number": report.number, "issued_at": report.issued_at, "sha256": report.sha256, "claims": report.claims}
