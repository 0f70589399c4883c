"""Addresses of the officer's pages beside the case: assessment, letters, recipients, calendar."""

from __future__ import annotations

from typing import Any

from django.urls import path

from compliance.web import (
    assessment,
    calendar_feed,
    company_map,
    identity_check,
    letters,
    own_words,
    recipients,
    together,
    watch,
)

_CASE = "officer/cases/<case:reference>/"


def paths() -> list[Any]:
    """The addresses; to be called when the converter of references is registered."""
    return [
        path(f"{_CASE}assess/", assessment.show, name="assess"),
        path(f"{_CASE}identity/", identity_check.show, name="identity"),
        path(f"{_CASE}identity/check/", identity_check.check, name="identity_check"),
        path(f"{_CASE}letters/", letters.show, name="letters"),
        path(f"{_CASE}letters/words/<slug:kind>/", own_words.edit, name="own_words"),
        path(f"{_CASE}letters/<int:number>/", letters.one, name="letter"),
        path(f"{_CASE}letters/<int:number>/print/", letters.to_print, name="letter_print"),
        path(f"{_CASE}letters/<int:number>/pdf/", letters.printed, name="letter_pdf"),
        path(f"{_CASE}letters/<int:number>/posted/", letters.posted, name="letter_posted"),
        path(f"{_CASE}preview/<slug:verb>/", letters.preview, name="preview"),
        path(f"{_CASE}together/<slug:verb>/", together.decide, name="together"),
        path(f"{_CASE}recipients/", recipients.show, name="recipients"),
        path(f"{_CASE}recipients/add/", recipients.add, name="recipient_add"),
        path(f"{_CASE}recipients/<int:number>/", recipients.advance, name="recipient"),
        path(f"{_CASE}calendar.ics", calendar_feed.of_case, name="calendar_case"),
        path("calendar/<str:key>.ics", calendar_feed.feed, name="calendar"),
        path("officer/map/", company_map.show, name="map"),
        path("healthz/clocks", watch.clocks, name="healthz_clocks"),
    ]
