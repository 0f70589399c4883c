"""Addresses of the officer's pages beside the case: assessment, letters, recipients, calendar."""

from __future__ import annotations

from typing import Any

from django.urls import path

from compliance.web import assessment

_CASE = "officer/cases/<case:reference>/"


def paths() -> list[Any]:
    """The addresses; to be called when the converter of references is registered."""
    return [
        path(f"{_CASE}assess/", assessment.show, name="assess"),
    ]
