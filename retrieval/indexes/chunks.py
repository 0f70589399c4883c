"""The chunks beside the vectors: one JSON object a line, text as it is, so that a byte scan can see it."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.types import Chunk, Json


def write(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write chunks in the order given; making it durable is the publisher's part."""
    with path.open("w", encoding="utf-8") as handle:
        for chunk in chunks:
            handle.write(json.dumps(asdict(chunk), ensure_ascii=False) + "\n")


def read(path: Path) -> dict[int, Chunk]:
    """Read chunks by id; raises ``IndexUnreadable`` with the line, ``StoreOutOfStep`` for an id given twice."""
    chunks: dict[int, Chunk] = {}
    for number, line in enumerate(_lines(path), start=1):
        chunk = _chunk(path, number, line)
        if chunk.id in chunks:
            raise StoreOutOfStep(f"Reading {path}, line {number}: id {chunk.id} stands there for the second time.")
        chunks[chunk.id] = chunk
    return chunks


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a text may hold other line ends
    except FileNotFoundError:
        raise IndexUnreadable(f"Reading {path}: there is no such file; restore it or rebuild the index.") from None
    except UnicodeDecodeError as error:
        raise IndexUnreadable(f"Reading {path}: it is not UTF-8; restore it or rebuild the index.") from error
    return lines if lines[-1] else lines[:-1]


def _chunk(path: Path, number: int, line: str) -> Chunk:
    try:
        row: dict[str, Any] = json.loads(line)
        return Chunk(
            int(row["id"]), str(row["document"]), str(row["text"]), str(row.get("source", "")), row.get("owner")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # from None: the parser's message quotes the line, which is personal data
        raise IndexUnreadable(
            f"Reading {path}, line {number}: not a chunk with id, document and text; restore it or rebuild the index."
        ) from None


def as_json(content: Json) -> bytes:
    """Return a manifest as readable JSON."""
    return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"
