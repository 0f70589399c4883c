"""The errors of the evidence floor.

::

    OubliError
    ├── InvalidInput
    │   ├── PersonalData    a dossier for outsiders holds something that looks like an identifier
    │   ├── OutsideBundle   a report's page asks for a file or address that it was not given
    │   ├── UncoveredText   the vendored fonts lack a character of the text
    │   └── UnreadablePack  what was given is no evidence pack
    └── MissingPart         a letter lacks what the law demands in it
"""

from __future__ import annotations

from compliance.rules.errors import InvalidInput, MissingPart

__all__ = ["MissingPart", "OutsideBundle", "PersonalData", "UncoveredText", "UnreadablePack"]


class PersonalData(InvalidInput):
    """A dossier for outsiders holds something that looks like an identifier; names the place, not the value."""

    usual_action = "Describe the place by its kind and count; identifiers stay in the case."


class OutsideBundle(InvalidInput):
    """A report's page asks for a file or address that it was not given; nothing is ever fetched."""

    usual_action = "Remove the reference from the template, or put the file into the bundle."


class UncoveredText(InvalidInput):
    """The vendored fonts lack a character; a PDF/A must not show an empty box."""

    usual_action = "Render with the stated replacement, or add a font that has the characters."


class UnreadablePack(InvalidInput):
    """What was given is no evidence pack."""

    usual_action = "Download the pack again."
