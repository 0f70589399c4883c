"""Redis values as records, and records back to commands: one branch a type, in a table."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from compliance.provenance.connectors import MARK, Place
from compliance.provenance.connectors.rows import Row, flatten, replaced
from compliance.provenance.connectors.store import Edit
from compliance.rules.errors import NotAllowed

Plan = Callable[[], Any]


def read(client: Any, key: bytes, place: Place) -> Iterator[Row]:
    """The records of one key; nothing when it is gone."""
    kind = client.type(key).decode()
    if kind in _READERS:
        for member, value in _READERS[kind](client, key):
            yield _row(key, kind, member, value, place)
    elif kind not in ("none",):
        raise NotAllowed(
            f"{place.name}: a key has the type {kind!r}, which cannot be read.",
            next_action="Limit options.match to other keys, and erase this kind by its own program.",
        )


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The record with other texts; a key's own name stays, because programs ask for it."""
    if "key" in changes:
        raise NotAllowed(
            f"{place.name}: a key is named after the person, and programs ask for that name.",
            next_action="Add key to subject_fields: the whole record then goes.",
        )
    old = row.value["value"]
    if isinstance(old, dict):
        parsed = {name: _parsed(part) for name, part in old.items()}
        new = replaced({"value": {_text(name): part for name, part in parsed.items()}}, changes)["value"]
        names = {_text(name): name for name in old}
        value: Any = {names[name]: _written(part, old[names[name]], parsed[names[name]]) for name, part in new.items()}
    else:
        parsed = _parsed(old)
        value = _written(replaced({"value": parsed}, changes)["value"], old, parsed)
        if row.value["kind"] in ("set", "zset") and value == MARK.encode():
            # Two members that are nothing but the person would become one, and the count would no longer fit.
            value += f" {secrets.token_hex(4)}".encode()
    return _row(row.value["key"], row.value["kind"], row.value["member"], value, place, name=row.key)


def carry_out(client: Any, edit: Edit) -> list[Plan]:
    """The commands of an edit, to be queued; what has to be read for them is read now."""
    plans: list[Plan] = []
    streams: dict[bytes, dict[bytes, Row | None]] = defaultdict(dict)
    for row in edit.gone:
        if row.value["kind"] == "stream":
            streams[row.value["key"]][row.value["member"]] = None
        else:
            plans.append(_removal(client, row))
    for old, new in edit.changed:
        if old.value["kind"] == "stream":
            streams[old.value["key"]][old.value["member"]] = new
        else:
            plans.append(_exchange(client, old, new))
    for key, entries in streams.items():
        plans += _stream_again(client, key, entries)
    return plans


def _row(key: bytes, kind: str, member: Any, value: Any, place: Place, *, name: str = "") -> Row:
    shown = (
        {_text(part): _parsed(inner) for part, inner in value.items()} if isinstance(value, dict) else _parsed(value)
    )
    fields = {"key": _text(key), **dict(flatten(shown, "value"))}
    raw = repr((key, kind, member, value)).encode("utf-8", "surrogatepass")
    if not name:
        mark = hashlib.sha256(raw).hexdigest()[:24]
        ending = "" if kind in ("string", "hash") else f"#{_text(member)}" if kind == "stream" else f"#{mark}"
        name = _text(key) + ending
    return Row(name, fields, raw, {"key": key, "kind": kind, "member": member, "value": value}, f"{place.name}, {kind}")


def _removal(client: Any, row: Row) -> Plan:
    key, value, kind = row.value["key"], row.value["value"], row.value["kind"]
    table: Mapping[str, Plan] = {
        "string": lambda: client.delete(key),
        "hash": lambda: client.delete(key),
        "list": lambda: client.lrem(key, 0, value),
        "set": lambda: client.srem(key, value),
        "zset": lambda: client.zrem(key, value),
    }
    return table[kind]


def _exchange(client: Any, old: Row, new: Row) -> Plan:
    key, before, after = old.value["key"], old.value["value"], new.value["value"]
    kind = old.value["kind"]
    if kind == "list":
        positions = [at for at, item in enumerate(client.lrange(key, 0, -1)) if item == before]
        return lambda: [client.lset(key, at, after) for at in positions]
    table: Mapping[str, Plan] = {
        "string": lambda: client.set(key, after, keepttl=True),
        "hash": lambda: client.hset(key, mapping=after),
        "set": lambda: (client.srem(key, before), client.sadd(key, after)),
        "zset": lambda: (client.zrem(key, before), client.zadd(key, {after: old.value["member"]})),
    }
    return table[kind]


def _stream_again(client: Any, key: bytes, entries: Mapping[bytes, Row | None]) -> list[Plan]:
    """Build a stream anew without some entries: its nodes would keep their bytes, in memory and in snapshots."""
    groups = client.xinfo_groups(key)
    if any(group["pending"] for group in groups):
        raise NotAllowed(
            "A stream has entries that consumers have read and not acknowledged; building it again would lose that.",
            next_action="Let the consumers finish (XACK), then try again.",
        )
    info, expiry = client.xinfo_stream(key), client.pexpiretime(key)
    plans: list[Plan] = [lambda: client.delete(key)]
    for name, values in client.xrange(key):
        kept = entries.get(name, values) if name in entries else values
        if kept is not None:
            fresh = kept.value["value"] if isinstance(kept, Row) else kept
            plans.append(lambda name=name, fresh=fresh: client.xadd(key, fresh, id=name))  # type: ignore[misc]
    last = info["last-generated-id"]
    if not any(name not in entries or entries[name] is not None for name, _ in client.xrange(key)):
        plans += [lambda: client.xadd(key, {"-": "-"}, id=last), lambda: client.xdel(key, last)]
    plans.append(lambda: client.execute_command("XSETID", key, last))
    for group in groups:
        plans.append(lambda g=group: client.xgroup_create(key, g["name"], id=g["last-delivered-id"]))  # type: ignore[misc]
    if expiry > 0:
        plans.append(lambda: client.pexpireat(key, expiry))
    return plans


def _parsed(value: Any) -> Any:
    """What a value says: JSON as nested values, else its text; bytes that are no text are read as Latin letters."""
    if not isinstance(value, bytes):
        return value
    text = _text(value)
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _written(new: Any, old: Any, parsed: Any) -> Any:
    if new == parsed:
        return old
    return (new if isinstance(new, str) else json.dumps(new, ensure_ascii=False)).encode("utf-8", "surrogateescape")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _strings(client: Any, key: bytes) -> Iterator[tuple[Any, Any]]:
    if (value := client.get(key)) is not None:
        yield None, value


def _hashes(client: Any, key: bytes) -> Iterator[tuple[Any, Any]]:
    if value := client.hgetall(key):
        yield None, value


def _lists(client: Any, key: bytes) -> Sequence[tuple[Any, Any]]:
    return [(None, item) for item in client.lrange(key, 0, -1)]


def _sets(client: Any, key: bytes) -> Sequence[tuple[Any, Any]]:
    return [(None, item) for item in sorted(client.smembers(key))]


def _sorted_sets(client: Any, key: bytes) -> Sequence[tuple[Any, Any]]:
    return [(score, item) for item, score in client.zrange(key, 0, -1, withscores=True)]


def _streams(client: Any, key: bytes) -> Sequence[tuple[Any, Any]]:
    return [(name, values) for name, values in client.xrange(key)]


_READERS: Mapping[str, Callable[[Any, bytes], Any]] = {
    "string": _strings,
    "hash": _hashes,
    "list": _lists,
    "set": _sets,
    "zset": _sorted_sets,
    "stream": _streams,
}
