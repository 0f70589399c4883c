"""Django configuration of the app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "compliance.accounts"
    label = "accounts"
    verbose_name = "Accounts"
