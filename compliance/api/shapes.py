"""What goes over the wire besides cases: problems, and the subject's three calls."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from compliance.rules import asking
from compliance.rules.terms import IdentifierKind, Requester, State, Turn

REFERENCE_PATTERN = r"^OUB-[0-9A-Z]{4}-[0-9A-Z]{4}$"
HASH = r"^[0-9a-f]{64}$"


class ProblemField(serializers.Serializer[Any]):
    """One field of a malformed body."""

    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457 problem document."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    next_action = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """``errors`` is added here, since a serializer has an attribute of that name."""
        return {**super().get_fields(), "errors": ProblemField(many=True, required=False)}


class ProblemKind(serializers.Serializer[Any]):
    """What a problem's ``type`` means."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    next_action = serializers.CharField()


class TypedIdentifier(serializers.Serializer[Any]):
    """Something that finds the person besides the e-mail address."""

    kind = serializers.ChoiceField(choices=IdentifierKind.choices())
    value = serializers.CharField(max_length=254)


class Clue(serializers.Serializer[Any]):
    """Something that the person saw; never a condition."""

    kind = serializers.ChoiceField(choices=asking.Clue.choices())
    value = serializers.CharField(max_length=2000)


class NewRequest(serializers.Serializer[Any]):
    """An erasure request; the code that confirms it goes to ``email``."""

    entity = serializers.SlugField(
        max_length=50, required=False, help_text="Slug of the company; may be left out where there is only one."
    )
    email = serializers.CharField(max_length=254)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    language = serializers.ChoiceField(choices=settings.LANGUAGES, default="en")
    requester = serializers.ChoiceField(choices=Requester.choices(), default=str(Requester.SELF))
    others = serializers.ListField(child=TypedIdentifier(), max_length=20, required=False)
    details = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")
    wishes = serializers.ListField(
        child=serializers.ChoiceField(choices=asking.Wish.choices()), max_length=3, min_length=1, default=["erase"]
    )
    clues = serializers.ListField(child=Clue(), max_length=10, required=False)
    where = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    whys = serializers.ListField(
        child=serializers.ChoiceField(choices=asking.Why.choices()), max_length=7, required=False, default=[]
    )


class Received(serializers.Serializer[Any]):
    """What the person keeps; ``secret`` is said once."""

    reference = serializers.CharField()
    secret = serializers.CharField()


class Confirming(serializers.Serializer[Any]):
    """Reference and the code from the letter."""

    reference = serializers.CharField(max_length=16)
    code = serializers.CharField(max_length=20)


class Confirmed(serializers.Serializer[Any]):
    """The case now."""

    reference = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices())
    secret = serializers.CharField(help_text="Opens the status from now on; said once.")


class Asking(serializers.Serializer[Any]):
    """Reference and the secret that was said once."""

    reference = serializers.CharField(max_length=16)
    secret = serializers.CharField(max_length=40)


class Standing(serializers.Serializer[Any]):
    """Where the case stands, in words for the person."""

    reference = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices())
    words = serializers.CharField()
    turn = serializers.ChoiceField(choices=Turn.choices())
    received_on = serializers.DateField()
    promised_on = serializers.DateField()
    extended = serializers.BooleanField()
    letters = serializers.ListField(child=serializers.CharField(), help_text="Kinds of letters sent, oldest first.")
