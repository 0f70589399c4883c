"""Look whether bytes are gone: every file of a folder, for the exact bytes of vectors and texts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.scan import scan_bytes, scan_content
from retrieval.types import AbsenceReport, Folder, Residue
from retrieval.walking import files_below


def absent(
    folder: Folder, *, vectors: "Sequence[bytes] | np.ndarray[Any, Any]" = (), texts: Sequence[str] = ()
) -> AbsenceReport:
    """Scan every file of a folder for the exact bytes of vectors and texts (plain and as JSON writes them).

    ``vectors`` are the bytes of each as they were stored, or an array of them, (vectors, dimension), in the type that
    was stored (what ``open(folder).vectors(ids)`` gives, for an index that stores 32-bit floats).
    Beside raw bytes, what Parquet, SQLite, gzip and zip hide is decoded and searched (whichever finds more is counted).
    Raises ``ScanIncomplete`` for a file or a folder that cannot be read or decoded.
    """
    spellings = [spelling for text in texts for spelling in _as_stored(text)]
    stored = [row if isinstance(row, bytes) else np.ascontiguousarray(row).tobytes() for row in vectors]
    patterns = [*stored, *spellings]
    files = files_below(Path(folder), links=True)
    residues = [residue for path in files for residue in _residues(path, patterns, len(stored))]
    size = sum(path.stat().st_size for path in files)
    return AbsenceReport(len(files), size, len(stored), len(texts), tuple(residues))


def _as_stored(text: str) -> tuple[bytes, ...]:
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return tuple(dict.fromkeys(form.encode() for form in forms))


def _residues(path: Path, patterns: Sequence[bytes], vectors: int) -> list[Residue]:
    if not patterns or not path.stat().st_size:
        return []
    raw, decoded = [index for _, index in scan_bytes(path, patterns)], scan_content(path, patterns)
    counts = {
        "vector": max(sum(index < vectors for index in found) for found in (raw, decoded)),
        "text": max(sum(index >= vectors for index in found) for found in (raw, decoded)),
    }
    return [Residue(str(path), "vector" if what == "vector" else "text", n) for what, n in counts.items() if n]
