"""Files that come with a request: examined, without metadata, capped, and sealed under the case's key.

1. The content is examined and written anew by ``cleaning`` in a process of its own: what is not PDF, picture or plain
   text is refused by its content, and what is hostile costs that process only.
2. Where ``OUBLI_SCANNER`` names a virus scanner, it reads the file on its standard input first; any exit status but 0
   refuses the file, and so does a scanner that cannot be run: an examination that failed is none.
3. The clean content is sealed under a key of its own until the form is sent, and under the case's key afterwards.
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake import cleaning, vault
from compliance.intake.form import Upload
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.intake.papers import Attachment
from compliance.rules.errors import InvalidInput, NotFoundHere

MOST_BYTES = 5_000_000
MOST_FILES = 5
ABANDONED = timedelta(days=15)  # a draft lives fourteen
PATIENCE = 60.0
NEXT = {
    "type": "Send a PDF, a PNG or JPEG picture, or a plain text.",
    "damaged": "Open the file, save it again, and send the new one.",
    "locked": "Save the file without a password, then send it.",
    "large": "Send a smaller file.",
    "virus": "Send another file: a scanner found something in this one.",
}


class NotTaken(InvalidInput):
    """A file that is not taken; ``why`` is a word of ``NEXT``."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"Examining an attachment: it was refused ({why}).", next_action=NEXT[why])


@dataclass(frozen=True)
class File:
    """An attachment, opened."""

    name: str
    kind: str
    content: bytes


def receive(name: str, content: bytes) -> tuple[Attachment, Upload]:
    """Examine a file and seal it until the form is sent; NotTaken when it cannot be taken."""
    if not content or len(content) > MOST_BYTES:
        raise NotTaken("large" if content else "type")
    _scan(content)
    kind, clean = _cleaned(content)
    key = Fernet.generate_key()
    row = Attachment.objects.create(kind=kind, size=len(clean), sealed=_seal(key, name, clean))
    return row, Upload(row.pk, key)


def _scan(content: bytes) -> None:
    if not settings.OUBLI_SCANNER:
        return
    try:
        done = subprocess.run(
            shlex.split(settings.OUBLI_SCANNER), input=content, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotTaken("virus") from error
    if done.returncode != 0:
        raise NotTaken("virus")


def _cleaned(content: bytes) -> tuple[str, bytes]:
    command = [sys.executable, "-I", str(Path(cleaning.__file__))]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise NotTaken("large") from None
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if done.returncode == 0:
        if len(done.stdout) > 4 * MOST_BYTES:
            raise NotTaken("large")
        return said, done.stdout
    raise NotTaken(said if done.returncode == 3 and said in NEXT else "damaged")


def _seal(key: bytes, name: str, content: bytes) -> bytes:
    head = json.dumps({"name": Path(name).name[:120]}).encode()
    return Fernet(key).encrypt(base64.b64encode(head) + b"\n" + content)


def _open(key: bytes, row: Attachment) -> File:
    if row.sealed is None:
        raise NotFoundHere("That attachment has been destroyed.")
    head, _, content = Fernet(key).decrypt(bytes(row.sealed)).partition(b"\n")
    return File(str(json.loads(base64.b64decode(head))["name"]), row.kind, content)


def take_over(request: ErasureRequest, uploads: Sequence[Upload], *, key: bytes, mandate: bool) -> None:
    """The form was sent: its files lie under the case's key from now on."""
    for upload in uploads[:MOST_FILES]:
        row = Attachment.objects.filter(pk=upload.pk, request=None).first()
        if row is None:
            continue
        file = _open(upload.key, row)
        row.request, row.mandate, row.sealed = request, mandate, _seal(key, file.name, file.content)
        row.save(update_fields=["request", "mandate", "sealed"])


def add(request: ErasureRequest, upload: Upload) -> None:
    """One more file for a case that is there already."""
    if request.attachments.filter(destroyed_at=None).count() >= 2 * MOST_FILES:
        raise InvalidInput("This request has as many files as it takes.", next_action="Describe the rest in words.")
    take_over(request, [upload], key=vault.case_key(request), mandate=False)


def opened(row: Attachment) -> File:
    """An attachment of a case, opened for an officer."""
    if row.request is None:
        raise NotFoundHere("That attachment belongs to no request.")
    return _open(vault.case_key(row.request), row)


def destroy(row: Attachment, *, by: str) -> None:
    """Destroy the content; that there was a file, and who destroyed it, remains. Of two at once one does it."""
    with transaction.atomic():
        if row.request is None or not Attachment.objects.select_for_update().filter(pk=row.pk, destroyed_at=None):
            raise NotFoundHere("That attachment has been destroyed.")
        row.sealed, row.destroyed_at = None, timezone.now()
        row.save(update_fields=["sealed", "destroyed_at"])
        detail = {"kind": row.kind, "mandate": row.mandate}
        case, entity = row.request.reference, row.request.entity.slug
        audit.record("attachment.destroyed", case=case, entity=entity, by=by, detail=detail)


def destroy_shown(request: ErasureRequest) -> int:
    """Destroy what came after identity had been asked for, as that letter promises; returns how many files.

    Called when the request is decided (EDPB Guidelines 01/2022, 3.3); a mandate shows something else, and stays.
    """
    asked = request.decisions.filter(kind=DecisionKind.PAUSE).order_by("id").first()
    if asked is None:
        return 0
    rows = request.attachments.filter(created_at__gte=asked.at, destroyed_at=None, mandate=False)
    for row in rows.select_related("request__entity"):
        destroy(row, by="system")
    return len(rows)


def remove(upload: Upload) -> None:
    """Take a file off a form that was not sent."""
    Attachment.objects.filter(pk=upload.pk, request=None).delete()


def forget_abandoned() -> int:
    """Remove files of forms that were never sent; returns how many."""
    old = timezone.now() - ABANDONED
    return Attachment.objects.filter(request=None, created_at__lt=old).delete()[0]
