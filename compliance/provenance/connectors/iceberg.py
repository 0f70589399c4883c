"""An Iceberg table. Options: ``table`` (``namespace.name``, needed), ``catalog`` (``sql``, ``rest``), ``catalog_name``,
``warehouse``.

``location`` is the catalog's address (``sqlite:///catalog.db``, ``https://…``). Erasing is one commit, rolled back when
somebody else's row changed. Expiring snapshots leaves their files, and manifests keep lower and upper bounds of rows
that are gone; the purge rewrites the table once, expires, and removes every file that the newest version does not name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, counted
from compliance.provenance.connectors.avro import contents
from compliance.provenance.connectors.borrowed import filled_in, package
from compliance.provenance.connectors.columns import need_key, option, redacted, rows_of, table_from
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import ConfigurationError, DamagedArtifact, SourceUnreachable

_CHUNK = 200


class Table:
    """The table as its catalog has it."""

    def __init__(self, table: Any, place: Place) -> None:
        self._table, self._place = table, place
        need_key([field.name for field in table.schema().fields], place)

    def rows(self) -> Iterator[Row]:
        """Every row of the newest snapshot."""
        return rows_of(self._table.scan().to_arrow_batch_reader(), self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The row with other texts."""
        return redacted(row, changes, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """Rows that go and rows that change are taken out, the changed ones written, in one transaction."""
        concerned = [*edit.gone, *(old for old, _ in edit.changed)]
        keys = [row.value[self._place.key_field] for row in concerned]
        expressions = package("pyiceberg.expressions", self._place, install="pyiceberg")
        before = self._table.current_snapshot()
        with self._table.transaction() as transaction:
            for start in range(0, len(keys), _CHUNK):
                transaction.delete(expressions.In(self._place.key_field, keys[start : start + _CHUNK]))
            if edit.changed:
                fresh = [new.value for _, new in edit.changed]
                transaction.append(table_from(fresh, self._table.schema().as_arrow()))
        try:
            check(self._total())
        except BaseException:
            self._table.manage_snapshots().rollback_to_snapshot(before.snapshot_id).commit()
            raise

    def _total(self) -> Total:
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        return total

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes of the files at the table's location, snapshots, columns."""
        size = sum(entry["size"] for entry in _files(self._table).values())
        columns = [field.name for field in self._table.schema().fields]
        return size, {"snapshots": len(self._table.snapshots()), "columns": columns}


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Table]:
    """The table at its newest snapshot."""
    with _said(place):
        yield Table(_table(place), place)


def purge(place: Place) -> Purged:
    """Write the table anew, expire every older snapshot, remove the files that nothing names any more."""
    with _said(place):
        table = _table(place)
        if table.current_snapshot() is not None:
            table.overwrite(table.scan().to_arrow())
            _expire(table)
        table = _table(place)
        removed = _remove_unreferenced(table)
    return Purged("rewritten", (f"{removed} superseded files removed; earlier snapshots cannot be read",))


def _expire(table: Any) -> None:
    newest = table.current_snapshot().snapshot_id
    kept = {reference.snapshot_id for reference in table.refs().values()} | {newest}
    old = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id not in kept]
    if old:
        table.maintenance.expire_snapshots().by_ids(old).commit()


def _remove_unreferenced(table: Any) -> int:
    wanted, files, kinds = _referenced(table), _files(table), {"avro", "parquet", "orc", "json", "puffin"}
    filesystem, _ = _filesystem(table)
    unreferenced = [path for path in files if path not in wanted and path.rpartition(".")[2] in kinds]
    for path in unreferenced:
        filesystem.rm_file(path)
    return len(unreferenced)


def _referenced(table: Any) -> set[str]:
    """Every file that the newest metadata names."""
    names = {table.metadata_location, *(entry.statistics_path for entry in table.metadata.statistics)}
    for snapshot in table.snapshots():
        names.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            names.add(manifest.manifest_path)
            names |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    filesystem, _ = _filesystem(table)
    return {filesystem._strip_protocol(name) for name in names if name}


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Every file at the table's location: data decoded, manifests with their bounds, metadata."""
    with _said(place):
        table = _table(place)
        filesystem, _ = _filesystem(table)
        count = 0
        for path in _files(table):
            raw = filesystem.cat_file(path)
            count += counted([raw], patterns) or counted(contents(raw, path.rpartition("/")[2]), patterns)
        rows = counted((row.raw for row in Table(table, place).rows()), patterns)
    return Residue(max(count, rows))


def _files(table: Any) -> dict[str, Any]:
    filesystem, path = _filesystem(table)
    return dict(filesystem.find(path, detail=True))


def _filesystem(table: Any) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    filesystem, path = url_to_fs(table.location())
    return filesystem, str(path)


def _table(place: Place) -> Any:
    catalogs = package("pyiceberg.catalog", place, install="pyiceberg")
    properties = {"uri": filled_in(place.location, place), "type": str(place.options.get("catalog") or "sql")}
    if place.options.get("warehouse"):
        properties["warehouse"] = str(place.options["warehouse"])
    return catalogs.load_catalog(str(place.options.get("catalog_name") or "default"), **properties).load_table(
        option(place, "table")
    )


@contextmanager
def _said(place: Place) -> Iterator[None]:
    errors = package("pyiceberg.exceptions", place, install="pyiceberg")
    try:
        yield
    except (errors.NoSuchTableError, errors.NoSuchNamespaceError):
        raise SourceUnreachable(f"{place.name}: the catalog has no such table.") from None
    except errors.CommitFailedException:
        raise SourceUnreachable(f"{place.name}: another program wrote to the table at the same moment.") from None
    except (errors.ValidationError, NotImplementedError) as error:
        raise ConfigurationError(
            f"{place.name}: this table cannot be changed ({type(error).__name__}).",
            remedy="Tables with equality deletes are compacted first, by the engine that wrote them.",
        ) from None
    except OSError as error:
        raise SourceUnreachable(f"{place.name}: its files cannot be reached ({type(error).__name__}).") from None
    except (ValueError, KeyError) as error:
        raise DamagedArtifact(f"{place.name}: the table cannot be read ({type(error).__name__}).") from None


CONNECTOR = StoreConnector(opened, purge, residue)
