"""Unlearning as a service: register a model, order it to forget, follow the job, take the result."""

from __future__ import annotations

from typing import ClassVar, cast
from uuid import UUID

from django.http import FileResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.accounts import services as accounts
from compliance.accounts import tokens
from compliance.accounts.models import LegalEntity, ScopedToken
from compliance.api import access
from compliance.api.door import BODY, HERE, PAGING, STAFF, Door, operation, page, paged
from compliance.api.unlearning_shapes import CurvePoint, JobState, ModelLine, NewJob, NewModel
from compliance.forgetting import services
from compliance.forgetting.models import ModelReference, UnlearningJob
from compliance.rules.errors import InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import Role

SCOPE = "unlearning"
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": r"^[!-~]{1,200}$"},
    OpenApiParameter.HEADER,
    description="Any text of your own: the same key with the same body answers with the same job.",
)


class Machine:
    """Who stands behind a scoped token: no account, no role."""

    is_authenticated = True
    is_active = True

    def __init__(self, token: ScopedToken) -> None:
        self.token = token
        self.pk = f"token-{token.pk}"  # calls are counted by it: one machine must not use up another company's share


class Bearing(BaseAuthentication):
    """``Authorization: Bearer oubli_…`` of a machine outside the company."""

    def authenticate(self, request: Request) -> tuple[Machine, ScopedToken] | None:
        """The machine that holds the token; None when the header is another one's."""
        kind, _, given = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        token = tokens.find(given.decode("ascii", "replace"))
        if token is None:
            raise AuthenticationFailed("This token is unknown or has ended.")
        return Machine(token), token

    def authenticate_header(self, request: Request) -> str:
        """What a caller without one is told to send."""
        return "Token"


class BearingSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the header in the schema."""

    target_class = "compliance.api.unlearning.Bearing"
    name = "scopedToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer"}


class MayUnlearn(BasePermission):
    """An engineer of a company, or a machine whose token has the scope."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may come in."""
        if not request.user.is_authenticated:
            return False
        if not companies(request):
            raise NotAllowed("This needs the role Engineer, or a token with the scope unlearning.")
        return True


class Service(Door):
    """A view of this service."""

    needs: ClassVar[tuple[Role, ...]] = (Role.ENGINEER,)
    authentication_classes = [access.Tokens, Bearing, SessionAuthentication]
    permission_classes = [MayUnlearn]


def companies(request: Request) -> list[LegalEntity]:
    """The companies for which the caller may order."""
    if isinstance(request.auth, ScopedToken):
        return [request.auth.entity] if SCOPE in request.auth.scopes else []
    return accounts.entities_of(access.staff(request), (Role.ENGINEER,))


def caller(request: Request) -> str:
    """The caller in the log's words."""
    if isinstance(request.auth, ScopedToken):
        return f"token {request.auth.name}"
    return access.staff(request).get_username()


def company(request: Request, slug: str | None) -> LegalEntity:
    """The company that is meant; it must be named when there is more than one."""
    found = [entity for entity in companies(request) if slug in (None, entity.slug)]
    if not found:
        raise NotFoundHere("There is no such company here.")
    if len(found) > 1:
        raise InvalidInput("Name the company in 'entity': there is more than one.")
    return found[0]


def job(request: Request, order: UUID) -> UnlearningJob:
    """One job of the caller's companies."""
    found = services.of(companies(request)).filter(pk=order).first()
    if found is None:
        raise NotFoundHere("There is no such job here.")
    return cast(UnlearningJob, found)


class Models(Service):
    """Registered models."""

    @operation(
        "Models that can be made to forget",
        answers={200: paged(ModelLine)},
        problems_of=(*STAFF, *HERE),
        parameters=PAGING,
    )
    def get(self, request: Request) -> Response:
        """Models of the caller's companies."""
        rows = ModelReference.objects.filter(entity__in=companies(request)).select_related("entity").order_by("id")
        return page(rows, request=request, view=self, shape=ModelLine)

    @operation(
        "Register a model by reference",
        body=NewModel,
        answers={201: ModelLine},
        problems_of=(*BODY, *STAFF, *HERE, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Nothing is copied; the same words twice are one model."""
        given = NewModel(data=request.data)
        given.is_valid(raise_exception=True)
        words = dict(given.validated_data)
        entity = company(request, words.pop("entity", None))
        return Response(ModelLine(services.register(entity, **words)).data, status=201)


class Jobs(Service):
    """Orders."""

    throttle_scope = "unlearning"

    @operation("Unlearning jobs", answers={200: paged(JobState)}, problems_of=(*STAFF, *HERE, 429), parameters=PAGING)
    def get(self, request: Request) -> Response:
        """Newest first."""
        return page(services.of(companies(request)), request=request, view=self, shape=JobState)

    @operation(
        "Order a model to forget",
        body=NewJob,
        answers={200: JobState, 201: JobState},
        problems_of=(*BODY, *STAFF, *HERE, 409, 422, 429),
        parameters=(KEY,),
    )
    def post(self, request: Request) -> Response:
        """201 for a new job, 200 for one that this idempotency key ordered before."""
        given = NewJob(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        entity = company(request, asked.get("entity"))
        model = ModelReference.objects.filter(entity=entity, slug=asked["model"]).select_related("entity").first()
        if model is None:
            raise NotFoundHere("There is no such model here.", next_action="Register it first.")
        ordered, made = services.order(
            model,
            forget=asked["forget"],
            spec={name: asked[name] for name in ("method", "budget", "seed") if name in asked},
            by=caller(request),
            idempotency_key=idempotency_key(request),
            callback=asked.get("callback", ""),
        )
        return Response(JobState(ordered).data, status=201 if made else 200)


def idempotency_key(request: Request) -> str:
    """The header, or nothing; visible ASCII only, so that it is the same text for everybody who reads it."""
    key = str(request.headers.get("Idempotency-Key", ""))
    if len(key) > 200 or not all("!" <= letter <= "~" for letter in key):
        raise InvalidInput("An idempotency key is up to 200 visible ASCII characters.")
    return key


class Job(Service):
    """One job."""

    @operation("An unlearning job", answers={200: JobState}, problems_of=(*STAFF, *HERE))
    def get(self, request: Request, order: UUID) -> Response:
        """Where it stands, its result and artifacts with their digests."""
        return Response(JobState(job(request, order)).data)


class Cancel(Service):
    """Taking an order back."""

    @operation("Cancel an unlearning job", answers={200: JobState}, problems_of=(*BODY, *STAFF, *HERE))
    def post(self, request: Request, order: UUID) -> Response:
        """A queued job never starts, a running one stops within seconds; an ended one stays as it is."""
        return Response(JobState(services.cancel(job(request, order))).data)


class Curve(Service):
    """What a job said on its way."""

    @operation(
        "The curve of an unlearning job",
        answers={200: paged(CurvePoint)},
        problems_of=(*STAFF, *HERE),
        parameters=PAGING,
    )
    def get(self, request: Request, order: UUID) -> Response:
        """Points, oldest first."""
        return page(job(request, order).points.all(), request=request, view=self, shape=CurvePoint)


class Artifact(Service):
    """A file that a job made."""

    @operation(
        "Download what an unlearning job made",
        answers={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        problems_of=(*STAFF, *HERE),
        parameters=(OpenApiParameter("name", str, OpenApiParameter.PATH, description="As listed in artifacts."),),
    )
    def get(self, request: Request, order: UUID, name: str) -> FileResponse:
        """The bytes whose digest stands in the job."""
        path = services.artifact(job(request, order), name)
        return FileResponse(path.open("rb"), as_attachment=True, content_type="application/octet-stream")
