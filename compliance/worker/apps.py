"""Django configuration of the app."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.worker"
    label = "worker"
    verbose_name = "Worker"

    def ready(self) -> None:
        """Make our Celery application the current one in every process, so that messages find the right broker.

        A worker of Celery looks at its database before it takes the first message.
        """
        from celery.signals import worker_init

        from compliance import celery  # noqa: F401
        from compliance.worker import readiness

        worker_init.connect(readiness.before_work)
