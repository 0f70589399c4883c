"""One pass over the files of a place, in which a file that cannot be read is written down and the others are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from compliance.provenance.connectors import Place, Unread, formats
from compliance.provenance.connectors.paths import Listing, listing_of
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import ConfigurationError, DamagedArtifact, NotAllowed, OubliError

_MOST_NAMED = 100


class Reading:
    """``unread`` and ``errors`` are complete once ``rows`` is exhausted."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.unread: list[Unread] = []
        self.errors: list[OubliError] = []
        self.formats: set[str] = set()
        self.skipped: set[Path] = set()

    @cached_property
    def listing(self) -> Listing:
        """What lies at the place."""
        return listing_of(self.place)

    def rows(self) -> Iterator[Row]:
        """Every record that can be read; the first error, when that is true of no file."""
        whole = 0
        for refusal in self.listing.refused:
            self._note("", refusal)
        for path in self.listing.paths:
            before = len(self.errors)
            yield from self.rows_in(path)
            whole += len(self.errors) == before
        if not whole and self.errors:
            raise self.errors[0]

    def rows_in(self, path: Path, kind: formats.Format | None = None) -> Iterator[Row]:
        """Every record of one file, up to where it cannot be read any further."""
        try:
            with translated(path):
                if kind is None:
                    self.formats.add(formats.name_for(path, self.place))
                yield from (kind or formats.load(path, self.place)).rows(path, self.place)
        except formats.PartUnread as error:
            self._note(path.name, error)
        except (DamagedArtifact, ConfigurationError, NotAllowed) as error:
            self.errors.append(error)
            self.skipped.add(path)
            self._note(path.name, error)

    def digest(self) -> str:
        """Digest over all files' bytes; of a file that could not be read, its size and time stand for it."""
        digests = [_stamp(path) if path in self.skipped else digest_of(path) for path in self.listing.paths]
        if len(digests) == 1:
            return digests[0]
        named = "\n".join(f"{path.name} {part}" for path, part in zip(self.listing.paths, digests, strict=True))
        return hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()

    def _note(self, part: str, error: OubliError) -> None:
        if len(self.unread) < _MOST_NAMED:
            self.unread.append(Unread(part, error.cause, error.next_action))


def _stamp(path: Path) -> str:
    seen = path.stat()
    return hashlib.sha256(f"{seen.st_size} {seen.st_mtime_ns}".encode()).hexdigest()
