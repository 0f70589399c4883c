"""Says the errors of libraries and of the system in our own words: a job row and a case page show nothing else."""

from __future__ import annotations

import errno

from django.db import OperationalError, ProgrammingError

from compliance.rules.errors import DamagedArtifact, DimensionMismatch, InvalidInput, NoSpace, OubliError
from compliance.rules.errors import SourceUnreachable as Unreachable
from retrieval import errors as retrieval
from unlearning import errors as unlearning

NO_SUCH = ("no such table", "no such column", "has no column named")  # SQLite has no code for it
UNDEFINED = ("42P01", "42703")  # PostgreSQL: undefined_table, undefined_column
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DatabaseBehind(OubliError):
    """A new version was started before its migrations; trying again helps once they are there."""

    retryable = True
    usual_action = "Run manage.py migrate; the work then goes on by itself."


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
    if isinstance(error, OperationalError | ProgrammingError) and _behind(error):
        return DatabaseBehind("The database lacks a table or column that this version of Oubli works with.")
    return in_words(error.__cause__) if error.__cause__ else None


def _behind(error: BaseException) -> bool:
    """Whether our own database lacks a table or column; a company's store is asked by other ways."""
    return getattr(error.__cause__, "sqlstate", None) in UNDEFINED or any(words in str(error) for words in NO_SUCH)


def _of_retrieval(error: retrieval.RetrievalError) -> OubliError:
    words = str(error)
    if isinstance(error, retrieval.DimensionMismatch | retrieval.EmbedderMismatch):
        return DimensionMismatch(words)
    if isinstance(error, retrieval.IndexBusy):
        return Unreachable(words)
    if isinstance(error, retrieval.IndexUnreadable | retrieval.StoreOutOfStep | retrieval.SuppressionUnreadable):
        return DamagedArtifact(words)
    return InvalidInput(words)
