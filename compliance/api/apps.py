"""Django configuration of the app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.api"
    label = "api"
    verbose_name = "API"
