"""Everything that `unlearning` raises on purpose.

UnlearningError
├── InputError            what was given cannot be used; trying again will not help
│   ├── RowsError         a row file is malformed, has duplicate keys or lacks a field
│   ├── ModelError        a folder is no usable model
│   │   ├── PickledWeights    weights only as pickle, which may run code when loaded
│   │   ├── RemoteCode        the model wants to run code of its own
│   │   ├── MissingWeights    no weights, or tensors that the configuration needs are absent
│   │   └── NotFinite         NaN or infinity among the weights
│   ├── LedgerError       a recorded run is absent, incomplete or altered
│   │   └── RowsChanged   rows that the replay needs are missing or differ from those recorded
│   ├── LeakyTarget       a target text gives away what shall be forgotten
│   ├── NotApplicable     these rows or this architecture do not allow what was asked for
│   └── UnknownName       no such method, metric, attack or shape
├── NotWritten            a file could not be written, for want of room or rights; nothing half-written is used
├── OutputExists          the output folder is already there; nothing is overwritten
├── Diverged              training or unlearning produced NaN or infinity; nothing was saved
├── Refused               the new model lost what it should keep, or babbles; nothing was saved
├── ProcessLost           another process of the same work ended, or this one was told to; start again
└── Waiting               somebody else's work is not there yet; call again later

A message names what was being done, to which file or folder, and what the reader can do. It never holds a row's
key, prompt or response.
"""


class UnlearningError(Exception):
    """Root of the tree."""


class InputError(UnlearningError):
    """What was given cannot be used; trying again will not help."""


class RowsError(InputError):
    """A row file is malformed, has duplicate keys or lacks a field."""


class ModelError(InputError):
    """A folder is no usable model."""


class PickledWeights(ModelError):
    """The weights exist only as pickle, which may run code when loaded."""


class RemoteCode(ModelError):
    """The model wants to run code of its own."""


class QuantizedWeights(ModelError):
    """The weights are kept in so few bits that small changes to them cannot be saved."""


class MissingWeights(ModelError):
    """No weights, or tensors that the configuration needs are absent."""


class NotFinite(ModelError):
    """NaN or infinity among the weights."""


class LedgerError(InputError):
    """A recorded run is absent, incomplete or altered."""


class RowsChanged(LedgerError):
    """Rows that the replay needs are missing or differ from those recorded."""


class LeakyTarget(InputError):
    """A target text gives away what shall be forgotten."""


class NotApplicable(InputError):
    """These rows or this architecture do not allow what was asked for."""


class UnknownName(InputError):
    """No such method, metric, attack or shape."""


class OutputExists(UnlearningError):
    """The output folder is already there; nothing is overwritten."""


class Diverged(UnlearningError):
    """Training or unlearning produced NaN or infinity; nothing was saved."""


class Refused(UnlearningError):
    """The new model lost what it should keep, or babbles; nothing was saved."""


class Waiting(UnlearningError):
    """Somebody else's work is not there yet; call again later."""


class ProcessLost(UnlearningError):
    """Another process of the same work ended, or this one was told to; start again."""


class NotWritten(UnlearningError):
    """A file could not be written, for want of room or rights; nothing half-written is used."""
