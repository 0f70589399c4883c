"""Starts web server, worker and scheduler as processes, starts a dead one again, and stops all of them together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

from compliance.rules.errors import InvalidInput

SHORTEST_LIFE = 3.0  # seconds: a process that cannot start is not started more often than this


def commands(*, port: int, serve: bool) -> dict[str, list[str]]:
    """The processes of one installation, by name."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "compliance", "--quiet"]
    found = {
        # One process that runs one job after another: a kill takes everything with it and nothing lives on unseen.
        "worker": [*celery, "worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"],
        "scheduler": [*celery, "beat", "--schedule", str(settings.OUBLI_BROKER / "schedule")],
    }
    if serve:
        web = [python, "-m", "gunicorn", "compliance.wsgi", "--threads", "8", "--bind", f"{settings.OUBLI_BIND}:{port}"]
        found["web"] = [*web, "--timeout", "60", "--graceful-timeout", "5"]
    return found


def refuse_taken_port(port: int) -> None:
    """Raise InvalidInput when another program listens there: else the web server would die again and again unseen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.OUBLI_BIND, port))
        except OSError as error:
            raise InvalidInput(
                f"Port {port} cannot be used: {error.strerror}.",
                next_action=f"Stop the other program, or choose another port: make run PORT={port + 1}",
            ) from error


class Processes:
    """A few long-lived child processes; ``with`` starts them and ends them all."""

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = dict(wanted)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._restart_the_dead, daemon=True, name="supervisor")
        self.log_folder = Path(settings.OUBLI_VAR) / "log"

    def __enter__(self) -> Processes:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        for name in self._wanted:
            self._start(name)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._watch.join(timeout=5)
        for process in self._running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 8
        for process in self._running.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def pid(self, name: str) -> int:
        """The present process of that name."""
        return self._running[name].pid

    def _start(self, name: str) -> None:
        self._started[name] = time.monotonic()
        with (self.log_folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._wanted[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _restart_the_dead(self) -> None:
        while not self._stopping.wait(0.5):
            for name, process in list(self._running.items()):
                young = time.monotonic() - self._started[name] < SHORTEST_LIFE
                if process.poll() is not None and not young and not self._stopping.is_set():
                    self._start(name)
