"""Empty a folder of cached answers of one person: a file an answer, or lines of JSON."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from retrieval.caches import CacheUnreadable, PurgeReceipt, Wanted, wanted
from retrieval.durable import sync_folder, write_whole
from retrieval.types import Needle, Progress, silent
from retrieval.walking import files_below

_LINES = frozenset({".jsonl", ".ndjson"})


def purge_files(
    folder: Path,
    *,
    document_ids: Collection[str] = (),
    needles: Sequence[Needle] = (),
    region: str | None = None,
    progress: Progress = silent,
) -> PurgeReceipt:
    """Remove cached answers that name a document or hold an identifier: whole files, or single lines of ``.jsonl``.

    Files are read as JSON, else as text; the name of a file counts as part of it. Raises ``CacheUnreadable`` before
    any change when a file cannot be read.
    """
    started, sought = time.perf_counter(), wanted(document_ids, needles, region)
    if not folder.is_dir():
        raise CacheUnreadable(f"Emptying the cache {folder}: there is no such folder; check the location.")
    try:
        found = dict(_verdicts(folder, sought))
        counts = [verdict for verdicts in found.values() for verdict in verdicts]
        removed = {str(path.relative_to(folder)): _taken(path, verdicts) for path, verdicts in found.items()}
        for parent in {path.parent for path in found}:
            sync_folder(parent)
        after = sum(verdict == "gone" for _, verdicts in _verdicts(folder, sought) for verdict in verdicts)
    except OSError as error:
        raise CacheUnreadable(
            f"Emptying the cache {folder}: a file cannot be read or written ({error.strerror}); make it writable and "
            "run it again."
        ) from None
    progress(1.0, f"{counts.count('gone')} cached answers removed")
    how = "files unlinked, files of lines written anew without theirs; looked at again"
    taken = {name: count for name, count in removed.items() if count}
    left = len(counts) - counts.count("gone")
    return PurgeReceipt(taken, left, counts.count("name"), time.perf_counter() - started, how, after)


def _verdicts(folder: Path, sought: Wanted) -> Iterator[tuple[Path, list[str | None]]]:
    for path in files_below(folder):
        raw = path.read_bytes()
        parts = raw.splitlines(keepends=True) if path.suffix in _LINES else [raw]
        yield path, [sought.verdict(_row(path.name if len(parts) == 1 else "", part)) for part in parts]


def _row(name: str, raw: bytes) -> dict[str, object]:
    text = raw.decode("utf-8", "replace")
    row: dict[str, object] = {"file": name, "content": text}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return row
    return (
        {**row, **{key: part for key, part in value.items() if not isinstance(part, dict)}}
        if isinstance(value, dict)
        else row
    )


def _taken(path: Path, verdicts: list[str | None]) -> int:
    gone = verdicts.count("gone")
    if not gone:
        return 0
    if gone == len(verdicts):
        path.unlink()
    else:
        lines = path.read_bytes().splitlines(keepends=True)
        write_whole(path, b"".join(line for line, verdict in zip(lines, verdicts, strict=True) if verdict != "gone"))
    return gone
