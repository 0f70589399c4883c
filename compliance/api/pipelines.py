"""For training pipelines and serving stacks: what may not come back, what is kept out of answers meanwhile."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.accounts.models import LegalEntity
from compliance.api import access
from compliance.api.door import BODY, HERE, PAGING, STAFF, Door, operation, page, paged
from compliance.api.shapes import HASH
from compliance.intake import vault
from compliance.mitigation.models import Suppression
from compliance.provenance.exclusion import in_force
from compliance.provenance.models import Exclusion
from compliance.rules import identifiers
from compliance.rules.terms import Role
from retrieval import exclusion

MOST = 1000


class ExclusionLine(serializers.ModelSerializer[Exclusion]):
    """A keyed hash (HMAC-SHA256) that may not come back; which case it stems from stays inside."""

    class Meta:
        model = Exclusion
        fields = ("key", "kind", "artifact", "created_at")
        read_only_fields = fields


class Checking(serializers.Serializer[Any]):
    """What a pipeline is about to read.

    ``keys`` are hashes that were listed before, ``identifiers`` are ``kind:value``, ``contents`` are SHA-256 digests
    (hex) of records' exact bytes as they lie in their store.
    """

    keys = serializers.ListField(child=serializers.RegexField(HASH), max_length=MOST, required=False, default=list)
    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=MOST, required=False, default=list
    )
    contents = serializers.ListField(child=serializers.RegexField(HASH), max_length=MOST, required=False, default=list)


class Checked(serializers.Serializer[Any]):
    """True where it may not come back, in the order in which it was asked."""

    keys = serializers.ListField(child=serializers.BooleanField())
    identifiers = serializers.ListField(child=serializers.BooleanField())
    contents = serializers.ListField(child=serializers.BooleanField())


class SuppressionLine(serializers.Serializer[Any]):
    """What one artifact's answers must not say; ``entries`` are keyed hashes."""

    artifact = serializers.CharField(source="artifact.slug")
    entries = serializers.JSONField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)


class Suppressions(serializers.Serializer[Any]):
    """The whole list; ``version`` changes exactly when the list does."""

    version = serializers.CharField()
    suppressions = SuppressionLine(many=True)


class ExclusionList(Door):
    """Exclusions."""

    needs = (Role.ENGINEER,)

    @operation(
        "What may not come back",
        answers={200: paged(ExclusionLine)},
        problems_of=(*STAFF, *HERE),
        parameters=PAGING,
    )
    def get(self, request: Request) -> Response:
        """Keyed hashes, oldest first, of the legal entities for which the caller is an engineer."""
        rows = in_force(access.entities(request, self.needs)).order_by("id")
        return page(rows, request=request, view=self, shape=ExclusionLine)


class ExclusionCheck(Door):
    """Ask before reading."""

    needs = (Role.ENGINEER,)
    throttle_scope = "check"

    @operation(
        "Ask whether something may not come back",
        body=Checking,
        answers={200: Checked},
        problems_of=(*BODY, *STAFF, 422, 429),
    )
    def post(self, request: Request) -> Response:
        """The hash key never leaves the installation: send identifiers, or hashes that were listed before."""
        given = Checking(data=request.data)
        given.is_valid(raise_exception=True)
        own = access.entities(request, self.needs)
        hashed = hashes(given.validated_data, own)
        every = {key for group in hashed.values() for keys in group for key in keys}
        held = set(in_force(own).filter(key__in=every).values_list("key", flat=True))
        return Response({name: [not held.isdisjoint(keys) for keys in group] for name, group in hashed.items()})


class SuppressionList(Door):
    """Suppressions."""

    needs = (Role.ENGINEER,)

    @operation(
        "What is kept out of answers now",
        answers={200: Suppressions, 304: None},
        problems_of=STAFF,
    )
    def get(self, request: Request) -> Response:
        """For hot reload: send the last ``ETag`` as ``If-None-Match``; 304 while nothing has changed."""
        now = timezone.now()
        active = Suppression.objects.filter(entity__in=access.entities(request, self.needs), since__lte=now)
        rows = active.filter(Q(until=None) | Q(until__gt=now)).select_related("artifact").order_by("id")
        lines = SuppressionLine(rows, many=True).data
        version = hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()
        etag = f'"{version}"'
        if request.headers.get("If-None-Match", "").strip() == etag:
            return Response(status=304, headers={"ETag": etag})
        return Response({"version": version, "suppressions": lines}, headers={"ETag": etag})


def hashes(asked: dict[str, list[str]], own: list[LegalEntity]) -> dict[str, list[set[str]]]:
    """For each thing asked about, the keyed hashes under which it may be excluded."""
    keys = (vault.exclusion_key(), vault.lookup_key())  # of the list itself, and of exclusions older than that
    regions = sorted({entity.phone_region for entity in own})
    return {
        "keys": [{key} for key in asked["keys"]],
        "identifiers": [
            {_hash(key, typed, region) for key in keys for region in regions} for typed in asked["identifiers"]
        ],
        "contents": [{exclusion.content_key(key, digest) for key in keys} for digest in asked["contents"]],
    }


def _hash(key: bytes, typed: str, region: str) -> str:
    found = identifiers.parse(typed, region=region)
    return identifiers.keyed_hash(key, found.kind, found.value, region=region)
