"""Letters that come back: delivery reports (RFC 3464) read from a folder, matched to their case by Message-ID.

Nothing of a report is kept but its enhanced status code (RFC 3463): what else it says may name the person.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.intake.ledgers import Delivery
from compliance.rules.terms import Channel

_STATUS = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})")
_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")  # one way to match: two would take time with the square of the length
LONGEST = 2_000_000
# The parser compares every line with the boundary of every part that is open, and takes a type's parameters apart in
# time that grows with the square of their length: real reports have a handful of parts, and short types.
_MULTIPART = re.compile(rb"multipart/", re.IGNORECASE)
_TYPE = re.compile(rb"^content-type:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
MOST_PARTS, LONGEST_TYPE = 16, 4_000


@dataclass(frozen=True)
class Report:
    """What a delivery report says about one message of ours."""

    message_id: str
    code: str
    permanent: bool


def read_report(raw: bytes) -> Report | None:
    """The report in a message; None for any other message, and for one that says that all is well.

    Anybody may write to the mailbox: a message that the parser cannot take (parts nested without end, say) is no
    report, and must not keep those behind it from being read. The parser that reads headers only as text is used: the
    other one takes minutes for some of a few kilobytes.
    """
    if len(raw) > LONGEST or _is_slow(raw):
        return None
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        found, message_id = _failed(message), _original_id(message)
    except Exception:  # its words may quote the message
        return None
    if found is None or not message_id:
        return None
    return Report(message_id, found, permanent=found.startswith("5"))


def _is_slow(raw: bytes) -> bool:
    """Whether the parser would take long: parts within parts, or a type with parameters without end."""
    plain = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # every line end that the parser knows
    types = any(len(found[0]) > LONGEST_TYPE for found in _TYPE.finditer(plain))
    return types or len(_MULTIPART.findall(plain)) > MOST_PARTS


def _failed(message: Message) -> str | None:
    """The status code of the first recipient that failed, or is delayed."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _inside(part):
            action = str(block.get("Action", "")).strip().lower()
            code = _STATUS.match(str(block.get("Status", "")).strip()) if action in ("failed", "delayed") else None
            if code:
                return code.group(1)
    return None


def _inside(part: Message) -> list[Message]:
    """The messages inside a part."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _original_id(message: Message) -> str:
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822" and (inside := _inside(part)):
            return str(inside[0].get("Message-ID", "")).strip()
        if kind == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            headers = email.message_from_bytes(payload if isinstance(payload, bytes) else b"")
            return str(headers.get("Message-ID", "")).strip()
    found = _ID.findall(str(message.get("In-Reply-To", "")) + str(message.get("References", "")))
    return str(found[-1]) if found else ""


def note(report: Report, *, within: Collection[LegalEntity] | None = None) -> Delivery | None:
    """Write a bounce on the letter it is about, once; None when no letter of ours has that Message-ID.

    ``within`` are the companies that the reporter may speak of; a letter of another one is none of theirs.
    """
    with transaction.atomic():
        rows = Delivery.objects.select_for_update().filter(message_id=report.message_id, channel=Channel.EMAIL)
        if within is not None:
            rows = rows.filter(notice__request__entity__in=within)
        row = rows.select_related("notice__request__entity").first()
        if row is None or (row.bounce == report.code and row.bounced_at):
            return row
        row.bounced_at, row.bounce, row.permanent = timezone.now(), report.code, report.permanent
        row.save(update_fields=["bounced_at", "bounce", "permanent"])
        request = row.notice.request
        audit.record(
            "letter.bounced",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"letter": row.notice.kind, "code": report.code, "permanent": report.permanent},
        )
    return row


def messages_in(folder: Path) -> Iterator[Path]:
    """Messages of a folder: a Maildir's ``new`` and ``cur``, or single files."""
    places = [folder / "new", folder / "cur"] if (folder / "new").is_dir() else [folder]
    for place in places:
        yield from sorted(path for path in place.iterdir() if path.is_file() and not path.is_symlink())
