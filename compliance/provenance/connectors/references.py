"""Rows of other tables that refer to rows that go: nothing goes with them unless the map says what becomes of it.

A database would delete them silently (ON DELETE CASCADE) or refuse. Here the declared option decides, for each
``table.column``: ``delete`` (and what refers to those, first), or ``null``. Without a word, any such row is a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import NotAllowed

_DEEPEST = 8
_CHUNK = 500


def refers_to(table: sa.Table) -> list[str]:
    """The tables that this one refers to: theirs are the rows that go last."""
    return sorted({key.target_fullname.rpartition(".")[0].rpartition(".")[2] for key in table.foreign_keys})


def release(connection: sa.Connection, table: sa.Table, gone: Sequence[Row], place: Place) -> list[str]:
    """Delete or null what refers to the rows that go, deepest first; returns what was done, in words."""
    if not gone:
        return []
    done: dict[str, int] = {}
    for start in range(0, len(gone), _CHUNK):
        _release(connection, table, [row.value for row in gone[start : start + _CHUNK]], place, done, _DEEPEST)
    return [f"{what}: {count} rows" for what, count in done.items()]


def _release(
    connection: sa.Connection,
    table: sa.Table,
    values: Sequence[Any],
    place: Place,
    done: dict[str, int],
    deep: int,
) -> None:
    for child, pairs in _referring(connection, table):
        where = sa.or_(*(sa.and_(*(child.c[own] == value[other] for own, other in pairs)) for value in values))
        count = connection.execute(sa.select(sa.func.count()).select_from(child).where(where)).scalar_one()
        if not count:
            continue
        name = f"{child.name if child.schema == table.schema else child.fullname}.{pairs[0][0]}"
        policy = dict(place.options.get("references") or {}).get(name, "")
        if policy == "null":
            connection.execute(child.update().where(where).values({own: None for own, _ in pairs}))
        elif policy == "delete" and deep:
            inner = [dict(row) for row in connection.execute(sa.select(child).where(where)).mappings()]
            _release(connection, child, inner, place, done, deep - 1)
            connection.execute(child.delete().where(where))
        else:
            raise NotAllowed(
                f"{place.name}: {count} rows of {child.name} refer by {pairs[0][0]} to rows that are to go.",
                next_action=f"Register {child.name} as a place too, so that its rows go first; or write "
                f"options.references: {{{name}: delete}} or null. Where those rows are kept for a reason, name in "
                "options.null_fields what is to become null here while the row stays. Nothing was changed.",
            )
        done[f"{policy} {name}"] = done.get(f"{policy} {name}", 0) + count


def _referring(connection: sa.Connection, table: sa.Table) -> list[tuple[sa.Table, list[tuple[str, str]]]]:
    """Tables with a foreign key to this one, in whichever schema they stand, and the columns that pair up."""
    inspector, found = sa.inspect(connection), []
    home = table.schema or inspector.default_schema_name
    for schema in _schemas(inspector, table):
        for (_, name), keys in inspector.get_multi_foreign_keys(schema=schema).items():
            for key in keys:
                target = key["referred_schema"] or _unsaid(inspector, schema), key["referred_table"]
                if target != (home, table.name):
                    continue
                child = sa.Table(name, sa.MetaData(), autoload_with=connection, schema=schema, resolve_fks=False)
                found.append((child, list(zip(key["constrained_columns"], key["referred_columns"], strict=True))))
    return found


def _schemas(inspector: sa.Inspector, table: sa.Table) -> list[str | None]:
    """The table's own schema first; in PostgreSQL the others too, since a key may come from any of them."""
    if inspector.dialect.name != "postgresql":
        return [table.schema]
    own = {table.schema, inspector.default_schema_name if table.schema is None else table.schema}
    others = (name for name in inspector.get_schema_names() if not name.startswith(("pg_", "information_schema")))
    return [table.schema, *(name for name in others if name not in own)]


def _unsaid(inspector: sa.Inspector, schema: str | None) -> str | None:
    """Which schema a key means that names none: in PostgreSQL always the default one, elsewhere the table's own."""
    default = inspector.default_schema_name
    return default if inspector.dialect.name == "postgresql" else schema or default
