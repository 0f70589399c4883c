"""One installation on real servers: an environment, commands and processes that run in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
CELERY = [PYTHON, "-m", "celery", "-A", "compliance", "--quiet"]
WORKER = [*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
GUNICORN = [PYTHON, "-m", "gunicorn", "compliance.wsgi", "--threads", "4"]


@dataclass(frozen=True)
class Installation:
    """A database, a broker and a folder; ``running`` are the processes that it has started."""

    var: Path
    database: str
    broker: str
    settings: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the installation is started with."""
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        where = {"OUBLI_VAR": str(self.var), "DATABASE_URL": self.database, "CELERY_BROKER_URL": self.broker}
        # What the test run allows itself (a browser's loop in its own thread) is no part of an installation.
        inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
        return {**inherited, **threads, **where, "OUBLI_LEASE_SECONDS": "3", **self.settings}

    def with_broker(self, address: str) -> Installation:
        """The same, reached by another way to the broker."""
        return replace(self, broker=address)

    def manage(self, *arguments: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """Run one command of ``manage.py``; its exit status is the caller's to judge."""
        command = [PYTHON, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, text=True, capture_output=True, timeout=seconds, check=False
        )

    def act(self, name: str, *arguments: object, of: str = "acts") -> Any:
        """Run one function of ``acts.py`` (or another module beside it) in a process of its own; what it says."""
        return go_on(self.acting(name, *arguments, of=of))

    def acting(self, name: str, *arguments: object, of: str = "acts") -> subprocess.Popen[str]:
        """Start a function of ``acts.py`` and leave it running."""
        command = [PYTHON, "-m", f"tests.services.{of}", name, *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a process that goes on; what it says is in the log of that name."""
        folder = self.var / "log"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.running.append(process)
        return process

    def worker(self, name: str = "worker") -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start(name, WORKER)

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler, whose tick is what no message may be needed for."""
        return self.start("scheduler", [*CELERY, "beat", "--schedule", str(self.var / "schedule")])

    def end(self) -> None:
        """Kill whatever was started, with its children."""
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, read past Django."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def one(self, statement: str, *values: object) -> Any:
        """The first column of the only row."""
        [[value]] = self.rows(statement, *values)
        return value


def wait_ready(process: subprocess.Popen[str]) -> Any:
    """What an act says when it is ready and waits for the others."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def go_on(process: subprocess.Popen[str]) -> Any:
    """Let an act go on to its end; what it returned."""
    said, complaint = process.communicate("\n", timeout=400)
    assert process.returncode == 0, complaint[-2000:]
    return json.loads(said.splitlines()[-1])


def go_on_together(processes: Sequence[subprocess.Popen[str]]) -> list[Any]:
    """Let acts that are ready go on at the same moment; what each returned."""
    for process in processes:
        wait_ready(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [go_on(process) for process in processes]


def database_named(server: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
