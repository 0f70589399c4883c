"""Several cases in one run of a model: who could join, and the officer's three verbs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access
from compliance.api.deciding import NOW, Verb
from compliance.api.door import HERE, REFERENCE, STAFF, VERB, Door, operation
from compliance.intake.models import ErasureRequest
from compliance.mitigation import together
from compliance.rules.terms import Role


class Named(serializers.Serializer[Any]):
    """Which model."""

    artifact = serializers.SlugField(max_length=100)


class Binding(Named):
    """Which other cases go in the same run."""

    cases = serializers.ListField(child=serializers.RegexField("^OUB-[0-9A-Z]{4}-[0-9A-Z]{4}$"), max_length=100)


class CompanionShape(serializers.Serializer[Any]):
    """A case that goes, or could go, in the same run."""

    reference = serializers.CharField()
    state = serializers.CharField()
    promised_on = serializers.DateField()


class SharingShape(serializers.Serializer[Any]):
    """A model that the case waits for; nobody waits for others longer than until ``begins_by``."""

    artifact = serializers.CharField(source="artifact.slug")
    run = serializers.UUIDField(source="run.pk", default=None, allow_null=True)
    begun_at = serializers.DateTimeField(source="run.begun_at", default=None, allow_null=True)
    begins_by = serializers.DateField(allow_null=True)
    approximate = serializers.BooleanField()
    members = CompanionShape(many=True)
    others = CompanionShape(many=True)


class Sharings(Door):
    """What the case shares, or could share."""

    needs = (Role.OFFICER, Role.APPROVER, Role.AUDITOR, Role.ENGINEER)

    @operation(
        "Cases that could be forgotten together",
        answers={200: SharingShape(many=True)},
        problems_of=(*STAFF, *HERE),
        parameters=(REFERENCE,),
    )
    def get(self, request: Request, reference: str) -> Response:
        """One line for each model that the case waits for."""
        case = access.case(request, reference, needs=self.needs)
        return Response(SharingShape(together.sharings(case), many=True).data)


class Bind(Verb):
    """Bind cases."""

    body = Binding

    @operation("Bind cases into one run", body=Binding, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The model forgets these cases' people in one run; each keeps its own approval, proof and answer."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Bind."""
        together.bind(case, by=access.staff(request), artifact=given["artifact"], references=given["cases"])


class Leave(Verb):
    """Leave a run."""

    body = Named

    @operation("Take a case out of its run", body=Named, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The case goes alone, the others go on without it; a conflict once the run has made its model."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Leave."""
        together.leave(case, by=access.staff(request), artifact=given["artifact"])


class Begin(Verb):
    """Begin a run."""

    body = Named

    @operation("Begin a shared run now", body=Named, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The run begins with the cases that are approved; the others then go alone."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Begin."""
        together.call(case, by=access.staff(request), artifact=given["artifact"])
