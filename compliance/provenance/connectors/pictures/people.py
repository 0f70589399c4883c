"""The people file: which row shows whom. Lines of row id and person, as ``classifier train --people`` reads them."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compliance.provenance.connectors import Place, Unread
from compliance.provenance.connectors.paths import refuse_second_names
from compliance.provenance.connectors.pictures.spelled import Meant, Rows
from compliance.provenance.connectors.rewriting import rewrite, translated
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import ConfigurationError, DamagedArtifact

PREFIX = "people:"  # how the names of its records begin
USUAL = "people.csv"
MOST_BYTES = 1 << 26  # a million lines and more; each takes thirty times its bytes in memory
_HEADINGS = ("row_id", "row id", "row", "id", "image", "file")


@dataclass(frozen=True)
class Line:
    """A line of the file: who stands on a row."""

    key: str
    raw: bytes
    row_id: str
    person: str

    def row(self) -> Row:
        """The line as a record."""
        return Row(self.key, {"row": self.row_id, "person": self.person}, self.raw, None, USUAL)


class People:
    """The people file of a place, read once; a place without one has no lines.

    ``keys`` are the place's rows, by which a line's row is recognised; ``beside`` are lines that the data hold.
    """

    def __init__(self, place: Place, keys: Collection[str] = (), *, beside: Sequence[Line] = ()) -> None:
        self._place, self.path = place, file_of(place)
        self.unread: list[Unread] = []
        self.lines: list[Line] = []
        self.beside = beside
        self.heading, self._digest = b"", ""
        if self.path.is_symlink():
            self._cannot("is a link.", "Put the file itself there.")
        elif self.path.is_file():
            with translated(self.path):
                self._read()
        rows = Rows(keys)
        self.rows: dict[str, Meant] = {line.key: rows.meant(line.row_id) for line in self.lines}
        self.on = defaultdict[str, dict[str, str]](dict)  # by row: each person once, however it is spelled
        for line in self.lines:
            for key in self.rows[line.key].keys:
                self.on[key].setdefault(line.person.strip().casefold(), line.person.strip())
        if keys and self.lines and not self.on:
            self._cannot("names no row that is there.", "Write a row id, a comma and a person on each line.")
        for line in beside:
            self.rows[line.key] = Meant((line.row_id,), sure=True)
            self.on[line.row_id].setdefault(line.person.strip().casefold(), line.person.strip())

    @property
    def nowhere(self) -> int:
        """How many lines name a row that is not there."""
        return len({line.row_id for line in self.lines if not self.rows[line.key].keys})

    @property
    def there(self) -> bool:
        """Whether there is such a file."""
        return self.path.is_file() and not self.path.is_symlink()

    def shown_on(self, key: str) -> set[str]:
        """Everybody whom the file names for a row."""
        return set(self.on.get(key, {}).values())

    def remove(self, keys: Collection[str]) -> None:
        """Write the file anew without some lines, every other byte as it was."""
        if not self.is_writable_without(keys):
            return
        kept = self.heading + b"".join(line.raw for line in self.lines if line.key not in keys)

        def write(target: Path) -> None:
            target.write_bytes(kept)

        rewrite(self.path, write, digest=self._digest, before_swap=lambda target: True)

    def is_writable_without(self, keys: Collection[str]) -> bool:
        """Whether a line of these is there; raises what stops it from going, before anything else is gone."""
        if not any(line.key in keys for line in self.lines):
            return False
        if self.unread:
            raise DamagedArtifact(self.unread[0].why, next_action=self.unread[0].next_action)
        refuse_second_names(self.path, self._place)
        return True

    def _read(self) -> None:
        if self.path.stat().st_size > MOST_BYTES:
            return self._cannot("is larger than a people file can be.", "Split the data folder.")
        seen: Counter[str] = Counter()
        content = self.path.read_bytes()
        self._digest = hashlib.sha256(content).hexdigest()  # a line that somebody adds from now on must not be lost
        for number, raw in enumerate(content.splitlines(keepends=True), start=1):
            if not raw.strip() or (number == 1 and raw.lower().startswith(tuple(f"{h},".encode() for h in _HEADINGS))):
                self.heading += raw if number == 1 else b""
                continue
            parts = _parted(raw)
            if parts is None:
                self._cannot(f"line {number} is no row id, comma, person in UTF-8.", "Mend the line.")
                continue
            digest = hashlib.sha256(raw.strip()).hexdigest()[:16]
            seen[digest] += 1
            key = f"{PREFIX}{digest}" + (f"#{seen[digest]}" if seen[digest] > 1 else "")
            self.lines.append(Line(key, raw, *parts))
        return None

    def _cannot(self, why: str, what_then: str) -> None:
        self.unread.append(Unread(self.path.name, f"{self._place.name}: {self.path.name} {why}", what_then))


def file_of(place: Place) -> Path:
    """Where the people file of a place lies: in its folder; ``ConfigurationError`` for a name that leads out of it."""
    name = str(place.options.get("people") or USUAL)
    if Path(name).name != name or name in (".", ".."):
        raise ConfigurationError(
            f"{place.name}: options.people is the name of a file in the data folder itself.",
            remedy=f"Put the file beside the pictures and write its name, such as {USUAL}.",
        )
    return Path(place.location) / name


def rows_of(people: People) -> Iterator[Row]:
    """Its lines as records."""
    return (line.row() for line in (*people.lines, *people.beside))


def _parted(raw: bytes) -> tuple[str, str] | None:
    try:
        fields = next(csv.reader([raw.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return (fields[0], fields[1]) if len(fields) == 2 and all(fields) else None
