"""The installation of ``hostile_calls.py``: two companies with a model each, its processes, a raw caller."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = "quarry"  # stands in every name of the honest company: none may be seen by the other
PATIENCE = 60.0  # seconds in which an answer must have come
MOST = 4_000_000  # bytes of an answer that are read


@dataclass(frozen=True)
class Answer:
    """A status (0: the line was closed without one), its body, and the seconds until its end."""

    status: int
    body: bytes
    seconds: float


def unlimited() -> Any:
    """The application without the limit of calls an hour, so that ten thousand reach what lies behind it."""
    from compliance.api.limits import Knocking
    from compliance.wsgi import application

    Knocking.THROTTLE_RATES["unlearning"] = None
    return application


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def founded(folder: Path) -> dict[str, str]:
    """Migrate, found two companies, put a model into the folder of each; the tokens of their machines by company."""
    import django

    django.setup()
    from django.core.management import call_command

    from compliance.accounts import tokens
    from compliance.accounts.models import LegalEntity

    call_command("migrate", verbosity=0)
    _trained(folder / "made")
    keys = {}
    for slug, model in (("aurora", "net"), ("boreal", HIDDEN)):
        facts = {"laws": ["gdpr"], "country": "DE", "time_zone": "Europe/Berlin", "contact": "office", "authority": "X"}
        entity = LegalEntity.objects.create(slug=slug, name=slug.title(), **facts)
        keys[slug] = tokens.issue(entity, name="partner", scopes=["unlearning"], days=1)
        home = Path(os.environ["OUBLI_MODELS"]) / slug
        home.mkdir(parents=True)
        shutil.copytree(folder / "made/net", home / model)
        shutil.copytree(folder / "made/digits", home / "digits")
    _trap(Path(os.environ["OUBLI_MODELS"]) / "aurora")
    return keys


def _trap(home: Path) -> None:
    """Links out of the company's folder and round in a circle, a pipe, and a model that is none."""
    (home / "out").symlink_to(home.parent)
    (home / "loop").symlink_to(home / "loop")
    os.mkfifo(home / "pipe")
    (home / "words").mkdir()
    (home / "words/config.json").write_text("{}")
    shutil.copy(home / "net/model.safetensors", home / "words/model.safetensors")
    (home / "rows.jsonl").write_text('{"prompt": "a", "response": "b"}\n')


def _trained(folder: Path) -> None:
    import numpy as np
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    data = folder / "digits"
    data.mkdir(parents=True)
    for name, array in (("images-idx3", (images * 15).reshape(-1, 8, 8)), ("labels-idx1", labels)):
        for part, rows in (("train", array[300:900]), ("t10k", array[:300])):
            head = b"\0\0\x08" + bytes([rows.ndim]) + b"".join(n.to_bytes(4, "big") for n in rows.shape)
            (data / f"{part}-{name}-ubyte").write_bytes(head + rows.astype(np.uint8).tobytes())
    command = [sys.executable, "-m", "unlearning", "classifier", "train", "--data", str(data), "--epochs", "2"]
    subprocess.run([*command, "--out", str(folder / "net")], cwd=ROOT, check=True, capture_output=True)


@contextmanager
def running(port: int) -> Iterator[Any]:
    """The processes of an installation as ``manage.py run`` starts them, and starts again when they die."""
    from compliance.worker.supervise import Processes, commands

    wanted = commands(port=port, serve=True)
    at = wanted["web"].index("compliance.wsgi")
    here = str(Path(__file__).parent)
    wanted["web"][at : at + 1] = ["--pythonpath", f"{here},{ROOT}", "hostile_calls_house:unlimited()"]
    with Processes(wanted) as processes:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise SystemExit("the web process did not start") from None
                time.sleep(0.2)
        yield processes


def ask(port: int, sent: bytes) -> Answer:
    """Send bytes as they are, end the sending side, read one answer; of a stream of events only the head."""
    begun = time.monotonic()
    got = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
            _send(line, sent)
            while len(got) < MOST and (piece := line.recv(65536)):
                got += piece
                if b"text/event-stream" in got.partition(b"\r\n\r\n")[0]:
                    break
    except OSError:
        pass  # closed or silent: what came until then is the answer
    head, _, body = got.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100 "):  # "go on": the answer comes after it
        head, _, body = body.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
    return Answer(status, body, time.monotonic() - begun)


def _send(line: socket.socket, sent: bytes) -> None:
    try:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # refused before the end; its answer may be there to read


def asked(port: int, method: str, target: str, *, token: str, body: Any = None, key: str = "") -> tuple[int, Any]:
    """A well-formed call of the honest company; (status, JSON)."""
    import http.client

    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": key} if key else {}
    line.request(method, f"/api/v1/unlearning/{target}", json.dumps(body) if body is not None else None, headers)
    answer = line.getresponse()
    content = answer.read()
    line.close()
    return answer.status, json.loads(content)


def most_memory(pid: int) -> float:
    """The most megabytes that any child of a process has held at once (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    peaks = [0]
    for child in children:
        for line in Path(f"/proc/{child}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                peaks.append(int(line.split()[1]))
    return max(peaks) / 1024
