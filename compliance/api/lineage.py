"""Where pipelines report their runs: the OpenLineage endpoint, as its standard clients call it."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access
from compliance.api.door import BODY, STAFF, Door, operation
from compliance.provenance import openlineage
from compliance.rules.terms import Role

MOST = 200
STATES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")


class Facets(serializers.DictField):
    """Facets by name, each an object."""

    child = serializers.DictField()


class DataSetShape(serializers.Serializer[Any]):
    """A data set: a registered artifact by short name (namespace ``oubli``) or by its address."""

    namespace = serializers.CharField(max_length=500)
    name = serializers.CharField(max_length=1000)
    facets = Facets(required=False)
    inputFacets = Facets(required=False)  # noqa: N815 - the standard's own name
    outputFacets = Facets(required=False)  # noqa: N815 - the standard's own name


class RunShape(serializers.Serializer[Any]):
    """A run."""

    runId = serializers.UUIDField()  # noqa: N815 - the standard's own name


class JobShape(serializers.Serializer[Any]):
    """A job."""

    namespace = serializers.CharField(max_length=500)
    name = serializers.CharField(max_length=500)


class RunEventShape(serializers.Serializer[Any]):
    """A RunEvent of OpenLineage 2; what else it holds is not read."""

    eventType = serializers.ChoiceField(choices=STATES, default="OTHER")  # noqa: N815 - the standard's own name
    eventTime = serializers.DateTimeField()  # noqa: N815 - the standard's own name
    run = RunShape()
    job = JobShape()
    inputs = serializers.ListField(child=DataSetShape(), required=False, max_length=MOST)
    outputs = serializers.ListField(child=DataSetShape(), required=False, max_length=MOST)


class Taken(serializers.Serializer[Any]):
    """What was written down; ``unmapped`` are data sets that no registered artifact stands for."""

    run = serializers.UUIDField(source="uid")
    uses = serializers.IntegerField(source="uses.count")
    unmapped = serializers.ListField(child=serializers.CharField())
    checked = serializers.BooleanField()


class BearerTokens(access.Tokens):
    """The same tokens as ``Authorization: Bearer …``, which is how the standard's clients send them."""

    keyword = "Bearer"


class BearerSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the header in the schema."""

    target_class = "compliance.api.lineage.BearerTokens"
    name = "bearerToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer"}


class Lineage(Door):
    """Run events."""

    needs = (Role.ENGINEER,)
    throttle_scope: ClassVar[str | None] = "lineage"
    authentication_classes = [access.Tokens, BearerTokens, SessionAuthentication]

    @operation(
        "Report a run of a pipeline",
        body=RunEventShape,
        answers={201: Taken},
        problems_of=(*BODY, *STAFF, 422, 429),
    )
    def post(self, request: Request) -> Response:
        """OpenLineage RunEvents, as its clients send them; 422 when a model or index would hold what was erased."""
        given = RunEventShape(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        event = openlineage.Event(
            run=said["run"]["runId"],
            job=f"{said['job']['namespace']}/{said['job']['name']}",
            state=said["eventType"],
            at=said["eventTime"],
            inputs=[openlineage.dataset_of(each) for each in said.get("inputs", [])],
            outputs=[openlineage.dataset_of(each) for each in said.get("outputs", [])],
        )
        own = access.entities(request, self.needs)
        run = openlineage.take_in(event, own, by=access.staff(request).get_username())
        return Response(Taken(run).data, status=201)
