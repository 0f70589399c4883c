"""What a connector borrows from its surroundings: optional packages, and secrets that stand in the environment only."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any

from compliance.provenance.connectors import Place
from compliance.rules.errors import ConfigurationError, MissingPart

_FROM_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def package(module: str, place: Place, *, install: str = "") -> Any:
    """A module that only this kind of place needs; ``MissingPart`` says what to install."""
    try:
        return import_module(module)
    except ImportError:
        name = install or module.partition(".")[0]
        raise MissingPart(
            f"{place.name}: connector {place.connector!r} needs the Python package {name!r}, which is not installed.",
            next_action=f"Install it for the worker (pip install {name}), then try again.",
        ) from None


def filled_in(text: str, place: Place) -> str:
    """The text with each ``${NAME}`` taken from the environment; the filled-in form is never shown or stored."""
    try:
        return _FROM_ENVIRONMENT.sub(lambda found: os.environ[found[1]], text)
    except KeyError as missing:
        raise ConfigurationError(
            f"{place.name}: the environment has no {missing.args[0]}.", remedy="Set it for the worker, then try again."
        ) from None
