"""The case's own key: personal data is encrypted under it, and destroying it forgets the person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.utils import timezone

from compliance.accounts import master_key
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.rules.errors import NotFoundHere


def lookup_key() -> bytes:
    """The key under which identifiers, contents and secrets are hashed for linking; it never leaves the house."""
    return master_key.hashing("lookup")


def exclusion_key() -> bytes:
    """The key of the exclusion list, which training machines are given: it tells nothing of any other hash."""
    return master_key.hashing("exclusion list")


def wrapping() -> MultiFernet:
    """What wraps the keys of cases and undo copies, under the master key."""
    return master_key.sealing("wrap")


def new_case_key() -> tuple[bytes, bytes]:
    """A fresh case key, as (plain, wrapped)."""
    plain = Fernet.generate_key()
    return plain, wrapping().encrypt(plain)


def case_key(request: ErasureRequest) -> bytes:
    """The plain key of a case; NotFoundHere once it was destroyed."""
    row = CaseKey.objects.get(request=request)
    if row.wrapped is None:
        raise NotFoundHere("The personal data of this case has been destroyed; only the evidence remains.")
    return wrapping().decrypt(bytes(row.wrapped))


def encrypt(key: bytes, content: Mapping[str, Any]) -> bytes:
    """Encrypt a JSON object under ``key``."""
    return Fernet(key).encrypt(json.dumps(content, ensure_ascii=False, sort_keys=True).encode())


def decrypt(key: bytes, sealed: bytes | memoryview[int]) -> dict[str, Any]:
    """Decrypt what ``encrypt`` made; NotFoundHere when the key does not fit."""
    try:
        content: dict[str, Any] = json.loads(Fernet(key).decrypt(bytes(sealed)))
    except InvalidToken as error:
        raise NotFoundHere("This content cannot be opened with the case's key.") from error
    return content


def opened(request: ErasureRequest) -> dict[str, Any]:
    """What the person told us: name, identifiers, words."""
    return decrypt(case_key(request), request.sealed)


def destroy(request: ErasureRequest) -> None:
    """Destroy the case's key: everything sealed under it is unreadable from now on."""
    row = CaseKey.objects.get(request=request)
    if row.destroyed_at is None:
        row.wrapped, row.destroyed_at = None, timezone.now()
        row.save(update_fields=["wrapped", "destroyed_at"])


def wrap(key: bytes) -> bytes:
    """Wrap another key (of an undo copy) with the master key, for storage."""
    return wrapping().encrypt(key)


def unwrap(wrapped: bytes) -> bytes:
    """The key that ``wrap`` wrapped."""
    return wrapping().decrypt(bytes(wrapped))


def suppression_key() -> bytes:
    """The key of suppression lists, 32 bytes."""
    return master_key.hashing("suppress")
