"""Reading lines as bytes with a cap, and writing back the ones that stay exactly as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, record_cap
from compliance.provenance.connectors.formats.streams import created, opened
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import DamagedArtifact


def lines(path: Path, place: Place) -> Iterator[bytes]:
    """The lines of a file with their ends; a line over the cap is refused instead of filling the memory.

    Of a place with a ``window`` (start, stop) only those that begin in these bytes of a plain file.
    """
    cap = record_cap(place)
    start, stop = place.options.get("window") or (0, None)
    with opened(path, place) as stream:
        number = 0
        if start:
            stream.seek(start - 1)
            _skip_line(stream)
        while (stop is None or stream.tell() < stop) and (line := stream.readline(cap + 1)):
            number += 1
            if len(line) > cap:
                raise DamagedArtifact(
                    f"{path.name}, line {number}: longer than {cap} bytes.",
                    next_action="Split the line, or raise options.max_record_bytes if it is meant to be so long.",
                )
            yield line


def _skip_line(stream: BinaryIO) -> None:
    """Go on behind the next line end: a line belongs to the window in which it begins."""
    while piece := stream.readline(1 << 20):
        if piece.endswith(b"\n"):
            return


def whole(path: Path, place: Place) -> bytes:
    """All bytes of a file that is one record or one document; refused over the cap."""
    cap = record_cap(place)
    with opened(path, place) as stream:
        raw = stream.read(cap + 1)
    if len(raw) > cap:
        raise DamagedArtifact(
            f"{path.name}: longer than {cap} bytes, which is too long to be read as one document.",
            next_action="Split the file, or raise options.max_record_bytes if it is meant to be so long.",
        )
    return raw


def write(pieces: Iterable[Row | bytes], target: Path, edit: Edit, *, like: Path) -> None:
    """Write pieces to a new file, compressed as ``like`` is: bytes as they are, records as ``edit`` leaves them."""
    with created(target, like) as out:
        for piece in pieces:
            if isinstance(piece, bytes):
                out.write(piece)
            elif (kept := edit(piece)) is not None:
                out.write(kept.raw)
