"""The client's own check of who called: Ed25519 of the standard library agrees with the library that signs."""

from __future__ import annotations

import base64
import random
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.api.client import Forged, check_call

BODY = b'{"type": "unlearning.ended", "job": "j", "status": "done"}'


def b64(raw: bytes) -> str:
    """As keys and signatures are written."""
    return base64.b64encode(raw).decode()


def call(key: Ed25519PrivateKey, *, at: int | None = None) -> dict[str, str]:
    """Headers of a call that the key signed."""
    when = str(int(time.time()) if at is None else at)
    signed = key.sign(f"unlearning_1.{when}.".encode() + BODY)
    return {"Webhook-Id": "unlearning_1", "Webhook-Timestamp": when, "Webhook-Signature": f"v1a,{b64(signed)}"}


def test_what_the_key_signed_is_believed_and_every_changed_bit_is_not() -> None:
    dice = random.Random(3)
    for _ in range(8):
        key = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        public, headers = key.public_key().public_bytes_raw(), call(key)
        assert check_call(BODY, headers, key=b64(public))["job"] == "j"
        signature = bytearray(base64.b64decode(headers["Webhook-Signature"][4:]))
        signature[dice.randrange(64)] ^= 1 << dice.randrange(8)
        with pytest.raises(Forged):
            check_call(BODY, {**headers, "Webhook-Signature": f"v1a,{b64(bytes(signature))}"}, key=b64(public))
        other = bytearray(public)
        other[dice.randrange(32)] ^= 1 << dice.randrange(8)
        with pytest.raises(Forged):
            check_call(BODY, headers, key=b64(bytes(other)))


def test_one_good_signature_among_others_is_enough() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    headers, public = call(key), b64(key.public_key().public_bytes_raw())
    beside = {**headers, "Webhook-Signature": f"v1,abc v1a,AAAA {headers['Webhook-Signature']}"}
    assert check_call(BODY, beside, key=public)["status"] == "done"


@pytest.mark.parametrize("late", [-301, 301, -(10**9)])
def test_an_old_call_is_not_heard_again(late: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
    headers = call(key, at=max(0, int(time.time()) + late))
    with pytest.raises(Forged, match="time"):
        check_call(BODY, headers, key=b64(key.public_key().public_bytes_raw()))


@pytest.mark.parametrize("word", ["", "v1a,", "v1a,é", "v1a,====", f"v1a,{b64(bytes(64))}", f"v1a,{b64(b'a' * 65)}"])
def test_what_is_no_signature_is_forged(word: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\3" * 32)
    public = b64(key.public_key().public_bytes_raw())
    for given in (public, "", "no key", b64(b"\xff" * 32), b64(bytes(31))):
        with pytest.raises(Forged):
            check_call(BODY, {**call(key), "Webhook-Signature": word}, key=given)
    with pytest.raises(Forged):
        check_call(BODY, {}, key=public)
