"""Letters that came back, told by the company's mail system: beside the reader of mailboxes, for those that call."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, ScopedToken
from compliance.api import access
from compliance.api.door import BODY, STAFF, Door, operation
from compliance.api.unlearning import Bearing
from compliance.intake import bounces
from compliance.rules.errors import InvalidInput, NotAllowed
from compliance.rules.terms import Role

SCOPE = "bounces"


class Bounce(serializers.Serializer[Any]):
    """One letter that came back: its Message-ID with the status code, or the whole delivery report."""

    message_id = serializers.CharField(
        required=False, max_length=200, help_text="Message-ID of our letter, with its angle brackets."
    )
    status = serializers.RegexField(
        r"^[45]\.\d{1,3}\.\d{1,3}$", required=False, help_text="Enhanced status code (RFC 3463), such as 5.1.1."
    )
    report = serializers.CharField(
        required=False, max_length=900_000, help_text="Or the message as it came (RFC 3464), as text."
    )


class BounceTaken(serializers.Serializer[Any]):
    """That it was read; never whether such a letter is known."""

    received = serializers.BooleanField()


class MayReport(BasePermission):
    """An administrator or officer, or a mail system whose token has the scope."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may come in."""
        if not request.user.is_authenticated:
            return False
        if not companies(request):
            raise NotAllowed("This needs the role Officer or Administrator, or a token with the scope bounces.")
        return True


def companies(request: Request) -> list[LegalEntity]:
    """The companies whose letters the caller may speak of."""
    if isinstance(request.auth, ScopedToken):
        return [request.auth.entity] if SCOPE in request.auth.scopes else []
    return accounts.entities_of(access.staff(request), Bounces.needs)


class Bounces(Door):
    """A mail system's word that a letter did not arrive."""

    needs: ClassVar[tuple[Role, ...]] = (Role.OFFICER, Role.ADMINISTRATOR)
    throttle_scope = "bounce"
    authentication_classes = [access.Tokens, Bearing, SessionAuthentication]
    permission_classes = [MayReport]

    @operation(
        "Say that a letter came back",
        body=Bounce,
        answers={202: BounceTaken},
        problems_of=(*BODY, *STAFF, 422, 429),
    )
    def post(self, request: Request) -> Response:
        """Noted on the case whose letter it was, once. The answer is the same whether such a letter is known or not."""
        given = Bounce(data=request.data)
        given.is_valid(raise_exception=True)
        report = _report(given.validated_data)
        if report is not None:
            bounces.note(report, within=companies(request))
        return Response({"received": True}, status=202)


def _report(given: dict[str, Any]) -> bounces.Report | None:
    """The report in what was sent; None for a whole message that reports no failure."""
    if "report" in given:
        return bounces.read_report(given["report"].encode("utf-8", "replace"))
    if "message_id" not in given or "status" not in given:
        raise InvalidInput("A bounce needs message_id and status, or report.", next_action="Send both, or the report.")
    return bounces.Report(given["message_id"].strip(), given["status"], permanent=given["status"].startswith("5"))
