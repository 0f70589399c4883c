"""What can go wrong, as one tree.

::

    RetrievalError
    ├── UnusableNeedle        a value that would find everybody or nobody
    ├── UnknownKind           a kind of identifier this library has no rule for
    ├── IndexUnreadable       missing, truncated or foreign files
    │   ├── UnsupportedIndex  a faiss index whose vectors cannot be copied exactly
    │   └── JournalDamaged    a change was begun, and what is left to do cannot be read or done
    ├── DimensionMismatch     vectors of another size than the index holds
    ├── EmbedderMismatch      vectors of another model than the index was built with
    ├── StoreOutOfStep        index and chunks tell different stories
    ├── NotPermitted          a query that does not say who asks, where that is needed
    ├── UnknownId             an id that never was in this index
    ├── IndexBusy             another process is changing the folder
    ├── ScanIncomplete        a file that could not be read through, so nothing can be said about it
    ├── WeightsDiffer         the embedder's weights are not the published ones
    ├── SuppressionUnreadable a list that is damaged, or was made with another key
    ├── ExclusionsUnreadable  the same of an exclusion list
    ├── IngestUnreadable      an ingest index that is damaged, or was made with another key
    └── InputsExcluded        training data or chunks that hold what was erased

Messages say what was being done, to what, and what the reader can do; never a person's identifier.
"""


class RetrievalError(Exception):
    """Any failure of this library."""


class UnusableNeedle(RetrievalError, ValueError):
    """A value that would find everybody or nobody."""


class UnknownKind(RetrievalError, ValueError):
    """A kind of identifier this library has no rule for."""


class IndexUnreadable(RetrievalError):
    """An index folder whose files are missing, truncated or foreign."""


class UnsupportedIndex(IndexUnreadable):
    """A faiss index whose vectors cannot be copied bit for bit."""


class JournalDamaged(IndexUnreadable):
    """A change was begun, and what is left of it cannot be read or done."""


class DimensionMismatch(RetrievalError, ValueError):
    """Vectors of another size than the index holds."""


class EmbedderMismatch(RetrievalError, ValueError):
    """Vectors of another model than the index was built with."""


class StoreOutOfStep(RetrievalError):
    """The index and its chunks tell different stories."""


class NotPermitted(RetrievalError):
    """A query that does not say who asks, of an index that has permissions."""


class UnknownId(RetrievalError, KeyError):
    """An id that never was in this index."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class IndexBusy(RetrievalError):
    """Another process is changing the same folder."""


class ScanIncomplete(RetrievalError):
    """A file could not be read through, so absence cannot be claimed for it."""


class WeightsDiffer(RetrievalError):
    """The embedder's weights are not the published ones."""


class SuppressionUnreadable(RetrievalError):
    """A suppression list is damaged, or was made with another key."""


class ExclusionsUnreadable(RetrievalError):
    """An exclusion list is missing, damaged, or was made with another key."""


class IngestUnreadable(RetrievalError):
    """An ingest index is missing, damaged, or was made with another key."""


class InputsExcluded(RetrievalError):
    """What a model or an index would be made from holds what was erased."""
