"""Looking for bytes by another path than ``find``: raw and decoded, by code that knows nothing about records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compliance.rules.errors import DamagedArtifact, SourceUnreachable
from retrieval.errors import ScanIncomplete
from retrieval.scan import scan_tree


def occurrences(path: Path, patterns: Sequence[bytes]) -> int:
    """How often the patterns stand in a file or folder; a file that cannot be read through is an error, never 0."""
    if not path.exists():
        raise SourceUnreachable(f"{path.name} is not there, so nothing can be said about what it holds.")
    wanted = tuple(dict.fromkeys(pattern for pattern in patterns if pattern))
    try:
        return sum(scan_tree(path, wanted).values()) if wanted else 0
    except ScanIncomplete as error:
        raise DamagedArtifact(f"{path.name}: could not be read through, so absence cannot be claimed.") from error
