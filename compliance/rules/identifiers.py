"""Identifiers: parsed as people type them, compared by keyed hash, shown only redacted.

Spelling rules come from ``retrieval.text``; what is ours is the key, the redaction and the guard against selectors that
would match more people than one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind
from retrieval import text
from retrieval.errors import RetrievalError

_WILD = frozenset("%*?")
_PLACEHOLDERS = """
admin anonymous anonym customer default deleted dummy example fulano guest kunde mustermann na nan nil none null noname
redacted root tbd test tester testuser undefined unknown unbekannt user username xxx
0 1 -1 1234 12345 123456 1234567 12345678 123456789 1234567890
"""
SENTINELS = frozenset(_PLACEHOLDERS.split())
LONGEST = 320  # an e-mail address: RFC 5321 §4.5.3.1


@dataclass(frozen=True, slots=True)
class Identifier:
    """What finds a person: ``value`` as typed, ``canonical`` for comparing; neither appears when printed.

    ``shared`` marks a role mailbox such as ``info@``: it may locate candidates, but proves nobody's data.
    """

    kind: IdentifierKind
    value: str = field(repr=False)
    canonical: str = field(repr=False)
    shared: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{redact(self.kind, self.value)}"

    @property
    def finds_alone(self) -> bool:
        """Whether a match by this identifier alone may be acted on: not for a bare name, nor for a shared mailbox."""
        return self.kind is not IdentifierKind.NAME and not self.shared


def parse(typed: str, *, region: str | None = None) -> Identifier:
    """An identifier from ``kind:value``, as in ``email:alice@example.org``.

    ``region`` (ISO 3166, "DE") is where a telephone number without country code belongs. Raises ``InvalidInput`` for an
    unknown kind and for values that would match everybody or nobody; the message never repeats the value.
    """
    kind, colon, value = typed.partition(":")
    if not colon or kind.strip().lower() not in set(IdentifierKind):
        kinds = ", ".join(IdentifierKind)
        raise InvalidInput(
            "Reading an identifier: it has no known kind.", next_action=f"Write kind:value; kinds: {kinds}."
        )
    found = IdentifierKind(kind.strip().lower())
    canonical = normalise(found, value, region=region)
    return Identifier(found, value.strip(), canonical, text.is_shared(found, value))


def normalise(kind: IdentifierKind | str, value: str, *, region: str | None = None) -> str:
    """The canonical form; two spellings of one identifier give one form. Raises ``InvalidInput`` as ``parse`` does."""
    known = IdentifierKind(kind)
    _guard(known, value)
    try:
        canonical = text.normalise(known, value, region)
    except RetrievalError as error:
        raise InvalidInput(
            f"Reading an identifier of kind {known}: it cannot be searched for.", next_action=str(error)
        ) from None
    if text.squeeze(canonical.partition("@")[0]) in SENTINELS and known not in (
        IdentifierKind.EMAIL,
        IdentifierKind.NAME,
    ):
        raise _refused(known, "it is a placeholder that stands in many people's records")
    return canonical


def keyed_hash(key: bytes, kind: IdentifierKind | str, value: str, *, region: str | None = None) -> str:
    """HMAC-SHA256 (hex) of the canonical form under ``key`` (at least 16 bytes): equal for equal identifiers.

    The kind is part of what is hashed, so that a customer number never equals a user name. Source: RFC 2104.
    """
    if len(key) < 16:
        raise InvalidInput("Hashing an identifier: the key is shorter than 16 bytes.", next_action="Use a random key.")
    message = f"{IdentifierKind(kind)}\x00{normalise(kind, value, region=region)}"
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def redact(kind: IdentifierKind | str, value: str) -> str:
    """A form that reminds its owner and tells others little: ``a…@e…``, ``…89``, ``A… M…``."""
    plain = value.strip()
    if not plain:
        return "…"
    if kind == IdentifierKind.EMAIL and "@" in plain:
        local, _, domain = plain.rpartition("@")
        return f"{local[:1]}…@{domain[:1]}…"
    if kind == IdentifierKind.PHONE:
        return f"…{plain[-2:]}" if len(plain) > 5 else "…"
    if kind == IdentifierKind.NAME:
        return " ".join(f"{word[0]}…" for word in plain.split())
    return f"{plain[0]}…" if len(plain) > 3 else "…"


def _guard(kind: IdentifierKind, value: str) -> None:
    if not value.strip():
        raise _refused(kind, "it is empty")
    if len(value) > LONGEST:
        raise _refused(kind, f"it is longer than {LONGEST} characters")
    if any(character in _WILD for character in value):
        raise _refused(kind, "it has a wildcard, which would match other people")
    if any(ord(character) < 32 for character in value.strip()):
        raise _refused(kind, "it has control characters")
    if value.strip().casefold() in SENTINELS:
        raise _refused(kind, "it is a placeholder that stands in many people's records")


def _refused(kind: IdentifierKind, why: str) -> InvalidInput:
    return InvalidInput(
        f"Reading an identifier of kind {kind}: {why}.",
        next_action="Give the whole identifier, exactly as the person knows it.",
    )
