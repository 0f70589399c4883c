"""The company's own sign-in for its customers (OpenID Connect): which claims prove which identifiers.

Nobody gets an account here by it. The provider's word is used once, to prove identifiers of a request that is open in
the same browser; what it said is then forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from compliance.rules.errors import ConfigurationError
from compliance.rules.terms import IdentifierKind

PROVIDER = "company"


@dataclass(frozen=True)
class Vouched:
    """One identifier that the provider vouches for."""

    kind: IdentifierKind
    value: str


def name() -> str:
    """What the button calls the company's sign-in; empty when none is set up."""
    return settings.OUBLI_OIDC_NAME if settings.OUBLI_OIDC_ISSUER else ""


def claims_map(text: str) -> dict[str, IdentifierKind]:
    """``claim=kind`` pairs with commas, as ``email=email,customer_no=customer_id``; ConfigurationError otherwise."""
    pairs: dict[str, IdentifierKind] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        claim, sign, kind = (word.strip() for word in part.partition("="))
        if not sign or not claim or kind not in set(IdentifierKind) or kind == IdentifierKind.NAME:
            raise ConfigurationError(
                "Reading OUBLI_OIDC_CLAIMS: a pair is not CLAIM=KIND.",
                remedy=f"Write pairs with commas; kinds: {', '.join(k for k in IdentifierKind if k != 'name')}.",
            )
        pairs[claim] = IdentifierKind(kind)
    return pairs


def vouched(claims: Mapping[str, Any]) -> list[Vouched]:
    """The identifiers that verified claims prove.

    E-mail and phone count only with the standard's own ``email_verified`` and ``phone_number_verified`` (OpenID Connect
    Core 1.0, 5.1); whatever else is mapped, the company says that it verifies itself.
    """
    found = []
    for claim, kind in claims_map(settings.OUBLI_OIDC_CLAIMS).items():
        value = claims.get(claim)
        needs = {IdentifierKind.EMAIL: "email_verified", IdentifierKind.PHONE: "phone_number_verified"}.get(kind)
        if isinstance(value, str) and value.strip() and (needs is None or claims.get(needs) is True):
            found.append(Vouched(kind, value.strip()))
    return found
