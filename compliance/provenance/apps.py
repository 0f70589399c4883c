"""Django configuration of the app."""

from django.apps import AppConfig


class ProvenanceConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.provenance"
    label = "provenance"
    verbose_name = "Provenance"
