"""Django configuration of the app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.evidence"
    label = "evidence"
    verbose_name = "Evidence"
