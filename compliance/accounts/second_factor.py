"""The second factor of staff: a code of an authenticator app (RFC 6238), or one of ten recovery codes.

allauth makes and keeps them; here they are encrypted under the installation's master key, no code is good twice
(RFC 6238, 5.2), and ten wrong ones close the door for a quarter of an hour, from wherever they come.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from cryptography.fernet import InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from compliance.accounts import master_key
from compliance.accounts.models import User
from compliance.rules.errors import InvalidInput, TooOften

TRIES, PAUSE = 10, timedelta(minutes=15)
_APP, _RECOVERY = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES


@dataclass(frozen=True)
class Offer:
    """A secret that an authenticator app can take: as text, and drawn (SVG)."""

    secret: str
    drawing: str


class Sealing(DefaultMFAAdapter):
    """How allauth keeps secrets here (setting ``MFA_ADAPTER``)."""

    def encrypt(self, text: str) -> str:
        """Sealed under the master key."""
        return seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """What ``encrypt`` sealed."""
        return seal().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: Any) -> str:
        """What the app calls the account."""
        return str(user.get_username())

    def get_totp_issuer(self) -> str:
        """What the app calls the house: its public address without the scheme."""
        return f"Oubli {settings.OUBLI_SITE.partition('://')[2]}"


def seal() -> MultiFernet:
    """What seals the secrets, under the master key."""
    return master_key.sealing("second factor")


def required() -> bool:
    """Whether every member of staff needs one (setting ``OUBLI_SECOND_FACTOR``)."""
    return bool(settings.OUBLI_SECOND_FACTOR == "required")


def held(user: User) -> bool:
    """Whether ``user`` has one."""
    return bool(Authenticator.objects.filter(user=user, type=_APP).exists())


def holders(users: list[User]) -> set[int]:
    """Which of ``users`` have one, by primary key."""
    return set(Authenticator.objects.filter(user__in=users, type=_APP).values_list("user_id", flat=True))


def since(user: User) -> datetime | None:
    """When ``user`` set it up; None without one."""
    row = Authenticator.objects.filter(user=user, type=_APP).first()
    return None if row is None else datetime.fromtimestamp(row.created_at.timestamp(), UTC)


def sealed_secret() -> str:
    """A fresh secret, encrypted, to be kept until the first code shows that the app has it."""
    return str(get_adapter().encrypt(generate_totp_secret()))


def usable(sealed: str) -> bool:
    """Whether a secret that was kept can still be opened: there is one, and the master key was not rotated since."""
    try:
        return bool(get_adapter().decrypt(sealed))
    except InvalidToken:
        return False


def offer(user: User, sealed: str) -> Offer:
    """The secret for ``user``'s app."""
    adapter = get_adapter()
    secret = adapter.decrypt(sealed)
    return Offer(secret=secret, drawing=adapter.build_totp_svg(adapter.build_totp_url(user, secret)))


@transaction.atomic
def activate(user: User, sealed: str, code: str) -> list[str]:
    """Turn it on when ``code`` is right, and return the recovery codes; InvalidInput for a wrong code."""
    counter = _matching(get_adapter().decrypt(sealed), code, after=0)
    if counter is None:
        raise InvalidInput("This code is not right. Check the clock of your device, and use the newest code.")
    User.objects.select_for_update().get(pk=user.pk)  # pressed twice, the second waits for the first
    remove(user)
    Authenticator.objects.create(user=user, type=_APP, data={"secret": sealed, "last": counter})
    return _fresh_codes(user)


def renew(user: User) -> list[str]:
    """New recovery codes; the old ones are good for nothing any more."""
    return _fresh_codes(user)


def _fresh_codes(user: User) -> list[str]:
    Authenticator.objects.filter(user=user, type=_RECOVERY).delete()
    return list(RecoveryCodes.activate(user).generate_codes())


def codes_left(user: User) -> int:
    """How many recovery codes have not been used."""
    row = Authenticator.objects.filter(user=user, type=_RECOVERY).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


def remove(user: User) -> bool:
    """Turn it off, recovery codes and all; False when there was none."""
    return bool(Authenticator.objects.filter(user=user).delete()[0])


@transaction.atomic
def accept(user: User, code: str) -> bool:
    """Whether ``code`` is the app's present one or an unused recovery code; TooOften after too many wrong ones."""
    row = Authenticator.objects.select_for_update().filter(user=user, type=_APP).first()
    if row is None:
        return False
    now, typed = timezone.now(), "".join(code.split())
    if _closed(row, now):
        raise TooOften("There were too many wrong codes. Wait a quarter of an hour, then try again.")
    counter = _matching(get_adapter().decrypt(row.data["secret"]), typed, after=row.data["last"])
    right = counter is not None or _recovered(user, typed)
    if right:
        row.data = {"secret": row.data["secret"], "last": counter or row.data["last"]}
        row.last_used_at = now
    else:
        wrong = 0 if _calm(row, now) else row.data.get("wrong", 0)
        row.data |= {"wrong": wrong + 1, "wrong_at": now.isoformat()}
    row.save(update_fields=["data", "last_used_at"])
    return right


def _matching(secret: str, code: str, *, after: int) -> int | None:
    for counter in yield_hotp_counters_from_time():
        right = format_hotp_value(hotp_value(secret, counter))
        if counter > after and hmac.compare_digest(right.encode(), code.encode()):
            return int(counter)
    return None


def _recovered(user: User, code: str) -> bool:
    row = Authenticator.objects.filter(user=user, type=_RECOVERY).first()
    return bool(row and RecoveryCodes(row).validate_code(code))


def _calm(row: Authenticator, now: datetime) -> bool:
    last = parse_datetime(row.data.get("wrong_at", ""))
    return last is None or now - last > PAUSE


def _closed(row: Authenticator, now: datetime) -> bool:
    return row.data.get("wrong", 0) >= TRIES and not _calm(row, now)
