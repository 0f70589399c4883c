"""The log: its newest signed head, and the proof that an event stands in it."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access
from compliance.api.door import HERE, STAFF, Door, operation
from compliance.audit import checkpoint
from compliance.audit import services as audit
from compliance.audit.models import Event, Head
from compliance.rules.errors import NotFoundHere


class HeadShape(serializers.Serializer[Any]):
    """A signed head (C2SP signed note) and the key that verifies it."""

    size = serializers.IntegerField()
    root_hash = serializers.CharField()
    note = serializers.CharField()
    at = serializers.DateTimeField()
    origin = serializers.CharField()
    public_key = serializers.CharField(help_text="Ed25519, raw, base64.")
    former_keys = serializers.ListField(
        child=serializers.CharField(), help_text="Keys that signed earlier heads, newest first; Ed25519, raw, base64."
    )


class ProofShape(serializers.Serializer[Any]):
    """An inclusion proof (RFC 9162, 2.1.3) under the newest head."""

    event = serializers.DictField(child=serializers.CharField())
    index = serializers.IntegerField()
    size = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField()


class LogHead(Door):
    """The newest head."""

    @operation("The log's newest signed head", answers={200: HeadShape}, problems_of=(*STAFF, *HERE))
    def get(self, request: Request) -> Response:
        """Keep it: a later head must be consistent with it."""
        head = Head.objects.order_by("-size").first()
        if head is None:
            raise NotFoundHere("The log has no signed head yet.", next_action="Ask again after the first event.")
        key, *former = (base64.b64encode(checkpoint.raw_public(key)).decode() for key in audit.public_keys())
        note = audit.under_present_key(head.note)
        facts = {"size": head.size, "root_hash": head.root, "note": note, "at": head.at, "origin": audit.origin()}
        return Response(HeadShape({**facts, "public_key": key, "former_keys": former}).data)


class EventProof(Door):
    """Proof of one event."""

    @operation("Proof that an event is in the log", answers={200: ProofShape}, problems_of=(*STAFF, *HERE))
    def get(self, request: Request, event: uuid.UUID) -> Response:
        """503 for the moment between an event and its place in the tree."""
        own = [entity.slug for entity in access.entities(request)]
        found = Event.objects.filter(uid=event, entity__in=own).first()
        if found is None:
            raise NotFoundHere("There is no such event here.")
        proof = audit.inclusion(found)
        facts = {"event": dict(proof.event), "index": proof.index, "size": proof.size}
        return Response(ProofShape({**facts, "path": list(proof.path), "note": proof.note}).data)
