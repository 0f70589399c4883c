"""Signatures on what goes to partners and comes from them.

Ours: Ed25519 in the header that "Standard Webhooks" 1.0 describes (``v1a``), and the seal's RSA key where OpenDSR wants
a certificate. Theirs: Ed25519, with the public key that was registered for them, never with one that came along.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.utils import timezone

from compliance.audit import services as audit
from compliance.rules.errors import NotAllowed

CLOCKS_APART = timedelta(minutes=5)


def webhook_headers(uid: str, body: bytes) -> dict[str, str]:
    """Id, time and Ed25519 signature over ``id.time.body``; two while a rotation of the key is not finished."""
    at = str(int(timezone.now().timestamp()))
    keys = [key for key in (audit.signing_key(), audit.former_signing_key()) if key]
    signed = (key.sign(f"{uid}.{at}.".encode() + body) for key in keys)
    return {
        "webhook-id": uid,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1a,{base64.b64encode(one).decode()}" for one in signed),
    }


def check_webhook(*, public_key: str, uid: str, at: str, signature: str, body: bytes) -> None:
    """Raise NotAllowed unless the body was signed by that key within five minutes."""
    told = int(at) if at.isdigit() and len(at) < 12 else 0
    if abs(timezone.now().timestamp() - told) > CLOCKS_APART.total_seconds():
        raise NotAllowed("Reading a signed message: its time is too far from ours.", next_action="Sign it anew.")
    signed = f"{uid}.{at}.".encode() + body
    for one in signature.split()[:5]:
        version, _, value = one.partition(",")
        if version == "v1a" and verifies(public_key, value, signed):
            return
    raise NotAllowed("Reading a signed message: the signature is not the partner's.")


def verifies(public_key: str, signature: str, signed: bytes) -> bool:
    """Whether the base64 signature over ``signed`` is that of the base64 Ed25519 key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def digest(body: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(body).hexdigest()
