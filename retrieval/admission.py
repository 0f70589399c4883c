"""A file of rows through the gate: which rows may not be used, and a copy without them, byte for byte otherwise.

A row that cannot be parsed stops the whole file: what cannot be read cannot be let through.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from retrieval.durable import sync_folder
from retrieval.formats import opened
from retrieval.gate import Gate, Refused
from retrieval.lines import Lines
from retrieval.readers import blocks
from retrieval.rows import RecordsUnreadable
from retrieval.types import Progress, silent

_PARQUET_ROWS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate said of a file: rows seen, and those that may not be used, numbered from 0 (a header is none)."""

    rows: int
    refused: tuple[Refused, ...]

    @property
    def by_kind(self) -> dict[str, int]:
        """Refused rows by the kind of entry that they met."""
        kinds = [each.reason.kind for each in self.refused]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def admit(path: Path, gate: Gate, *, out: Path | None = None, progress: Progress = silent) -> Admission:
    """Pass a file (JSON lines, CSV, plain lines, Parquet) through the gate; with ``out`` write the rows that pass.

    The copy appears under its name when it is whole. Raises ``RecordsUnreadable`` for a row that cannot be read and
    for a format whose rows cannot be told apart here (HTML, WARC, JSON in one piece).
    """
    suffix = [s.lower() for s in path.suffixes if s.lower() != ".gz"][-1:]
    if suffix in ([".html"], [".htm"], [".warc"], [".json"]):
        raise RecordsUnreadable(
            f"Reading rows of {path}: it has none that can be left out; give JSON lines or Parquet."
        )
    if out is not None and out.resolve() == path.resolve():
        raise ValueError(f"Writing {out}: it is the file that is read; name another one.")
    with _written(out) as target:
        if suffix == [".parquet"]:
            return _parquet(path, gate, target, progress)
        return _lines(path, gate, target, progress)


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO | None]:
    """Open a file beside ``out`` that takes its name when everything went well, and goes when not."""
    if out is None:
        yield None
        return
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        beside.replace(out)
        sync_folder(out.resolve().parent)
    finally:
        beside.unlink(missing_ok=True)


def _lines(path: Path, gate: Gate, target: BinaryIO | None, progress: Progress) -> Admission:
    if target is not None:
        _refuse_packed(path)
    size, seen, refused = max(1, path.stat().st_size), 0, list[Refused]()
    head = _head(path)
    for block in blocks(path):
        if not isinstance(block, Lines):
            raise RecordsUnreadable(f"Reading rows of {path}: no line format; give JSON lines, CSV or Parquet.")
        raws = pieces(block)
        skip = 1 if head and block.first == 0 else 0
        some = _refused(block, raws, skip, gate, seen)
        if target is not None:
            gone = {each.number - seen + skip for each in some}
            target.write(b"".join(raw for at, raw in enumerate(raws) if at not in gone))
        refused += some
        seen += len(raws) - skip
        progress(min(1.0, block.read / size), f"{seen} rows, {len(refused)} may not be used")
    return Admission(seen, tuple(refused))


def pieces(block: Lines) -> list[bytes]:
    """Return the exact bytes of each row of a block, with its line end."""
    starts = [int(start) for start in block.starts()]
    ends = [*starts[1:], len(block.raw)]
    return [block.raw[a:b] for a, b in zip(starts, ends, strict=True) if b > a]


def _refused(block: Lines, raws: list[bytes], skip: int, gate: Gate, seen: int) -> list[Refused]:
    rows = [row.fields for row in block.rows(range(skip, len(raws)))]
    reasons = gate.reasons(rows, raws=raws[skip:])
    return [Refused(seen + at, reason) for at, reason in enumerate(reasons) if reason]


def _head(path: Path) -> bool:
    return any(suffix.lower() in (".csv", ".tsv") for suffix in path.suffixes)


def _refuse_packed(path: Path) -> None:
    with opened(path) as (handle, raw):
        as_stored = handle is raw and raw.tell() == 0
    if not as_stored:
        raise RecordsUnreadable(
            f"Writing a copy of {path}: it is compressed or no plain UTF-8, and rows are copied byte for byte; "
            "unpack or convert it first (looking without a copy works as it is)."
        )


def _parquet(path: Path, gate: Gate, target: BinaryIO | None, progress: Progress) -> Admission:
    seen, refused = 0, list[Refused]()
    writer: Any = None
    try:
        with pq.ParquetFile(path) as file:
            if target is not None:
                writer = pq.ParquetWriter(target, file.schema_arrow)
            total = max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                reasons = gate.reasons(batch.to_pylist())
                refused += [Refused(seen + at, reason) for at, reason in enumerate(reasons) if reason]
                if writer is not None:
                    writer.write_batch(batch.filter(pa.array([reason is None for reason in reasons])))
                seen += batch.num_rows
                progress(seen / total, f"{seen} rows, {len(refused)} may not be used")
    except (pa.ArrowException, OSError) as error:
        raise RecordsUnreadable(f"Reading {path}: {type(error).__name__}; it is no whole Parquet file.") from None
    finally:
        if writer is not None:
            writer.close()
    return Admission(seen, tuple(refused))
