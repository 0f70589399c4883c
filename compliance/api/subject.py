"""The data subject's three calls, open to everybody: the answer never tells who is known."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from compliance.accounts.models import LegalEntity
from compliance.api import shapes
from compliance.api.door import HERE, PUBLIC, Door, operation
from compliance.intake import limits, services, verification
from compliance.intake.form import Clue
from compliance.intake.models import ErasureRequest
from compliance.rules import asking
from compliance.rules.errors import InvalidInput, NotFoundHere
from compliance.rules.terms import IdentifierKind, Requester, State


class Requests(Door):
    """Receive erasure requests."""

    needs = ()
    throttle_scope = "intake"

    @operation("Ask for erasure", body=shapes.NewRequest, answers={202: shapes.Received}, problems_of=PUBLIC)
    def post(self, request: Request) -> Response:
        """Receive a request; the same answer for everybody. A code to confirm it goes to the address."""
        given = shapes.NewRequest(data=request.data)
        given.is_valid(raise_exception=True)
        limits.knock("form", by=limits.network(request.META))
        receipt = services.submit(submission(given.validated_data))
        return Response({"reference": receipt.reference, "secret": receipt.secret}, status=202)


class Confirm(Door):
    """Confirm a request."""

    needs = ()
    throttle_scope = "confirm"

    @operation("Confirm a request", body=shapes.Confirming, answers={200: shapes.Confirmed}, problems_of=(*PUBLIC, 403))
    def post(self, request: Request) -> Response:
        """Consume the single-use code; the new secret replaces the one that was said to whoever sent the form.

        Whatever is wrong, the refusal has the same words.
        """
        given = shapes.Confirming(data=request.data)
        given.is_valid(raise_exception=True)
        limits.knock("code", by=limits.network(request.META))
        receipt = services.prove(given.validated_data["reference"], given.validated_data["code"])
        answer = {"reference": receipt.reference, "state": receipt.request.state, "secret": receipt.secret}
        return Response(answer)


class Status(Door):
    """Where a request stands."""

    needs = ()
    throttle_scope = "status"

    @operation(
        "Where a request stands", body=shapes.Asking, answers={200: shapes.Standing}, problems_of=(*PUBLIC, *HERE)
    )
    def post(self, request: Request) -> Response:
        """Reference and secret open the status; a wrong pair is not found, whichever part is wrong."""
        given = shapes.Asking(data=request.data)
        given.is_valid(raise_exception=True)
        limits.knock("status", by=limits.network(request.META))
        case = verification.status(given.validated_data["reference"], given.validated_data["secret"])
        if case is None:
            raise NotFoundHere("That reference and secret do not fit together.", next_action="Check both.")
        return Response(standing(case))


def submission(given: dict[str, Any]) -> services.Submission:
    """The form as the intake floor takes it."""
    others = [services.Identifier(IdentifierKind(o["kind"]), o["value"]) for o in given.get("others", ())]
    return services.Submission(
        entity=_entity(given.get("entity")),
        email=given["email"],
        name=given["name"],
        language=given["language"],
        requester=Requester(given["requester"]),
        others=others,
        details=given["details"],
        wishes=[asking.Wish(wish) for wish in given["wishes"]],
        clues=[Clue(asking.Clue(clue["kind"]), clue["value"]) for clue in given.get("clues", ())],
        where=given["where"],
        whys=[asking.Why(why) for why in given["whys"]],
    )


def _entity(slug: str | None) -> LegalEntity:
    found = LegalEntity.objects.filter(slug=slug) if slug else LegalEntity.objects.all()
    match list(found[:2]):
        case [only]:
            return only
    raise InvalidInput(
        "Receiving a request: it does not say which company it is for.",
        next_action="Send 'entity': the company's short name, as on its form.",
    )


def standing(case: ErasureRequest) -> dict[str, Any]:
    """The case in words for the person."""
    sent = case.notices.filter(sent_at__isnull=False).values_list("kind", flat=True)
    return {
        "reference": case.reference,
        "state": case.state,
        "words": State(case.state).label,
        "turn": case.turn,
        "received_on": case.received_at.date(),
        "promised_on": case.promised_on,
        "extended": case.extended,
        "letters": list(sent),
    }
