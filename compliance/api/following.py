"""Progress as server-sent events: one connection lasts half a minute at most, a client takes it up again by itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from uuid import UUID

from django.db import close_old_connections
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.serializers import CharField

from compliance.api import unlearning
from compliance.api.door import HERE, STAFF, operation
from compliance.forgetting import services
from compliance.forgetting.models import Point, UnlearningJob

LONGEST = 30.0  # seconds; a stream holds a thread of the web server
PAUSE = 0.5
_seats = threading.BoundedSemaphore(4)  # of eight threads: pages must still be answered
LAST = OpenApiParameter(
    "Last-Event-ID",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
    OpenApiParameter.HEADER,
    description="Sent by a client that was here before.",
)


STREAMED = inline_serializer(
    "StreamedEvent",
    fields={name: CharField(required=False) for name in ("event", "data", "id", "retry")},
)


class Events(unlearning.Service):
    """A job's progress while it runs."""

    @operation(
        "Follow an unlearning job",
        answers={(200, "text/event-stream"): STREAMED},
        problems_of=(*STAFF, *HERE, 429),
        parameters=(LAST,),
    )
    def get(self, request: Request, order: UUID) -> HttpResponseBase:
        """``event: point`` for each point, then one ``event: end`` with the status; 429 when too many are listening."""
        ordered = unlearning.job(request, order)
        last = str(request.headers.get("Last-Event-ID", "0"))
        seen = int(last) if last.isascii() and last.isdigit() and len(last) <= 18 else 0
        if not _seats.acquire(blocking=False):
            raise Throttled(wait=5)
        response = StreamingHttpResponse(_Told(ordered, seen), content_type="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"
        return response


class _Told:
    """The lines of one stream; its seat is given back however the stream ends."""

    def __init__(self, ordered: UnlearningJob, seen: int) -> None:
        self._lines = tell(ordered, seen)
        self._seated = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def close(self) -> None:
        """Called by the server when the stream has ended or the listener has gone."""
        if self._seated:
            self._seated = False
            _seats.release()
            close_old_connections()


def tell(ordered: UnlearningJob, seen: int) -> Iterator[bytes]:
    """Points after ``seen`` as they come, until the job or the time has ended."""
    until = time.monotonic() + LONGEST
    yield b"retry: 1000\n\n"
    while True:
        row = services.row(ordered)
        for point in Point.objects.filter(job=ordered, pk__gt=seen).order_by("id"):
            seen = point.pk
            facts = {"fraction": point.fraction, "message": point.message, "figures": point.figures}
            yield f"id: {seen}\nevent: point\ndata: {json.dumps(facts)}\n\n".encode()
        if row.status in ("done", "failed"):
            ordered.refresh_from_db(fields=["cancelled_at"])
            yield f"event: end\ndata: {json.dumps({'status': services.status(ordered, row)})}\n\n".encode()
            return
        if time.monotonic() > until:
            return
        yield b": waiting\n\n"
        time.sleep(PAUSE)
