"""Evidence packs: the ZIP that was issued, or none; each download is an event."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from compliance.api import access
from compliance.api.door import HERE, REFERENCE, STAFF, Door, operation
from compliance.audit import services as audit
from compliance.evidence.models import Report
from compliance.rules.errors import MissingPart, NotFoundHere, ProofFailed
from compliance.rules.terms import Role


class Pack(Door):
    """One pack."""

    needs = (Role.OFFICER, Role.APPROVER, Role.AUDITOR)

    @operation(
        "Download an evidence pack",
        answers={(200, "application/zip"): OpenApiTypes.BINARY},
        problems_of=(*STAFF, *HERE, 409),
        parameters=(REFERENCE,),
    )
    def get(self, request: Request, reference: str, number: int) -> FileResponse:
        """The pack as issued; a file that is gone or no longer what was issued is a conflict, never sent."""
        case = access.case(request, reference, needs=self.needs)
        report = case.reports.filter(number=number).first()
        if report is None:
            raise NotFoundHere("This case has no such report.")
        pack = opened(report)
        by = access.staff(request).get_username()
        with transaction.atomic():
            audit.record(
                "report.downloaded", case=case.reference, entity=case.entity.slug, by=by, detail={"report": number}
            )
        name = f"{case.reference}-report-{number}.zip"
        return FileResponse(pack, as_attachment=True, filename=name, content_type="application/zip")


def opened(report: Report) -> BinaryIO:
    """The pack's file at its first byte, after its digest was found to be the one that was issued."""
    folder = Path(settings.OUBLI_EVIDENCE).resolve()
    path = (folder / report.pack).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise MissingPart("Sending an evidence pack: its file is not in the evidence folder.")
    pack = path.open("rb")
    if hashlib.file_digest(pack, "sha256").hexdigest() != report.sha256:
        pack.close()
        raise ProofFailed(
            "Sending an evidence pack: the file is not the one that was issued.",
            next_action="Restore it from a backup; the log has the digest.",
        )
    pack.seek(0)
    return pack
