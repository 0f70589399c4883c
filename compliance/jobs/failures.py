"""Says the errors of libraries and of the system in our own words: a job row and a case page show nothing else."""

from __future__ import annotations

import errno

from compliance.rules.errors import DamagedArtifact, DimensionMismatch, InvalidInput, NoSpace, OubliError
from compliance.rules.errors import SourceUnreachable as Unreachable
from retrieval import errors as retrieval
from unlearning import errors as unlearning

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def in_words(error: BaseException) -> OubliError | None:
    """The error as one of ours, found along its causes; None when nobody expected it: its text may quote data."""
    if isinstance(error, OubliError):
        return error
    if isinstance(error, retrieval.RetrievalError):
        return _of_retrieval(error)
    if isinstance(error, unlearning.InputError):
        return DamagedArtifact(str(error))
    if isinstance(error, OSError) and error.errno in FULL:
        return NoSpace("The disk is full: what was being written was thrown away, what was there is untouched.")
    if "database or disk is full" in str(error):
        return NoSpace("The database has no room left; the transaction was rolled back.")
    return in_words(error.__cause__) if error.__cause__ else None


def _of_retrieval(error: retrieval.RetrievalError) -> OubliError:
    words = str(error)
    if isinstance(error, retrieval.DimensionMismatch | retrieval.EmbedderMismatch):
        return DimensionMismatch(words)
    if isinstance(error, retrieval.IndexBusy):
        return Unreachable(words)
    if isinstance(error, retrieval.IndexUnreadable | retrieval.StoreOutOfStep | retrieval.SuppressionUnreadable):
        return DamagedArtifact(words)
    return InvalidInput(words)
