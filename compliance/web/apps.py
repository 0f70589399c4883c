"""Django configuration of the app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.web"
    label = "web"
    verbose_name = "Web"
