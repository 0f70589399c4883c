"""Keys of a Redis database: strings, hashes, and each element of lists, sets, sorted sets and streams.

``location`` is ``redis://user:${NAME}@host:port/0``; option ``match`` limits the keys (``session:*``). A record is
named by its key, an element by its key and the digest of its bytes, a stream's entry by its id. Fields are ``key`` (its
name) and ``value`` (with what stands inside JSON). Changes go through WATCH and MULTI: who writes meanwhile makes it
start again.

The append-only file and the snapshot keep what was deleted until they are rewritten, and a stream's nodes keep deleted
entries even then, so a stream that lost one is built again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place, SourceChanged
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.borrowed import filled_in, package
from compliance.provenance.connectors.rdb import strings_of
from compliance.provenance.connectors.redis_values import carry_out, read, redacted
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import NotAllowed, SourceUnreachable

_PATIENCE = 120.0


class Keys:
    """The database's keys through one client."""

    def __init__(self, client: Any, library: Any, place: Place) -> None:
        self._client, self._library, self._place = client, library, place

    def rows(self) -> Iterator[Row]:
        """Every record, each key once though a scan may return it twice."""
        seen: set[bytes] = set()
        for key in self._client.scan_iter(match=str(self._place.options.get("match") or "*"), count=1000):
            if key not in seen:
                seen.add(key)
                yield from read(self._client, key, self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The record with other texts."""
        return redacted(row, changes, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """One transaction over the keys concerned; a key that somebody else changed meanwhile throws it away."""
        keys = {row.value["key"] for row in (*edit.gone, *(old for old, _ in edit.changed))}
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(*keys)
            now = {row.key for key in keys for row in read(pipe, key, self._place)}
            missing = [row for row in (*edit.gone, *(old for old, _ in edit.changed)) if row.key not in now]
            if missing:
                raise SourceChanged(f"{self._place.name}: {len(missing)} records changed while they were being erased.")
            plans = carry_out(pipe, edit)
            pipe.multi()
            for plan in plans:
                plan()
            try:
                pipe.execute()
            except self._library.WatchError:
                raise SourceChanged(f"{self._place.name}: a key was changed while it was being erased.") from None
        edit.notes.append("Redis cannot take back a transaction: other records were compared after it")
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        check(total)

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Memory the server says it uses, and how it persists."""
        said = self._client.info()
        return int(said.get("used_memory", 0)), {
            "version": said.get("redis_version"),
            "append_only_file": bool(said.get("aof_enabled")),
        }


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Keys]:
    """The database."""
    with _client(place) as (client, library):
        yield Keys(client, library, place)


def names_of_keys(place: Place) -> Iterator[str]:
    """What the keys are called."""
    with _client(place) as (client, _):
        for key in client.scan_iter(match=str(place.options.get("match") or "*"), count=1000):
            yield key.decode("utf-8", "replace")


def names_of_fields(place: Place) -> Iterator[str]:
    """What the fields inside hashes are called."""
    with _client(place) as (client, _):
        for key in client.scan_iter(match=str(place.options.get("match") or "*"), count=1000, _type="hash"):
            yield from (name.decode("utf-8", "replace") for name in client.hkeys(key))


def purge(place: Place) -> Purged:
    """Rewrite the append-only file and the snapshot, forget the slow log; says what the server did not allow."""
    notes: list[str] = []
    with _client(place) as (client, library):
        _allowed(client.slowlog_reset, "SLOWLOG RESET", notes, library)
        said = client.info("persistence")
        done = True
        if said.get("aof_enabled"):
            done &= _allowed(client.bgrewriteaof, "BGREWRITEAOF", notes, library)
            done &= _waited(client, "aof_rewrite_in_progress", "aof_last_bgrewrite_status", notes)
        if _has_snapshot(client, said, library):
            done &= _allowed(client.bgsave, "BGSAVE", notes, library)
            done &= _waited(client, "rdb_bgsave_in_progress", "rdb_last_bgsave_status", notes)
    notes.append("memory that was freed, and replicas' backlogs, are overwritten as the server goes on")
    return Purged("rewritten" if done else "logically_deleted", tuple(notes))


def _has_snapshot(client: Any, said: Mapping[str, Any], library: Any) -> bool:
    """Whether there is a snapshot to write over: a server that keeps none is not made to."""
    folder = _folder(client, library)
    if folder is None:
        return bool(said.get("rdb_last_save_time"))
    name = str(client.config_get("dbfilename").get("dbfilename", "dump.rdb"))
    return (folder / name).exists()


def _allowed(call: Callable[[], Any], name: str, notes: list[str], library: Any) -> bool:
    try:
        call()
    except library.ResponseError as error:
        if "progress" in str(error):
            return True
        notes.append(f"the server does not allow {name} to this account")
        return False
    notes.append(name)
    return True


def _waited(client: Any, running: str, status: str, notes: list[str]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while True:
        said = client.info("persistence")
        if not said.get(running) and not said.get("aof_rewrite_scheduled"):
            ended_well: bool = said.get(status, "ok") == "ok"
            return ended_well
        if time.monotonic() > deadline:
            notes.append(f"a rewrite still ran after {_PATIENCE:.0f} s")
            return False
        time.sleep(0.05)


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """The server's files where they can be read from here, raw and with compressed strings opened; and its records."""
    with _client(place) as (client, library):
        rows = counted((row.raw for row in Keys(client, library, place).rows()), patterns)
        folder = _folder(client, library)
        if folder is None:
            return Residue(rows, files=False)
        names = client.config_get("dbfilename"), client.config_get("appenddirname")
        files = [folder / names[0].get("dbfilename", "dump.rdb"), folder / "appendonly.aof"]
        inner = folder / names[1].get("appenddirname", "appendonlydir")
    files += sorted(inner.iterdir()) if inner.is_dir() else []
    count = 0
    for path in (path for path in files if path.is_file()):
        count += occurrences(path, patterns) or counted(strings_of(path), patterns)
    return Residue(max(count, rows))


def _folder(client: Any, library: Any) -> Path | None:
    try:
        folder = Path(client.config_get("dir")["dir"])
    except (library.ResponseError, KeyError):
        return None
    local = client.connection_pool.connection_kwargs.get("host", "localhost") in ("127.0.0.1", "localhost", "::1")
    return folder if local and folder.is_dir() else None


@contextmanager
def _client(place: Place) -> Iterator[tuple[Any, Any]]:
    library = package("redis", place)
    client = library.Redis.from_url(filled_in(place.location, place), socket_connect_timeout=10, socket_timeout=60)
    try:
        yield client, library
    except library.AuthenticationError:
        raise NotAllowed(
            f"{place.name}: the server does not accept this account.", next_action="Correct its password or rights."
        ) from None
    except library.exceptions.NoPermissionError:
        raise NotAllowed(
            f"{place.name}: the account may not run a command that is needed.",
            next_action="Grant it the commands that docs/systems.md lists for this connector.",
        ) from None
    except library.RedisError as error:
        raise SourceUnreachable(f"{place.name}: the server does not answer ({type(error).__name__}).") from None
    finally:
        client.close()


CONNECTOR = StoreConnector(opened, purge, residue)
