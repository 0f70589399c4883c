"""The installation's master key: what it seals can be sealed anew under another one, what it hashes cannot.

Sealing keys come from the master key itself (HMAC-SHA256 as a key derivation), so that a new master key means new
ones. Hashing keys must stay, or no keyed hash that was kept would match again: before the first rotation they come from
the master key too, from then on they stand in ``OUBLI_KEYS/hashing_keys``, sealed.

While ``OUBLI_MASTER_KEY_PREVIOUS`` is set, what the previous key sealed opens too, and new things are sealed under the
new one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from compliance.rules.errors import ConfigurationError

HASHING = ("lookup", "exclusion list", "suppress", "unlearning order")
_FILE, _PURPOSE = "hashing_keys", "hashing keys"


def sealing(purpose: str) -> MultiFernet:
    """What seals and opens for ``purpose``: sealed under the present master key, opened under the previous one too."""
    return MultiFernet([_fernet(master, purpose) for master in _masters()])


def hashing(purpose: str) -> bytes:
    """The 32 bytes under which ``purpose`` is hashed; they outlive every rotation."""
    if purpose not in HASHING:
        raise KeyError(purpose)
    kept = _kept(Path(settings.OUBLI_KEYS) / _FILE, _masters())
    return kept.get(purpose) or _derived(_masters()[-1], purpose)


def keep_hashing_keys() -> None:
    """Write the hashing keys as they are now, sealed under the present master key alone."""
    content = {purpose: base64.b64encode(hashing(purpose)).decode() for purpose in HASHING}
    write_secret(
        Path(settings.OUBLI_KEYS) / _FILE, _fernet(_masters()[0], _PURPOSE).encrypt(json.dumps(content).encode())
    )
    _kept.cache_clear()


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads; after a kill it is the old one or the new one."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _masters() -> tuple[str, ...]:
    previous = settings.OUBLI_MASTER_KEY_PREVIOUS
    return (settings.OUBLI_MASTER_KEY, previous) if previous else (settings.OUBLI_MASTER_KEY,)


def _derived(master: str, purpose: str) -> bytes:
    return hmac.new(master.encode(), purpose.encode(), hashlib.sha256).digest()


def _fernet(master: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(master, purpose)))


@lru_cache(maxsize=16)
def _kept(path: Path, masters: tuple[str, ...]) -> Mapping[str, bytes]:
    if not path.exists():
        return {}
    try:
        content = MultiFernet([_fernet(master, _PURPOSE) for master in masters]).decrypt(path.read_bytes())
    except InvalidToken:
        raise ConfigurationError(
            "The master key does not open hashing_keys.",
            file=path.name,
            remedy="Set OUBLI_MASTER_KEY to the newest key, or OUBLI_MASTER_KEY_PREVIOUS to the one before it.",
        ) from None
    return {purpose: base64.b64decode(value) for purpose, value in json.loads(content).items()}
