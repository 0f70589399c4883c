"""Whoever ordered an unlearning job is called when it has ended: signed, without a person, tried again with pauses."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from django.utils import timezone

from compliance.evidence import signing
from compliance.forgetting import services
from compliance.forgetting.models import UnlearningJob
from compliance.rules.errors import OubliError
from compliance.worker.outgoing import SECONDS, Stay, check_address

log = logging.getLogger("oubli.telling")


def tell_due() -> int:
    """Call every owner that is due; returns how many were reached."""
    return sum(tell(ordered) for ordered in services.untold(timezone.now()))


def tell(ordered: UnlearningJob) -> int:
    """One call; a failure is tried again after a growing pause. Returns 1 when the owner answered."""
    body = json.dumps({"type": "unlearning.ended", "job": str(ordered.pk), "status": status_of(ordered)}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Oubli"}
    try:
        address = check_address(ordered.callback)
        headers |= signing.webhook_headers(f"unlearning_{ordered.pk}", body)
        call = Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
        with build_opener(Stay).open(call, timeout=SECONDS):
            UnlearningJob.objects.filter(pk=ordered.pk).update(told_at=timezone.now())
            return 1
    except (HTTPError, URLError, TimeoutError, OSError, OubliError) as error:
        log.warning("job %s: its owner could not be called (%s)", ordered.pk, type(error).__name__)
        pause = timedelta(seconds=min(6 * 3600, 10 * 4 ** (ordered.tries + 1)))
        UnlearningJob.objects.filter(pk=ordered.pk).update(tries=ordered.tries + 1, tell_at=timezone.now() + pause)
        return 0


def status_of(ordered: UnlearningJob) -> str:
    """done, failed or cancelled."""
    return services.status(ordered, services.row(ordered))
