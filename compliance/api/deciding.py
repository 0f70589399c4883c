"""What staff decide: one POST per verb; the verbs themselves live on the intake floor and ask for roles again."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access, case_shapes
from compliance.api.door import REFERENCE, VERB, Door, operation
from compliance.api.shapes import HASH
from compliance.evidence import services as evidence
from compliance.intake import decisions
from compliance.intake.decisions import Reasons
from compliance.intake.models import ErasureRequest
from compliance.mitigation import services as mitigation
from compliance.provenance import lifting
from compliance.provenance.models import Artifact
from compliance.rules.errors import InvalidInput, MissingPart
from compliance.rules.terms import Exemption, Ground, Role

NOW: dict[int | tuple[int, str], Any] = {200: case_shapes.CaseLine}


class Accepting(serializers.Serializer[Any]):
    """The ground that the request rests on."""

    ground = serializers.ChoiceField(choices=Ground.choices())
    reason = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class Refusing(serializers.Serializer[Any]):
    """The exemption, and why it applies."""

    exemption = serializers.ChoiceField(choices=Exemption.choices())
    reason = serializers.CharField(max_length=4000)
    review_on = serializers.DateField(help_text="The day on which the decision is looked at again.")


class Keeping(Refusing):
    """A partial refusal: this artifact is kept, until it is looked at again."""

    artifact = serializers.SlugField(max_length=100)
    review_on = serializers.DateField(required=False, allow_null=True, default=None)


class Reasoned(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=4000)


class PerhapsReasoned(serializers.Serializer[Any]):
    """Why, if there is something to say."""

    reason = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class Approving(serializers.Serializer[Any]):
    """The digest of the plan that was read."""

    plan_digest = serializers.RegexField(HASH)


class Verb(Door):
    """A decision about one case: read the body, find the case, decide, show the case."""

    needs: ClassVar[tuple[Role, ...]] = (Role.OFFICER,)
    body: ClassVar[type[serializers.Serializer[Any]]] = PerhapsReasoned

    def decided(self, request: Request, reference: str) -> Response:
        """Run ``decide`` with a body that fits; answers with the case as it is now."""
        case = access.case(request, reference, needs=self.needs)
        given = self.body(data=request.data)
        given.is_valid(raise_exception=True)
        self.decide(case, request, given.validated_data)
        return Response(case_shapes.CaseLine(access.case(request, reference, needs=self.needs)).data)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """The verb."""
        raise NotImplementedError


class Accept(Verb):
    """Accept."""

    body = Accepting

    @operation("Accept the request", body=Accepting, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """Accept on a ground; the trace starts."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Accept on a ground."""
        reasons = Reasons(ground=Ground(given["ground"]), reason=given["reason"])
        decisions.accept(case, by=access.staff(request), reasons=reasons)


class Refuse(Verb):
    """Refuse."""

    body = Refusing

    @operation("Refuse the request", body=Refusing, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """Refuse under an exemption, with reasons."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Refuse under an exemption."""
        reasons = Reasons(exemption=Exemption(given["exemption"]), reason=given["reason"], review_on=given["review_on"])
        decisions.refuse(case, by=access.staff(request), reasons=reasons)


class Keep(Verb):
    """Keep one artifact."""

    body = Keeping

    @operation("Keep one artifact", body=Keeping, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """A partial refusal: one artifact is kept under an exemption, and the plan respects it."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Keep one artifact of this case's legal entity."""
        if not Artifact.objects.filter(entity=case.entity, slug=given["artifact"]).exists():
            raise InvalidInput("Keeping an artifact: this legal entity has none of that name.")
        reasons = Reasons(
            exemption=Exemption(given["exemption"]),
            reason=given["reason"],
            artifact=given["artifact"],
            review_on=given["review_on"],
        )
        mitigation.keep(case, by=access.staff(request), reasons=reasons)


class Extend(Verb):
    """Extend the deadline."""

    body = Reasoned

    @operation("Extend the deadline once", body=Reasoned, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """Extend once, before it has passed, with reasons that the person is told."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Extend, with reasons."""
        decisions.extend(case, by=access.staff(request), reasons=Reasons(reason=given["reason"]))


class Approve(Verb):
    """Endorse or approve the plan."""

    needs = (Role.OFFICER, Role.APPROVER)
    body = Approving

    @operation("Endorse or approve the plan", body=Approving, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The officer endorses, then a second person approves; both send the digest of the plan they read."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Endorse or approve the newest plan by its digest."""
        if mitigation.current_plan(case) is None:
            raise MissingPart("Approving a plan: this case has none yet.", next_action="Wait until it is drafted.")
        mitigation.approve(case, by=access.staff(request), plan_digest=given["plan_digest"])


class LookAgain(Verb):
    """Send a planned case back to the trace."""

    needs = (Role.OFFICER, Role.APPROVER)
    body = Reasoned

    @operation("Look again", body=Reasoned, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """Send a planned case back to the trace."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Back to the trace."""
        decisions.look_again(case, by=access.staff(request), reason=given["reason"])


class SignOff(Verb):
    """Sign the evidence off."""

    @operation("Sign the evidence off", body=PerhapsReasoned, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The evidence is right: the outcome letter goes out."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Sign off."""
        evidence.sign_off(case, by=access.staff(request), reason=given["reason"])


class Lift(Verb):
    """Lift the exclusions of a case."""

    body = Reasoned

    @operation("Lift the exclusions", body=Reasoned, answers=NOW, problems_of=VERB, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str) -> Response:
        """The person is a customer again: identifiers may be used, what was erased stays out. It is final."""
        return self.decided(request, reference)

    def decide(self, case: ErasureRequest, request: Request, given: dict[str, Any]) -> None:
        """Lift the identifiers."""
        lifting.lift(case, by=access.staff(request), reason=given["reason"])
