"""Django configuration of the app."""

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.validation"
    label = "validation"
    verbose_name = "Validation"
