"""problem+json (RFC 9457): every error of this door has one shape, and none carries a traceback or an identifier.

::

    {"type": "/api/problems/illegal-move/", "title": "...", "status": 409, "detail": "...", "next_action": "..."}

``type`` can be read: it answers with the kind's meaning. A malformed body adds ``errors``, a list of
``{"pointer", "detail", "code"}`` that names the field and never repeats what was in it.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from compliance.audit.errors import NotLogged
from compliance.forgetting.services import QuotaReached
from compliance.rules import errors
from compliance.rules.errors import OubliError, without_identifiers

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 30
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its name in ``type``, HTTP status, title, and what usually helps."""

    slug: str
    status: int
    title: str
    next_action: str


_KINDS = (
    Kind("malformed", 400, "The request cannot be read", "Correct what is listed and send it again."),
    Kind("not-signed-in", 401, "Nobody is signed in", "Send 'Authorization: Token …', or sign in."),
    Kind("not-allowed", 403, "This person may not do this", errors.NotAllowed.usual_action),
    Kind("second-person-needed", 403, "A second person is needed", errors.SecondPersonNeeded.usual_action),
    Kind("not-found", 404, "Not here", errors.NotFoundHere.usual_action),
    Kind("method-not-allowed", 405, "This address does not take this method", "See 'Allow', or /api/schema/."),
    Kind("conflict", 409, "The case does not allow this now", "Reload the case, then decide."),
    Kind("illegal-move", 409, "The lifecycle has no such move", errors.IllegalMove.usual_action),
    Kind("plan-changed", 409, "The plan is another one", errors.PlanChanged.usual_action),
    Kind("too-large", 413, "The body is too large", "Send less in one request."),
    Kind("unsupported-media-type", 415, "The body is not JSON", "Send 'Content-Type: application/json'."),
    Kind("invalid-input", 422, "The input cannot be used", errors.InvalidInput.usual_action),
    Kind("too-many-requests", 429, "Too many requests", "Wait for the seconds that 'Retry-After' says."),
    Kind("unexpected", 500, "Something unexpected happened", "Tell the operator the time; the log has the place."),
    Kind("try-again", 503, "Not possible at the moment", "Wait for the seconds that 'Retry-After' says."),
)
KINDS: Mapping[str, Kind] = {kind.slug: kind for kind in _KINDS}
_BY_STATUS: Mapping[int, Kind] = {kind.status: kind for kind in reversed(_KINDS)}  # the first of a status wins

# Most particular first: the first class that fits names the kind.
_OF_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (errors.SecondPersonNeeded, "second-person-needed"),
    (errors.NotAllowed, "not-allowed"),
    (errors.NotFoundHere, "not-found"),
    (errors.InvalidInput, "invalid-input"),
    (errors.IllegalMove, "illegal-move"),
    (errors.PlanChanged, "plan-changed"),
    (errors.TooOften, "too-many-requests"),
    (QuotaReached, "too-many-requests"),
)


class TooLarge(exceptions.APIException):
    """The body is longer or deeper than this door takes."""

    status_code = 413
    default_code = "too-large"


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Turn whatever a view raised into a problem document."""
    match error:
        case OubliError():
            return answer(_of_error(error), detail=error.cause, next_action=error.next_action)
        case exceptions.ValidationError():
            found = list(_fields(error.get_full_details(), "#"))
            return answer(KINDS["malformed"], detail="The body or query does not fit the schema.", fields=found)
        case exceptions.APIException():
            return _of_framework(error)
        case Http404():
            return answer(KINDS["not-found"], detail="There is nothing here under this address.")
        case PermissionDenied():
            return answer(KINDS["not-allowed"], detail="This is not allowed.")
        case RequestDataTooBig():
            return answer(KINDS["too-large"], detail="The body is too large.")
        case SuspiciousOperation():
            return answer(KINDS["malformed"], detail="The request is not one that this server answers.")
        case NotLogged():
            return answer(
                KINDS["try-again"], detail="The event waits for its place in the log.", retry_after=RETRY_SECONDS
            )
        case OperationalError():
            return answer(KINDS["try-again"], detail="The database is busy.", retry_after=RETRY_SECONDS)
    return _unexpected(error, context)


def answer(
    kind: Kind,
    *,
    detail: str,
    next_action: str = "",
    fields: list[dict[str, str]] | None = None,
    retry_after: float | None = None,
) -> HttpResponse:
    """A problem document of ``kind``; what looks like an identifier in ``detail`` is blanked."""
    body: dict[str, object] = {
        "type": f"/api/problems/{kind.slug}/",
        "title": kind.title,
        "status": kind.status,
        "detail": without_identifiers(detail),
        "next_action": without_identifiers(next_action) or kind.next_action,
    }
    if fields is not None:
        body["errors"] = fields
    response = HttpResponse(json.dumps(body), status=kind.status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    wait = retry_after if retry_after is not None else RETRY_SECONDS if kind.status in (429, 503) else None
    if wait is not None:
        response["Retry-After"] = str(max(1, round(wait)))
    return response


def _of_error(error: OubliError) -> Kind:
    usual = "try-again" if error.retryable else "conflict"
    return KINDS[next((slug for known, slug in _OF_ERROR if isinstance(error, known)), usual)]


def _of_framework(error: exceptions.APIException) -> HttpResponse:
    kind = _BY_STATUS.get(error.status_code, KINDS["malformed"])
    wait = getattr(error, "wait", None)
    response = answer(kind, detail=_words(error), retry_after=wait)
    response.status_code = kind.status
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    return response


def _words(error: exceptions.APIException) -> str:
    """Fixed words where the framework's own would repeat what was sent."""
    if isinstance(error, exceptions.ParseError):
        return "The body is not well-formed JSON."
    if isinstance(error, exceptions.MethodNotAllowed):
        return "The address is right, the method is not."
    if isinstance(error, exceptions.UnsupportedMediaType):
        return "Only application/json is read here."
    return str(error.detail)


_ECHOING = {
    "invalid_choice": "Not one of the choices in the schema.",
    "does_not_exist": "There is no such thing here.",
    "invalid": "Not of the type or form that the schema asks for.",
    "not_a_list": "A list is expected.",
}


def _fields(details: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Walk a tree of messages down to its leaves; pointers follow RFC 6901."""
    if isinstance(details, Mapping) and isinstance(details.get("code"), str) and "message" in details:
        code = str(details["code"])
        yield {"pointer": pointer, "detail": _ECHOING.get(code) or str(details["message"]), "code": code}
    elif isinstance(details, Mapping):
        for name, below in details.items():
            yield from _fields(below, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(details, list):
        leaves = [item for item in details if isinstance(item, Mapping) and isinstance(item.get("code"), str)]
        for place, below in enumerate(details):
            yield from _fields(below, pointer if leaves else f"{pointer}/{place}")


def _unexpected(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """An exception's text may quote data: only its class and place reach the log, nothing reaches the answer."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s in %s\n%s", type(error).__name__, type(context.get("view")).__name__, where)
    return answer(KINDS["unexpected"], detail="This request ended in an unexpected error.")
