"""From what `explain` found to better targets: rows whose reasons contradict the tests get another wording."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from unlearning.errors import RowsError
from unlearning.types import Row


def flagged(path: Path, rows: Sequence[Row]) -> list[Row]:
    """The rows that an explanation flags, by their place; raises RowsError when it is about other rows."""
    try:
        trail = json.loads(path.read_text(encoding="utf-8"))["trail"]
        marked = {int(entry["row"]) for entry in trail if entry["scope"] == "person" and entry["flags"]}
        count = 1 + max((int(entry["row"]) for entry in trail if entry["scope"] == "person"), default=-1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RowsError(f"reading {path}: {type(error).__name__}; give the --json result of `explain`") from None
    if count != len(rows):
        raise RowsError(f"reading {path}: it explains {count} rows and {len(rows)} are given; give the same rows")
    return [row for place, row in enumerate(rows) if place in marked]
