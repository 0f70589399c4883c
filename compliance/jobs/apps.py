"""Django configuration of the app."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.jobs"
    label = "jobs"
    verbose_name = "Jobs"
