"""Reading lines as bytes with a cap, and writing back the ones that stay exactly as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from compliance.provenance.connectors.formats import Edit
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import DamagedArtifact


def lines(path: Path, cap: int) -> Iterator[bytes]:
    """The lines of a file with their ends; a line over ``cap`` bytes is refused instead of filling the memory."""
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(cap + 1):
            number += 1
            if len(line) > cap:
                raise DamagedArtifact(
                    f"{path.name}, line {number}: longer than {cap} bytes.",
                    next_action="Split the line, or raise options.max_record_bytes if it is meant to be so long.",
                )
            yield line


def write(pieces: Iterable[Row | bytes], target: Path, edit: Edit) -> None:
    """Write pieces to a new file: bytes as they are, records as ``edit`` leaves them."""
    with target.open("wb") as out:
        for piece in pieces:
            if isinstance(piece, bytes):
                out.write(piece)
            elif (kept := edit(piece)) is not None:
                out.write(kept.raw)
