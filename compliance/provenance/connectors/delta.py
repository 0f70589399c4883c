"""A Delta table (folder, or an address that its own library opens). ``key_field`` is needed.

Erasing is one MERGE commit, taken back by a restore when somebody else's row changed. The purge removes unreferenced
files at once, and the old log entries, whose ``minValues`` and predicates would go on naming the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.borrowed import package
from compliance.provenance.connectors.columns import need_key, redacted, rows_of, table_from
from compliance.provenance.connectors.rewriting import sync_folder, translated
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import DamagedArtifact, SourceUnreachable

_GONE = "oubli_gone"
_LOG_ENTRY = re.compile(r"(\d{20})\.(?:json|checkpoint.*\.parquet|crc)")


class Table:
    """One version of the table, and the next."""

    def __init__(self, table: Any, place: Place) -> None:
        self._table, self._place = table, place
        self._schema = pa.schema(table.schema().to_arrow())
        need_key(self._schema.names, place)

    def rows(self) -> Iterator[Row]:
        """Every row of the newest version."""
        return rows_of(self._table.to_pyarrow_dataset().to_batches(batch_size=1024), self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The row with other texts."""
        return redacted(row, changes, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """One commit: matched rows are deleted or exchanged."""
        version = self._table.version()
        changed = [new.value for _, new in edit.changed]
        source = table_from([*(row.value for row in edit.gone), *changed], _plain(self._schema))
        flags = pa.array([True] * len(edit.gone) + [False] * len(changed))
        key, source = self._place.key_field, source.append_column(_GONE, flags)
        merge = self._table.merge(source, f"t.`{key}` = s.`{key}`", source_alias="s", target_alias="t")
        columns = {f"`{name}`": f"s.`{name}`" for name in self._schema.names}
        merge.when_matched_delete(predicate=f"s.{_GONE}").when_matched_update(
            updates=columns, predicate=f"NOT s.{_GONE}"
        ).execute()
        try:
            total = Total()
            for row in self.rows():
                total.add(row.raw)
            check(total)
        except BaseException:
            self._table.restore(version)
            raise

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes below the folder, version, columns."""
        folder = Path(self._place.location)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return size, {"version": self._table.version(), "columns": self._schema.names}


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Table]:
    """The table at its newest version."""
    with _said(place):
        yield Table(_table(place), place)


def purge(place: Place) -> Purged:
    """Remove files that the newest version does not need, then every older entry of the log."""
    with _said(place):
        table = _table(place)
        # A commit that names nobody: the one before it may carry a key in its metrics, and goes with the log.
        table.alter.set_table_properties({"delta.checkpoint.writeStatsAsJson": "true"})
        removed = table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        table.create_checkpoint()
        entries = _drop_log_before(Path(place.location) / "_delta_log", table.version())
    note = f"{len(removed)} superseded files and {entries} old log entries removed; earlier versions cannot be read"
    return Purged("rewritten", (note,))


def _drop_log_before(log: Path, version: int) -> int:
    with translated(log):
        old = [entry for entry in log.iterdir() if (found := _LOG_ENTRY.match(entry.name)) and int(found[1]) < version]
        for entry in old:
            entry.unlink()
        sync_folder(log)
    return len(old)


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Every file of the folder, raw and decoded, the log's checkpoints too."""
    folder = _folder(place)
    with _said(place), opened(place) as table:
        rows = counted((row.raw for row in table.rows()), patterns)
    return Residue(max(rows, occurrences(folder, patterns)))


def _table(place: Place) -> Any:
    return package("deltalake", place).DeltaTable(str(_folder(place)))


def _folder(place: Place) -> Path:
    folder = Path(place.location)
    if not (folder / "_delta_log").is_dir():
        raise SourceUnreachable(f"{place.name}: there is no Delta table in {folder.name!r}.")
    return folder


def _plain(schema: Any) -> Any:
    """The schema with every field nullable: what is matched decides, not what the source may hold."""
    return pa.schema([field.with_nullable(True).remove_metadata() for field in schema])


@contextmanager
def _said(place: Place) -> Iterator[None]:
    errors = package("deltalake.exceptions", place, install="deltalake")
    try:
        yield
    except errors.TableNotFoundError:
        raise SourceUnreachable(f"{place.name}: there is no Delta table.") from None
    except errors.CommitFailedError:
        raise SourceUnreachable(f"{place.name}: another program wrote to the table at the same moment.") from None
    except errors.DeltaError as error:
        raise DamagedArtifact(f"{place.name}: the table cannot be read or written ({type(error).__name__}).") from None


CONNECTOR = StoreConnector(opened, purge, residue)
