"""Looking for bytes by another path than ``find``: raw and decoded, by code that knows nothing about records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compliance.provenance.connectors import LEVELS, Place, Receipt
from compliance.rules.errors import DamagedArtifact, SourceUnreachable
from retrieval.errors import ScanIncomplete
from retrieval.scan import scan_tree


@dataclass(frozen=True)
class Residue:
    """How often patterns stand in a place; ``files`` is false when only rows could be read, not the store's bytes."""

    count: int
    files: bool = True
    notes: tuple[str, ...] = ()


def occurrences(path: Path, patterns: Sequence[bytes]) -> int:
    """How often the patterns stand in a file or folder, and in the names of its files.

    A file that cannot be read through is an error, never 0.
    """
    if not path.exists():
        raise SourceUnreachable(f"{path.name} is not there, so nothing can be said about what it holds.")
    wanted = tuple(dict.fromkeys(pattern for pattern in patterns if pattern))
    try:
        return sum(scan_tree(path, wanted).values()) + in_names(path, wanted) if wanted else 0
    except ScanIncomplete as error:
        raise DamagedArtifact(f"{path.name}: could not be read through, so absence cannot be claimed.") from error


def in_names(path: Path, patterns: Sequence[bytes]) -> int:
    """How often the patterns stand in what a file is called, or what lies in a folder."""
    names = [path.name] if not path.is_dir() else [inner.name for inner in path.rglob("*")]
    return counted((os.fsencode(name) for name in names), patterns)


def counted(pieces: Iterable[bytes], patterns: Sequence[bytes]) -> int:
    """How often the patterns stand in decoded pieces, each piece by itself."""
    wanted = tuple(dict.fromkeys(pattern for pattern in patterns if pattern))
    return sum(piece.count(pattern) for piece in pieces for pattern in wanted)


def measured(
    receipt: Receipt, place: Place, patterns: Sequence[bytes], residue: Callable[[Place, Sequence[bytes]], Residue]
) -> Receipt:
    """The receipt with the level that a search of the store's own files earns; as it was without patterns."""
    if not patterns:
        return receipt
    found = residue(place, patterns)
    notes = (*receipt.notes, *found.notes)
    if found.count:
        weaker = min(receipt.level, "logically_deleted", key=LEVELS.index)
        return replace(receipt, level=weaker, notes=(*notes, f"{found.count} occurrences remain in what was searched"))
    if not found.files:
        why = () if found.notes else ("the server's own files were out of reach: only its rows were searched",)
        return replace(receipt, notes=(*notes, *why))
    return replace(receipt, level="byte_checked", notes=(*notes, "the store's own files were searched: none remains"))
