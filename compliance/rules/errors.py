"""The error tree; each error knows what to do next and whether trying again helps.

::

    OubliError
    ├── InvalidInput            what was given cannot be used as it is
    │   ├── ConfigurationError  a file that people write is wrong: file, line, remedy
    │   ├── DamagedArtifact     a source or artifact is cut short or not what its name says
    │   ├── DimensionMismatch   an index and its vectors do not fit
    │   └── ModelUnreadable     a model folder without weights, or with weights that cannot be read safely
    ├── NotAllowed              this person may not do this
    │   └── SecondPersonNeeded  who drafted or approved first may not approve again
    ├── NotFoundHere            what was asked for is not here
    ├── IllegalMove             the lifecycle table has no such move
    ├── PlanChanged             the plan is not the one that was approved
    ├── SourceUnreachable       a source does not answer                         (trying again helps)
    ├── TooOften                tried too often from one place                   (trying again helps)
    ├── NoSpace                 the disk is full                                 (trying again helps)
    ├── LeaseLost               another worker holds the job now
    ├── ProofFailed             a check did not confirm what an action promised
    └── MissingPart             something that must be there before going on is missing

An error says what was being done, to what, and what the reader can do. It never carries a person's identifier: callers
name artifacts and counts, and ``OubliError`` blanks what looks like an e-mail address or telephone number all the same.
"""

from __future__ import annotations

import re
from typing import ClassVar

_LOOKS_PERSONAL = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]+|\+\d[\d\s().-]{6,}\d")
BLANK = "[identifier]"


def without_identifiers(text: str) -> str:
    """The text with everything that looks like an e-mail address or international number blanked."""
    return _LOOKS_PERSONAL.sub(BLANK, text)


class OubliError(Exception):
    """Something could not be done: ``cause`` and ``next_action`` are words for the reader.

    ``retryable`` says whether the same call may succeed later without anybody changing anything.
    """

    retryable: ClassVar[bool] = False
    usual_action: ClassVar[str] = "Ask an engineer to read the job's details."

    def __init__(self, cause: str, *, next_action: str = "") -> None:
        self.cause = without_identifiers(cause)
        self.next_action = without_identifiers(next_action) or self.usual_action
        super().__init__(self.cause)

    def __str__(self) -> str:
        return f"{self.cause} {self.next_action}"


class InvalidInput(OubliError):
    """What was given cannot be used as it is."""

    usual_action = "Correct the input and send it again."


class ConfigurationError(InvalidInput):
    """A file that people write is wrong; says the file, the line (from 1; 0 when unknown) and the remedy."""

    usual_action = "Correct the file and register it again."

    def __init__(self, cause: str, *, file: str = "", line: int = 0, remedy: str = "") -> None:
        self.file, self.line, self.remedy = file, line, remedy
        where = f"{file}, line {line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + cause, next_action=remedy)
        self.args = (cause,)


class DamagedArtifact(InvalidInput):
    """A source or artifact is cut short, or is not what its name says."""

    usual_action = "Restore the artifact from its owner's copy, then continue the case."


class DimensionMismatch(InvalidInput):
    """An index and the vectors meant for it do not fit."""

    usual_action = "Register the embedder that the index was built with, or rebuild the index."


class ModelUnreadable(InvalidInput):
    """A model folder has no weights, or weights that cannot be read safely."""

    usual_action = "Point the registration to a folder with safetensors weights, then continue the case."


class NotAllowed(OubliError):
    """This person may not do this."""

    usual_action = "Ask somebody with the role for this legal entity."


class SecondPersonNeeded(NotAllowed):
    """Who drafted or approved first may not approve again."""

    usual_action = "Ask a second person with the approver's role."


class NotFoundHere(OubliError):
    """What was asked for is not here."""

    usual_action = "Check the reference, or look in the list."


class IllegalMove(OubliError):
    """The lifecycle table has no such move."""

    usual_action = "Reload the case: somebody may have moved it."


class PlanChanged(OubliError):
    """The plan is not the one that was approved."""

    usual_action = "Read the plan as it is now and have it approved again."


class SourceUnreachable(OubliError):
    """A source does not answer; trying again may help."""

    retryable = True
    usual_action = "It is tried again by itself; if it lasts, check the source's address and access."


class NoSpace(OubliError):
    """The disk is full; trying again helps once there is room."""

    retryable = True
    usual_action = "Free some disk space; the case then goes on by itself."


class TooOften(OubliError):
    """It was tried too often from one place; trying again later helps."""

    retryable = True
    usual_action = "Wait an hour, then try again."


class LeaseLost(OubliError):
    """Another worker holds the job now; this one must stop without writing."""

    usual_action = "Nothing: the worker that holds the job goes on."


class ProofFailed(OubliError):
    """A check did not confirm what an action promised."""

    usual_action = "Look at the failed measurement, change the plan and have it approved."


class MissingPart(OubliError):
    """Something that must be there before going on is missing."""

    usual_action = "Add what is missing and try again."
