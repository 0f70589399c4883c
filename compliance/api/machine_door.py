"""What the protocols of partners have in common: raw bodies with a cap, bearer tokens, errors in their own shape.

These addresses stand outside the house's own API: paths, bodies and errors are those of the published protocols.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError

from compliance.api.reading import MAX_BYTES, MAX_DEPTH, decode, depth
from compliance.intake import limits, partners
from compliance.intake.ledgers import Partner
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed, NotFoundHere, OubliError

log = logging.getLogger(__name__)
AN_HOUR = 600
View = Callable[..., HttpResponse]
Shape = Callable[[int, str], HttpResponse]
_CODES: tuple[tuple[type[OubliError], int], ...] = (
    (NotAllowed, 403),
    (NotFoundHere, 404),
    (IllegalMove, 409),
    (InvalidInput, 400),
)


def machine(shape: Shape, *methods: str) -> Callable[[View], View]:
    """A view for machines: only these methods, so many calls an hour, and errors in the protocol's own ``shape``."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def called(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = _guarded(view, shape, methods, request, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            return response

        return called

    return decorate


def _guarded(
    view: View, shape: Shape, methods: tuple[str, ...], request: HttpRequest, *args: Any, **kwargs: Any
) -> HttpResponse:
    if request.method not in methods:
        refused = shape(405, "This address does not take this method.")
        refused["Allow"] = ", ".join(methods)
        return refused
    if limits.count("partner", limits.network(request.META)) > AN_HOUR:
        return shape(429, "Too many requests; wait an hour.")
    try:
        return view(request, *args, **kwargs)
    except OubliError as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 400)
        return shape(code, f"{error.cause} {error.next_action}")
    except ParseError:
        return shape(400, "The body is not well-formed JSON.")
    except Exception as error:  # its text may quote data: only class and place reach the log
        log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        return shape(500, "This request ended in an unexpected error.")


def body_of(request: HttpRequest) -> bytes:
    """The raw body, with a cap on its length."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdigit() or int(length) > MAX_BYTES:
        raise InvalidInput(f"Reading a message: a body may have {MAX_BYTES} bytes.")
    return request.body


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    if depth(body) > MAX_DEPTH:
        raise InvalidInput(f"Reading a message: a body may nest {MAX_DEPTH} levels deep.")
    try:
        found = decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise ParseError() from None
    if not isinstance(found, dict):
        raise InvalidInput("Reading a message: it is no JSON object.")
    return found


def text(found: dict[str, Any], name: str, *, needed: bool = True, longest: int = 500) -> str:
    """A field as text; InvalidInput when it is missing, no text, or too long. Never repeats its value."""
    value = found.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()) or len(value) > longest or "\x00" in value:
        raise InvalidInput(f"{name} field is required.")
    return value.strip()


def partner_of(request: HttpRequest, kind: Partner.Kind) -> Partner:
    """The partner whose bearer token came with the request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAllowed("This needs a bearer token.", next_action="Send 'Authorization: Bearer …'.")
    return partners.by_token(token.strip()[:200], kind)


def answer(body: dict[str, Any], code: int = 200) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(json.dumps(body, ensure_ascii=False), status=code, content_type="application/json")
