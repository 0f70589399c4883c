"""The dead man's check as a page for monitors."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.intake import watching


@never_cache
@require_safe
def clocks(request: HttpRequest) -> JsonResponse:
    """200 while the clocks are watched, 503 when nobody has looked for fifteen minutes."""
    if watching.silent():
        return JsonResponse({"status": "nobody watches the clocks"}, status=503)
    return JsonResponse({"status": "ok"})
