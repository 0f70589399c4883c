"""Writing a new Chroma folder from what stays, in a process that has never seen what went.

Reads collections and records as JSON lines from its input and writes the total of all rows to its output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.chroma import client_of, put, records_of
from compliance.provenance.connectors.points import Point, row_of
from compliance.provenance.connectors.rows import Total


def write(folder: Path, lines: Iterable[bytes]) -> Total:
    """Make the collections in a new folder; the total of their rows as read back."""
    place, total, collection = Place("copy", "index", "chroma", str(folder)), Total(), None
    made: list[Any] = []
    with client_of(folder, place, new=True) as client:
        for line in lines:
            kind, *rest = json.loads(line)
            if kind == "collection":
                name, metadata, space = rest
                near = {"hnsw": {"space": space}}
                collection = client.create_collection(
                    name, metadata=metadata, embedding_function=None, configuration=near
                )
                made.append(collection)
            else:
                put(collection, row_of(Point(*rest), place))
        for collection in made:
            for record in records_of(collection):
                total.add(row_of(record, place).raw)
    return total


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), sys.stdin.buffer).hex())
