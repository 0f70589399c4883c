"""Runs: sorted entries and the blocks that they name, as files that are written once and never changed.

A run is three files: ``*.words`` and ``*.near`` (entries, little-endian uint64, ascending) and ``*.blocks`` (where each
block lies). Runs are merged by ranges of keys, so that memory stays small; blocks that are gone are left out by the
way, and the file that held their entries is removed.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrieval.durable import sync_file, sync_folder
from retrieval.errors import IngestUnreadable
from retrieval.ingest.windows import BLOCKS, Entries

Blocks: npt.DTypeLike = np.dtype(
    [("file", "<u4"), ("rows", "<u4"), ("first", "<u8"), ("start", "<u8"), ("stop", "<u8"), ("check", "<u8")]
)
WHOLE: Final = (1 << 64) - 1  # a block whose bytes cannot be read alone: its file is
PARTS: Final = ("words", "near", "blocks")
_AT_ONCE: Final = 1 << 22  # entries merged at a time
Table: type = np.ndarray


@dataclass(frozen=True)
class Run:
    """One opened run; the arrays are mapped, not read."""

    name: str
    words: Entries
    near: Entries
    blocks: Any

    @classmethod
    def open(cls, folder: Path, name: str) -> "Run":
        """Map a run; raises ``IngestUnreadable`` when a part of it is missing or cut short."""
        words, near = (_mapped(folder / f"{name}.{part}", np.dtype("<u8")) for part in PARTS[:2])
        return cls(name, words, near, _mapped(folder / f"{name}.blocks", np.dtype(Blocks)))

    def holding(self, ranges: Sequence[tuple[int, int]], *, near: bool = False) -> npt.NDArray[np.int64]:
        """Return the blocks that have an entry in one of the ranges, ascending."""
        entries = self.near if near else self.words
        if not ranges or not len(entries):
            return np.zeros(0, np.int64)
        bounds = np.array(ranges, np.uint64)
        low = np.searchsorted(entries, bounds[:, 0], side="left")
        up = np.searchsorted(entries, bounds[:, 1], side="right")
        found = [np.asarray(entries[a:b]) & np.uint64(BLOCKS - 1) for a, b in zip(low, up, strict=True) if b > a]
        return np.unique(np.concatenate(found)).astype(np.int64) if found else np.zeros(0, np.int64)


def _mapped(path: Path, kind: Any) -> Any:
    try:
        size = path.stat().st_size
        if size % kind.itemsize:
            raise ValueError
        return np.memmap(path, kind, "r") if size else np.zeros(0, kind)
    except (OSError, ValueError):
        raise IngestUnreadable(
            f"Opening the ingest index: {path.name} is missing or cut short; remove the index and make it anew."
        ) from None


def write(folder: Path, words: Iterable[Entries], near: Iterable[Entries], blocks: Any) -> str:
    """Write a run, each part from arrays in ascending order, and return its name."""
    name = secrets.token_hex(8)
    _write(folder / f"{name}.words", words)
    _write(folder / f"{name}.near", near)
    _write(folder / f"{name}.blocks", [blocks])
    sync_folder(folder)
    return name


def _write(path: Path, arrays: Iterable[Any]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        for array in arrays:
            handle.write(np.ascontiguousarray(array).data)
    sync_file(path)


def merged(folder: Path, runs: Sequence[Run], alive: Callable[[Any], npt.NDArray[np.bool_]]) -> str:
    """Write the runs as one, without blocks that are not ``alive``; ``alive`` takes their file numbers."""
    kept = [alive(run.blocks["file"]) for run in runs]
    first = np.cumsum([0, *(int(each.sum()) for each in kept)])
    numbers = [_renumbered(each, int(start)) for each, start in zip(kept, first, strict=False)]
    blocks = [np.asarray(run.blocks)[each] for run, each in zip(runs, kept, strict=True)]
    words = _merging([(folder / f"{run.name}.words", run.words) for run in runs], numbers)
    near = _merging([(folder / f"{run.name}.near", run.near) for run in runs], numbers)
    return write(folder, words, near, np.concatenate(blocks) if blocks else np.zeros(0, Blocks))


def _renumbered(kept: npt.NDArray[np.bool_], start: int) -> npt.NDArray[np.uint64]:
    """For each block its number in the merged run; a number that no block has for those that go."""
    numbers = np.full(len(kept), BLOCKS, np.uint64)
    numbers[kept] = np.arange(start, start + int(kept.sum()), dtype=np.uint64)
    return numbers


def _merging(every: Sequence[tuple[Path, Entries]], numbers: Sequence[npt.NDArray[np.uint64]]) -> Iterable[Entries]:
    """Read, not mapped: pages that are gone through once would stay with the process."""
    parts = max(1, sum(len(entries) for _, entries in every) // _AT_ONCE)
    bounds = np.array([(1 << 64) * part // parts for part in range(1, parts)], np.uint64)
    cuts = [[0, *np.searchsorted(entries, bounds).tolist(), len(entries)] for _, entries in every]
    for part in range(parts):
        pieces = [
            _moved(np.fromfile(path, "<u8", cut[part + 1] - cut[part], offset=8 * cut[part]), number)
            for (path, _), cut, number in zip(every, cuts, numbers, strict=True)
        ]
        together = np.concatenate(pieces) if pieces else np.zeros(0, np.uint64)
        together.sort()
        yield together


def _moved(entries: Entries, numbers: npt.NDArray[np.uint64]) -> Entries:
    block = numbers[(entries & np.uint64(BLOCKS - 1)).astype(np.int64)] if len(entries) else entries
    moved = (entries & ~np.uint64(BLOCKS - 1)) | block
    return np.asarray(moved[block < BLOCKS])


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove runs' files."""
    for name in names:
        for part in PARTS:
            (folder / f"{name}.{part}").unlink(missing_ok=True)
    sync_folder(folder)
