"""How often one caller may knock: per signed-in person, else per network address."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import ScopedRateThrottle

# A code has 32^8 values and five tries; these caps are against floods and oracles, not against guessing alone.
RATES: dict[str, str] = {
    "intake": "30/hour",
    "confirm": "60/hour",
    "status": "120/hour",
    "check": "600/hour",
    "bounce": "6000/hour",
    "lineage": "3600/hour",
    "unlearning": "600/hour",
}


class Knocking(ScopedRateThrottle):
    """Throttle by the view's ``throttle_scope``; settings may override a scope's rate."""

    THROTTLE_RATES: dict[str, str | None] = {**RATES, **cast("dict[str, str]", api_settings.DEFAULT_THROTTLE_RATES)}

    def get_ident(self, request: Request) -> str:
        """The peer's address; a forwarded header counts only when the settings say how many proxies are ours."""
        if api_settings.NUM_PROXIES is None:
            return str(request.META.get("REMOTE_ADDR", ""))
        return str(super().get_ident(request))
