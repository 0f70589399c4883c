"""What every view of this door has in common, and how each is described in the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import IntegerField, Serializer, URLField
from rest_framework.views import APIView

from compliance.api import problems
from compliance.api.access import EVERY_ROLE, HoldsRole, Tokens
from compliance.api.limits import Knocking
from compliance.api.reading import CappedJSONParser
from compliance.api.shapes import REFERENCE_PATTERN, Problem
from compliance.rules.terms import Role

Method = TypeVar("Method", bound=Callable[..., Any])

STAFF = (401, 403)
HERE = (404,)
BODY = (400, 413, 415)
VERB = (*BODY, *STAFF, *HERE, 409, 422)
PUBLIC = (*BODY, 422, 429)


class JsonAlways(BaseContentNegotiation):
    """JSON whatever ``Accept`` says (RFC 9110, 12.5.1, leaves that to the server): one error less to handle."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the body's media type; None makes it an unsupported one."""
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer."""
        first = next(iter(renderers))
        return first, str(first.media_type)


class Door(APIView):
    """A view: ``needs`` says which roles come in (empty: everybody), ``throttle_scope`` how often."""

    needs: ClassVar[tuple[Role, ...]] = EVERY_ROLE
    throttle_scope: ClassVar[str | None] = None
    http_method_names = ["get", "post", "head"]
    authentication_classes = [Tokens, SessionAuthentication]
    permission_classes = [HoldsRole]
    parser_classes = [CappedJSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [Knocking]
    content_negotiation_class = JsonAlways

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Nothing of this door may be kept by a cache."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "no-store")
        return done


class Pages(PageNumberPagination):
    """Fifty rows a page, up to five hundred on request (``page``, ``page_size``)."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


REFERENCE = OpenApiParameter(
    "reference", {"type": "string", "pattern": REFERENCE_PATTERN}, OpenApiParameter.PATH, description="Of the case."
)
PAGING = (
    OpenApiParameter("page", OpenApiTypes.INT, description="From 1."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 500, else 50."),
)


def page(rows: Any, *, request: Request, view: APIView, shape: Any) -> Response:
    """One page of ``rows`` in ``shape``; a page that is not there is NotFound."""
    pages = Pages()
    found: Any = pages.paginate_queryset(rows, request, view=view)
    return pages.get_paginated_response(shape(found, many=True).data)


def paged(line: type[Serializer[Any]]) -> Serializer[Any]:
    """The shape of one page of lines."""
    fields: dict[str, Any] = {
        "count": IntegerField(),
        "next": URLField(allow_null=True),
        "previous": URLField(allow_null=True),
        "results": line(many=True),
    }
    described: Serializer[Any] = inline_serializer(f"PageOf{line.__name__}", fields=fields)
    return described


def operation(
    summary: str,
    *,
    answers: Mapping[int | tuple[int, str], Any],
    problems_of: Collection[int],
    body: Any = None,
    parameters: Sequence[Any] = (),
) -> Callable[[Method], Method]:
    """Describe an operation in the schema: what it takes, answers, and which problems it has."""
    responses: dict[Any, Any] = dict(answers)
    name = re.sub(r"[^a-z]+", "_", summary.lower().replace("'s", "")).strip("_")
    for status in sorted({*problems_of, 503}):
        title = next(kind.title for kind in problems.KINDS.values() if kind.status == status)
        responses[(status, problems.MEDIA_TYPE)] = OpenApiResponse(Problem, description=title)
    decorate: Callable[[Method], Method] = extend_schema(
        operation_id=name,
        summary=summary,
        request=body,
        responses=responses,
        parameters=list(parameters),
        # Open to everybody exactly where nobody has to be signed in.
        auth=None if 401 in problems_of else [],
    )
    return decorate
