"""The description of this door, what a problem's ``type`` means, and the answer to every address that is none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from django.http import FileResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import problems, shapes
from compliance.api.door import HERE, Door, operation
from compliance.rules.errors import NotFoundHere


class AnyAccept(DefaultContentNegotiation):
    """``?format=`` decides, then ``Accept``, and whoever accepts neither gets the first (YAML)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """A renderer, always."""
        offered = list(renderers)
        try:
            found: tuple[BaseRenderer, str] = super().select_renderer(request, offered, format_suffix)
        except NotAcceptable:
            return offered[0], str(offered[0].media_type)
        return found


class Schema(SpectacularAPIView):
    """The OpenAPI description."""

    content_negotiation_class = AnyAccept


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


class ClientFile(Door):
    """The Python client."""

    needs = ()
    schema = None

    def get(self, request: Request) -> FileResponse:
        """One file of the standard library only, to be put beside a program of one's own."""
        path = Path(__file__).with_name("client.py")
        return FileResponse(
            path.open("rb"), filename="oubli_client.py", as_attachment=True, content_type="text/x-python"
        )


class Unknown(Door):
    """Every other address below /api/."""

    needs = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Not here, whatever the method."""
        raise NotFoundHere(
            "There is nothing under this address.", next_action="See /api/schema/; addresses end with a slash."
        )
