"""Rotation of the master key: everything that the old one seals is sealed under the new one, or nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken, MultiFernet
from django.db import models, transaction

from compliance.accounts import master_key, second_factor
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import CaseKey
from compliance.mitigation.models import Leftover
from compliance.rules.errors import ProofFailed


@dataclass(frozen=True)
class Rotated:
    """How much was sealed anew."""

    cases: int
    copies: int
    second_factors: int


def rotate() -> Rotated:
    """Seal every kept key under the present master key; ProofFailed, and no change, when one opens under neither.

    Doing it twice changes nothing more. Nothing else may run meanwhile: a process that still holds the old key would
    go on sealing under it.
    """
    master_key.keep_hashing_keys()
    with transaction.atomic():
        wraps = vault.wrapping()
        done = Rotated(
            cases=_anew(CaseKey.objects.exclude(wrapped=None), "wrapped", wraps),
            copies=_anew(Leftover.objects.exclude(wrapped_key=None), "wrapped_key", wraps),
            second_factors=sum(_factor_anew(row) for row in Authenticator.objects.select_for_update()),
        )
        detail = {"cases": done.cases, "copies": done.copies, "second_factors": done.second_factors}
        audit.record("keys.rotated", case="", entity="", by="operator", detail=detail)
    return done


def _anew(rows: models.QuerySet[CaseKey] | models.QuerySet[Leftover], field: str, wraps: MultiFernet) -> int:
    count = 0
    for row in rows.select_for_update().iterator():
        setattr(row, field, _turned(wraps, bytes(getattr(row, field)), type(row).__name__))
        row.save(update_fields=[field])
        count += 1
    return count


def _factor_anew(row: Authenticator) -> int:
    seal = second_factor.seal()
    for field in _sealed_fields(row):
        row.data[field] = _turned(seal, row.data[field].encode(), "second factor").decode()
    row.save(update_fields=["data"])
    return 1


def _sealed_fields(row: Authenticator) -> Iterator[str]:
    return (field for field in ("secret", "seed") if field in row.data)


def _turned(wraps: MultiFernet, sealed: bytes, what: str) -> bytes:
    try:
        return wraps.rotate(sealed)
    except InvalidToken:
        raise ProofFailed(
            f"A key ({what}) opens neither under this master key nor under the previous one; nothing was changed.",
            next_action="Set OUBLI_MASTER_KEY_PREVIOUS to the key that was in use, and run it again.",
        ) from None
