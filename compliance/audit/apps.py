"""The log as a Django app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only log of what was done."""

    name = "compliance.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
