"""Starts web server, worker and scheduler as processes, starts a dead one again, and stops all of them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings


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
        web = [python, "-m", "gunicorn", "compliance.wsgi", "--threads", "8", "--bind", f"0.0.0.0:{port}"]
        found["web"] = [*web, "--timeout", "60", "--graceful-timeout", "5"]
    return found


class Processes:
    """A few long-lived child processes; ``with`` starts them and ends them all."""

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = dict(wanted)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
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
        with (self.log_folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._wanted[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _restart_the_dead(self) -> None:
        while not self._stopping.wait(0.5):
            for name, process in list(self._running.items()):
                if process.poll() is not None and not self._stopping.is_set():
                    self._start(name)
