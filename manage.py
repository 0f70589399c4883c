#!/usr/bin/env python
"""Django's command line for Oubli."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # what is set wrongly is said in words
        sys.exit(str(error))


if __name__ == "__main__":
    main()
