"""Empty a folder of cached answers of one person: a file an answer, or lines of JSON."""

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from retrieval.cached import Packed, Wanted
from retrieval.caches import CacheUnreadable, PurgeReceipt, purge_cache, wanted
from retrieval.durable import sync_folder, write_whole
from retrieval.types import Needle, Progress, silent
from retrieval.walking import files_below

_LINES = frozenset({".jsonl", ".ndjson"})
_SQLITE = b"SQLite format 3\x00"
_BESIDE = ("-wal", "-shm", "-journal")


def purge_files(
    folder: Path,
    *,
    document_ids: Collection[str] = (),
    needles: Sequence[Needle] = (),
    region: str | None = None,
    progress: Progress = silent,
) -> PurgeReceipt:
    """Remove cached answers that name a document or hold an identifier: whole files, or single lines of ``.jsonl``.

    Files are read as JSON, else as text, unpacked where they are packed; the name of a file counts as part of it. From
    SQLite files rows go (``purge_cache``). Raises ``CacheUnreadable`` before any change when a file cannot be read.
    """
    started, sought = time.perf_counter(), wanted(document_ids, needles, region)
    named: dict[str, Any] = {"document_ids": document_ids, "needles": needles, "region": region}
    if not folder.is_dir():
        raise CacheUnreadable(f"Emptying the cache {folder}: there is no such folder; check the location.")
    try:
        found = dict(_verdicts(folder, sought))
        counts = [verdict for verdicts in found.values() for verdict in verdicts]
        removed = {str(path.relative_to(folder)): _taken(path, verdicts) for path, verdicts in found.items()}
        for parent in {path.parent for path in found}:
            sync_folder(parent)
        after = sum(verdict == "gone" for _, verdicts in _verdicts(folder, sought) for verdict in verdicts)
        rows = {path: purge_cache(path, **named) for path in _databases(folder)}
    except OSError as error:
        raise CacheUnreadable(
            f"Emptying the cache {folder}: a file cannot be read or written ({error.strerror}); make it writable and "
            "run it again."
        ) from None
    progress(1.0, f"{counts.count('gone')} cached answers removed")
    how = "files unlinked, files of lines written anew without theirs, rows deleted from databases; looked at again"
    removed |= {str(path.relative_to(folder)): sum(each.removed.values()) for path, each in rows.items()}
    taken = {name: count for name, count in removed.items() if count}
    left = len(counts) - counts.count("gone") + sum(each.remaining for each in rows.values())
    names = counts.count("name") + sum(each.name_only for each in rows.values())
    after += sum(each.found_after for each in rows.values())
    return PurgeReceipt(taken, left, names, time.perf_counter() - started, how, after)


def _verdicts(folder: Path, sought: Wanted) -> Iterator[tuple[Path, list[str | None]]]:
    for path in files_below(folder):
        if _is_sqlite(path):
            continue
        raw = path.read_bytes()
        parts = raw.splitlines(keepends=True) if path.suffix in _LINES else [raw]
        name = path.name if len(parts) == 1 else ""
        try:
            yield path, [sought.verdict({"file": name, "content": part}) for part in parts]
        except Packed as error:
            raise CacheUnreadable(
                f"Emptying the cache {folder}: nobody would be found in {path.name}: {error}. Nothing was removed; "
                "unpack the file or take it away, and run it again."
            ) from None


def _is_sqlite(path: Path) -> bool:
    """Say whether a file is a database, or what SQLite keeps beside one: its rows go one by one, by ``purge_cache``."""
    base = path.name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
    with path.open("rb") as handle:
        if handle.read(len(_SQLITE)) == _SQLITE:
            return True
    return base != path.name and path.with_name(base).is_file() and _is_sqlite(path.with_name(base))


def _databases(folder: Path) -> list[Path]:
    return [path for path in files_below(folder) if _is_sqlite(path) and not path.name.endswith(_BESIDE)]


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
