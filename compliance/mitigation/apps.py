"""Django configuration of the app."""

from django.apps import AppConfig


class MitigationConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.mitigation"
    label = "mitigation"
    verbose_name = "Mitigation"
