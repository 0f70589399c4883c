"""Places where data lives, each behind the same five verbs: describe, find, erase, prove absent, purge.

A connector is a module of functions named in ``TABLE`` and loaded on first use. It is plain Python: no web
framework, no queue, no model library, so that it can be tried alone on somebody's own folder.

Errors come from ``compliance.rules.errors``: ``SourceUnreachable`` (not there, no access), ``DamagedArtifact`` (cut
short, not what it claims), ``NoSpace``, ``ModelUnreadable``, ``DimensionMismatch``, ``ConfigurationError`` (an option
is wrong); beside them ``SourceChanged`` and ``NotErasableHere``, below.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from compliance.rules.errors import NotFoundHere, OubliError
from retrieval.types import Needle

if TYPE_CHECKING:
    from compliance.provenance.connectors.rows import Row

MARK = "[erased]"
NEAR = "~"  # behind a needle's key: a near copy of its text, which only proposes
LEVELS = ("hidden", "logically_deleted", "learned_kept", "rewritten", "byte_checked")
Progress = Callable[[float, str], None]


def silent(fraction: float, message: str) -> None:
    """A progress callable that tells nobody."""


@dataclass(frozen=True)
class Place:
    """One registered place: what it is called, what it is, who reads it, where it lies and how its fields are meant."""

    name: str
    kind: str
    connector: str
    location: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key_field(self) -> str:
        """The field that names a record for good; empty when a record is named by the digest of its bytes."""
        return str(self.options.get("key_field") or "")

    @property
    def lineage_field(self) -> str:
        """The field that holds the key, or keys, of the record this one was made from."""
        return str(self.options.get("lineage_field") or "")

    @property
    def subject_fields(self) -> tuple[str, ...]:
        """Fields that say whose record it is."""
        return tuple(self.options.get("subject_fields") or ())

    @property
    def text_fields(self) -> tuple[str, ...]:
        """Fields searched beside these; empty means every other field, so that nothing is missed."""
        return tuple(self.options.get("text_fields") or ())

    @property
    def erase_on_mention(self) -> bool:
        """Whether a mention anywhere makes the whole record go (caches, logs) instead of being redacted."""
        return bool(self.options.get("on_mention", "redact") == "erase")


@dataclass(frozen=True)
class Unread:
    """A part of a place that could not be read: which, why, and what the reader can do about it."""

    part: str
    why: str
    next_action: str = ""


@dataclass(frozen=True)
class Description:
    """A place as it is now: digest of its content, bytes, records, and what the connector knows beside.

    ``unread`` names the parts that could not be read: what they hold is unknown, and whoever uses this says so.
    """

    digest: str
    size: int
    records: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Match:
    """A needle in a record: ``owner`` when the record is the person's, else only ``start:end`` of ``field`` is."""

    record: str
    field: str
    support: str
    needle: str
    digest: str
    owner: bool
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Span:
    """Characters ``start:end`` of a field, valid only for the record whose digest is ``digest``."""

    field: str
    start: int
    end: int
    digest: str


Redaction = Span | Needle


@dataclass(frozen=True)
class Receipt:
    """What an erasure or purge did.

    ``level`` is one of ``LEVELS``, the weakest first. ``others_before`` and ``others_after`` are
    order-independent digests over every untouched record's exact bytes: equal means nobody else's record was touched.
    ``remaining`` counts records that were asked for and are still there.
    """

    level: str
    removed: int = 0
    redacted: int = 0
    remaining: int = 0
    digest_before: str = ""
    digest_after: str = ""
    records_before: int = 0
    records_after: int = 0
    others_before: str = ""
    others_after: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def others_untouched(self) -> bool:
        """Whether everybody else's records are what they were."""
        return self.others_before == self.others_after


class Connector(Protocol):
    """The five verbs; every call may be repeated, also after a kill in the middle of it."""

    def describe(self, place: Place) -> Description:
        """The place as it is now, without changing anything."""

    def find(
        self, place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent
    ) -> Iterator[Match]:
        """Where the needles stand, in any spelling; ``region`` reads telephone numbers written without a country."""

    def records(self, place: Place, keys: Collection[str] | None) -> Iterator[Row]:
        """The records of those names, or all of them, with their fields and exact bytes."""

    def find_derived(self, place: Place, keys: Collection[str]) -> Iterator[Match]:
        """Records made from one of the records in ``keys``, by the declared lineage field."""

    def erase(
        self,
        place: Place,
        *,
        records: Collection[str] = (),
        redactions: Mapping[str, Sequence[Redaction]] | None = None,
        undo: Path | None = None,
        region: str = "",
        progress: Progress = silent,
    ) -> Receipt:
        """Take the records out and blank the redactions; what was removed is added to ``undo`` first, as JSON lines."""

    def absent(self, place: Place, patterns: Sequence[bytes]) -> int:
        """How often the patterns still stand in the raw or decoded bytes, by other code than ``find``."""

    def purge(self, place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
        """Remove what the store keeps after a delete: free pages, write-ahead logs, half-written files.

        With ``patterns`` the store's own files are then searched for them, and the receipt's level is what was found:
        byte_checked only when the files were read and hold none.
        """


TABLE: dict[str, str] = {
    "files": "compliance.provenance.connectors.files",
    "objects": "compliance.provenance.connectors.objects",
    "sql": "compliance.provenance.connectors.sql",
    "vector_index": "compliance.provenance.connectors.vector_index",
    "model": "compliance.provenance.connectors.model",
    "table_model": "compliance.provenance.connectors.table_model",
    "classifier": "compliance.provenance.connectors.classifier",
    "images": "compliance.provenance.connectors.images",
    "duckdb": "compliance.provenance.connectors.duckdb:CONNECTOR",
    "delta": "compliance.provenance.connectors.delta:CONNECTOR",
    "iceberg": "compliance.provenance.connectors.iceberg:CONNECTOR",
    "lancedb": "compliance.provenance.connectors.lance:CONNECTOR",
    "qdrant": "compliance.provenance.connectors.qdrant:CONNECTOR",
    "chroma": "compliance.provenance.connectors.chroma:CONNECTOR",
    "redis": "compliance.provenance.connectors.redis:CONNECTOR",
    "mlflow": "compliance.provenance.connectors.mlflow:CONNECTOR",
}


class SourceChanged(OubliError):
    """A source was changed by somebody else while it was being rewritten; the rewrite was thrown away."""

    retryable: ClassVar[bool] = True
    usual_action = "It is tried again by itself; if it lasts, stop the program that writes there for a minute."


class NotErasableHere(OubliError):
    """This place cannot be erased record by record: another action has to treat it."""

    usual_action = "Have the plan drafted again: models are retrained or unlearned, not edited in place."


def load(name: str) -> Connector:
    """The connector of that name, imported on first use; ``NotFoundHere`` names those that exist."""
    if name not in TABLE:
        raise NotFoundHere(f"No connector is called {name!r}.", next_action=f"Use one of: {', '.join(sorted(TABLE))}.")
    return cast(Connector, resolve_name(TABLE[name]))
