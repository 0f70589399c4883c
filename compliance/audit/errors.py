"""The errors of the log; the tree is drawn in the package's docstring."""

from __future__ import annotations


class AuditError(Exception):
    """Something about the log went wrong; the message names the event or head, never a person."""


class NotInTransaction(AuditError):
    """An event must stand or fall with the fact it describes."""


class NotLogged(AuditError):
    """The event waits for the sequencer; run ``services.sequence()`` and ask again."""


class BadProof(AuditError):
    """The proof is too short, too long, or for other positions than stated."""


class NoSuchGap(AuditError):
    """There is no gap to answer for, or more than a gap does not hold; nothing was changed."""


class BadSuccession(AuditError):
    """A statement that one key follows another is damaged, or not signed by both; or a rotation is not finished."""


class BadCheckpoint(AuditError):
    """The signed note cannot be read or was not signed by this key."""
