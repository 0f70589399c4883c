"""The Django project: three doors, five floors and the ground they stand on."""

__version__ = "0.8.0"
