"""Django configuration of the app."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.worker"
    label = "worker"
    verbose_name = "Worker"
