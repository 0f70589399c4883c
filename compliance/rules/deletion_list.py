"""California's deletion list: how its files look, and what the codes mean; ``list_hashes`` says how values are hashed.

Sources: CalPrivacy, DROP technical specifications 1.2.0, "Working with the data" and "Reference" (2026); Civ. Code
1798.99.86. Have counsel confirm.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from compliance.rules.errors import InvalidInput

EMAIL, PHONE, NDZ, NAME_VIN, MAID, CTVID = KNOWN = ("Email", "Phone", "NDZ", "NameVIN", "MAID", "CTVID")
MOST_ROWS = 5_000_000
_NAME = re.compile(r"(?P<day>\d{8})_(?P<broker>[A-Za-z0-9-]+)_(?P<list>[A-Za-z]+)(?:_[A-Za-z0-9-]+)?\.csv")
_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Code(IntEnum):
    """What became of a work item; 0 and 1 are not used."""

    EXEMPTED = 2
    DELETED = 3
    OPTED_OUT = 4
    NOT_FOUND = 5


@dataclass(frozen=True)
class Named:
    """What a file's name says."""

    day: str
    broker: str
    list_type: str


def name_of(file: str) -> Named:
    """Day, broker and list of ``YYYYMMDD_BROKER_LIST.csv``; InvalidInput for another name or an unknown list."""
    found = _NAME.fullmatch(file)
    if found is None or found["list"] not in (*KNOWN, "Removed"):
        raise InvalidInput(
            "Reading a deletion list: its name is not YYYYMMDD_BROKER_LIST.csv.",
            next_action=f"Keep the name under which it was pulled; lists: {', '.join(KNOWN)}.",
        )
    return Named(found["day"], found["broker"], found["list"])


def read(text: str) -> list[tuple[str, str]]:
    """Pairs (work item, hash) of a list's CSV; InvalidInput with the line for anything else, never the value."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    head = [name.strip().lower() for name in next(rows, [])]
    if head[:2] != ["id", "hash"]:
        raise InvalidInput("Reading a deletion list: its first line is not ID,Hash.")
    found: list[tuple[str, str]] = []
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) < 2 or not _ID.fullmatch(row[0].strip()) or not _HASH.fullmatch(row[1].strip()):
            raise InvalidInput(f"Reading a deletion list: line {number} is no work item with its hash.")
        if len(found) >= MOST_ROWS:
            raise InvalidInput(f"Reading a deletion list: it has more than {MOST_ROWS:,} rows.")
        found.append((row[0].strip(), row[1].strip()))
    return found


def write(rows: Iterable[tuple[str, Code]]) -> str:
    """The CSV that is uploaded: work item and status code."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["Id", "Status"])
    writer.writerows((item, int(code)) for item, code in rows)
    return out.getvalue()
