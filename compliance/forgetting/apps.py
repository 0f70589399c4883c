"""The app of unlearning as a service."""

from __future__ import annotations

from django.apps import AppConfig


class ForgettingConfig(AppConfig):
    """Unlearning as a service."""

    name = "compliance.forgetting"
    label = "forgetting"
