"""Django configuration of the app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.intake"
    label = "intake"
    verbose_name = "Intake"
