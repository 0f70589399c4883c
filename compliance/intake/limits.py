"""How often one may knock: counted in the database, so that every process of every machine counts the same.

A network is counted by its address, behind proxies only as configured; what is kept is a keyed hash, for a day. A
mailbox is never turned away: what is limited is how many letters it gets (``notices``), so that a stranger who fills in
forms in somebody's name neither floods nor silences them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from compliance.intake import vault
from compliance.intake.papers import Knock
from compliance.rules.errors import TooOften

KEPT = timedelta(days=1)
ALL = "everybody"


def network(meta: Mapping[str, object]) -> str:
    """The caller's network: an IPv4 address, or the /64 of an IPv6 one.

    ``OUBLI_PROXIES`` says how many proxies of ours stand before us; only what the nearest of them wrote counts. A
    request that came past them has the peer's own address.
    """
    peer, proxies = str(meta.get("REMOTE_ADDR", "")), settings.OUBLI_PROXIES
    hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    if proxies and len(hops) >= proxies:
        peer = hops[-proxies]
    try:
        address = ipaddress.ip_address(peer.strip("[]"))
    except ValueError:
        return peer[:60]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def knock(what: str, *, by: str) -> None:
    """Count one knock of a network and one of everybody; TooOften when either has knocked too often this hour."""
    for who, most in ((by, settings.OUBLI_LIMITS[what][0]), (ALL, settings.OUBLI_LIMITS[what][1])):
        if count(what, who) > most:
            raise TooOften(
                "Receiving this: it was tried too often from this network within an hour.",
                next_action="Wait an hour, then try again.",
            )


def count(what: str, who: str) -> int:
    """Count one more in this hour, and return how many it is now."""
    key, hour = _key(what, who), _hour(timezone.now())
    with transaction.atomic():
        Knock.objects.get_or_create(key=key, hour=hour)
        Knock.objects.filter(key=key, hour=hour).update(count=F("count") + 1)
        return Knock.objects.values_list("count", flat=True).get(key=key, hour=hour)


def counted(what: str, who: str, *, hours: int = 1) -> int:
    """How many there were in this hour and those before it."""
    since = _hour(timezone.now()) - timedelta(hours=hours - 1)
    rows = Knock.objects.filter(key=_key(what, who), hour__gte=since)
    return int(rows.aggregate(all=Sum("count"))["all"] or 0)


def next_hour() -> datetime:
    """When the counters of this hour no longer count."""
    return _hour(timezone.now()) + timedelta(hours=1)


def forget_old() -> int:
    """Remove the counters of yesterday; returns how many."""
    return Knock.objects.filter(hour__lt=timezone.now() - KEPT - timedelta(hours=1)).delete()[0]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _key(what: str, who: str) -> str:
    return hmac.new(vault.lookup_key(), f"knock\x00{what}\x00{who}".encode(), hashlib.sha256).hexdigest()
