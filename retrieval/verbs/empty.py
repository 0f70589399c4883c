"""``empty``: an answer cache, of a person or of documents."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.verbs import given as take

HELP = "remove cached answers by document or identifier: an SQLite file, a folder, or redis://…"


def arguments(parser: ArgumentParser) -> None:
    """Take the cache, documents, and identifiers."""
    parser.add_argument("cache", help="an SQLite file, a folder, or a redis:// address")
    parser.add_argument("--documents", nargs="+", default=[])
    parser.add_argument("--match", default="*", help="keys of Redis to look at (a pattern)")
    take.identifiers(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Empty it; the exit code is 1 when a second look still finds something."""
    named = given.identifier or given.identifiers
    wanted: dict[str, Any] = {
        "document_ids": given.documents,
        "needles": take.needles(given) if named else [],
        "region": given.region,
        "progress": take.progress(given),
    }
    if not named and not given.documents:
        raise ValueError("Emptying a cache of nobody: give --documents, --identifier or --identifiers.")
    done = _emptied(given, wanted)
    return asdict(done), 1 if done.found_after else 0


def _emptied(given: Namespace, wanted: dict[str, Any]) -> Any:
    if given.cache.startswith(("redis://", "rediss://", "unix://")):
        import redis

        from retrieval.caches_redis import purge_redis

        with redis.Redis.from_url(given.cache) as client:
            return purge_redis(client, match=given.match, **wanted)
    path = Path(given.cache)
    if path.is_dir():
        from retrieval.caches_files import purge_files

        return purge_files(path, **wanted)
    from retrieval.caches import purge_cache

    return purge_cache(path, **wanted)
