"""Django configuration of the app."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.worker"
    label = "worker"
    verbose_name = "Worker"

    def ready(self) -> None:
        """Make our Celery application the current one in every process, so that messages find the right broker."""
        from compliance import celery  # noqa: F401
