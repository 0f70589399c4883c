"""Empty an answer cache in Redis of one person: keys whose value names a document or holds an identifier.

Redis keeps what was deleted in its append-only file and its last snapshot until they are written anew: where it
persists, that is asked for and waited for, and the receipt says so. Its process's memory is not ours to wipe.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from retrieval.cached import Packed, Wanted
from retrieval.caches import CacheUnreadable, PurgeReceipt, wanted
from retrieval.types import Needle, Progress, silent

_PASSES = 5
_ASKED: dict[str, tuple[Any, ...]] = {
    "string": ("GET",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
    "ReJSON-RL": ("JSON.GET",),
}
_PATIENCE = 60.0  # seconds for a snapshot


class Redis(Protocol):
    """What is asked of ``redis.Redis``; answers are bytes, unless the client decodes them."""

    def scan_iter(self, match: str, count: int) -> Any: ...
    def delete(self, *names: Any) -> Any: ...
    def execute_command(self, *args: Any) -> Any: ...
    def info(self, section: str) -> Any: ...


def purge_redis(
    client: Redis,
    *,
    match: str = "*",
    document_ids: Collection[str] = (),
    needles: Sequence[Needle] = (),
    region: str | None = None,
    progress: Progress = silent,
) -> PurgeReceipt:
    """Delete every key under a pattern whose name or value hangs on a document or holds an identifier.

    Strings, hashes, lists, sets, sorted sets, streams and JSON are read, packed and nested as in ``retrieval.cached``;
    looked again until a pass finds nothing, so that an answer cached meanwhile goes too. Raises ``CacheUnreadable``.
    """
    started, sought = time.perf_counter(), wanted(document_ids, needles, region)
    removed, left, names = 0, 0, 0
    try:
        for done in range(_PASSES):
            verdicts = dict(_verdicts(client, match, sought))
            gone = [key for key, verdict in verdicts.items() if verdict == "gone"]
            names = sum(verdict == "name" for verdict in verdicts.values())
            left = len(verdicts) - len(gone)
            progress((done + 1) / (_PASSES + 1), f"{removed + len(gone)} cached answers found")
            if not gone:
                break
            removed += int(client.delete(*gone))
        after = sum(verdict == "gone" for _, verdict in _verdicts(client, match, sought))
        how = _persisted(client)
    except UnicodeDecodeError:
        raise CacheUnreadable(
            "Emptying a Redis cache: the client decodes answers, and one of them is no text; connect without "
            "decode_responses."
        ) from None
    except (ValueError, TypeError, CacheUnreadable):
        raise
    except Packed as error:
        raise CacheUnreadable(
            f"Emptying a Redis cache: nobody would be found in one of its values: {error}; {removed} keys are gone "
            "so far."
        ) from None
    except Exception as error:  # the client's own errors: named by class, because their text may quote a key
        raise CacheUnreadable(
            f"Emptying a Redis cache: {type(error).__name__}; {removed} keys are gone so far. Check the address and "
            "the rights, and run it again."
        ) from None
    progress(1.0, f"{removed} cached answers removed")
    return PurgeReceipt({match: removed}, left, names, time.perf_counter() - started, how, after)


def _verdicts(client: Redis, match: str, sought: Wanted) -> Iterator[tuple[Any, str | None]]:
    for key in client.scan_iter(match=match, count=500):
        rows = [row for row in _rows(client, key) if row]
        found = {sought.verdict({"key": _text(key), **row}) for row in rows or [{}]}
        yield key, "gone" if "gone" in found else ("name" if "name" in found else None)


def _rows(client: Redis, key: Any) -> list[dict[str, object]]:
    kind = _text(client.execute_command("TYPE", key))
    if kind == "hash":
        answer = client.execute_command("HGETALL", key)
        pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
        return [{_text(name): value for name, value in pairs}]
    ask = _ASKED.get(kind)
    if ask is None:
        if kind == "none":  # expired meanwhile
            return []
        raise CacheUnreadable(
            f"Emptying a Redis cache: it holds a key of type {kind}, which is not read here, so nothing can be said of "
            "it; name the answers' keys with a pattern (match) that leaves it out."
        )
    answer = client.execute_command(ask[0], key, *ask[1:])
    values = answer if isinstance(answer, (list, set, tuple)) else [answer]
    return [{"value": value} for value in values if value is not None]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)


def _persisted(client: Redis) -> str:
    """Have the files on disk written anew where there are any, and say so."""
    about = client.info("persistence")
    done = ["keys deleted"]
    if int(about.get("aof_enabled", 0)):
        client.execute_command("BGREWRITEAOF")
        _wait(client, "aof_rewrite_in_progress", "aof_rewrite_scheduled")
        done.append("append-only file written anew")
    snapshots = client.execute_command("CONFIG", "GET", "save")
    rules = list(snapshots.values()) if isinstance(snapshots, dict) else list(snapshots)[1:]
    if any(_text(rule).strip() for rule in rules):
        client.execute_command("SAVE")
        done.append("snapshot written anew")
    done.append("freed memory of the Redis process is not wiped before it restarts")
    return ", ".join(done)


def _wait(client: Redis, *flags: str) -> None:
    end = time.monotonic() + _PATIENCE
    while any(int(client.info("persistence").get(flag, 0)) for flag in flags):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)
