"""What a problem's ``type`` means, and the answer to every address that is none."""

from __future__ import annotations

from typing import Any, NoReturn

from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import problems, shapes
from compliance.api.door import HERE, Door, operation
from compliance.rules.errors import NotFoundHere


class ProblemMeaning(Door):
    """One kind of problem."""

    needs = ()

    @operation("What a problem's type means", answers={200: shapes.ProblemKind}, problems_of=HERE)
    def get(self, request: Request, slug: str) -> Response:
        """Title, status and what usually helps."""
        kind = problems.KINDS.get(slug)
        if kind is None:
            raise NotFoundHere("There is no problem of this type.")
        facts = {"title": kind.title, "status": kind.status, "next_action": kind.next_action}
        return Response({"type": f"/api/problems/{kind.slug}/", **facts})


class Unknown(Door):
    """Every other address below /api/."""

    needs = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Not here, whatever the method."""
        raise NotFoundHere(
            "There is nothing under this address.", next_action="See /api/schema/; addresses end with a slash."
        )
