"""The Celery application: an embedded broker in a folder by default, Redis or RabbitMQ by setting."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")
app = Celery("oubli")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["compliance.worker"])


def embed_broker() -> None:
    """Point the application at the folder broker unless a broker is configured."""
    from django.conf import settings

    if settings.CELERY_BROKER_URL:
        return
    folder = settings.OUBLI_BROKER
    for name in ("messages", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    app.conf.broker_url = "compliance.jobs.broker.Transport://localhost/"
    app.conf.broker_transport = "compliance.jobs.broker:Transport"
    app.conf.broker_transport_options = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
    }


embed_broker()
app.conf.worker_enable_remote_control = False
app.conf.beat_schedule = {"tick": {"task": "oubli.tick", "schedule": 5.0, "options": {"expires": 5}}}
