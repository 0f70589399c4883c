"""The doors of ``constant_answers.py``: an installation, its server or one that leaks, what an outsider sees."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WARM = 20
MASK = re.compile(r'OUB-[0-9A-Z]{4}-[0-9A-Z]{4}|"secret": ?"[0-9A-Z]{16}"|class="code">[0-9A-Z]{16}<|value="\w{64}"')


@dataclass(frozen=True)
class Seen:
    """One answer as an outsider sees it."""

    known: bool
    first: float
    last: float
    size: int
    status: int
    headers: dict[str, str]
    body: str


def prepare(pairs: int) -> list[tuple[str, bool]]:
    """An installation with one company; half of the people are its customers with earlier cases."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from compliance.accounts.models import LegalEntity
    from compliance.intake import services
    from compliance.intake.models import Notice
    from compliance.provenance import registration

    call_command("migrate", verbosity=0)
    folder = Path(os.environ["OUBLI_VAR"])
    known = [f"person{n}@customers.example" for n in range(pairs)]
    unknown = [f"person{n}@strangers.example" for n in range(pairs)]
    rows = (json.dumps({"id": str(n), "sender": email, "body": "Where is my order?"}) for n, email in enumerate(known))
    (folder / "letters.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "systems.yaml").write_text(_SYSTEMS)
    registration.register(folder / "systems.yaml", by="benchmark")
    firm = LegalEntity.objects.get()
    for email in known[:: max(1, pairs // 400)]:  # some of them have asked before, and were confirmed
        request = services.submit(services.Submission(entity=firm, email=email)).request
        services.confirmed(request, proven_by=services.ProvenBy.CODE)
    Notice.objects.update(sent_at=timezone.now())
    connection.close()
    both = [random.sample([(one, True), (other, False)], 2) for one, other in zip(known, unknown, strict=True)]
    random.shuffle(both)
    return [person for pair in both for person in pair]


_SYSTEMS = """
entities:
  - {id: firm, name: Firm, law: [gdpr], country: DE, time_zone: Europe/Berlin, contact: dpo@firm.example, authority: X}
artifacts:
  - id: letters
    name: Letters
    kind: dataset
    connector: files
    location: letters.jsonl
    entity: firm
    purpose: service
    lawful_basis: contract
    retention: 2 years
    key_field: id
    subject_fields: [sender]
    text_fields: [body]
"""


@dataclass(frozen=True)
class Leak:
    """A server that tells: through which door, by what, and where that shows."""

    door: str
    by: str


LEAKS = (Leak("api", "time"), Leak("api", "size"), Leak("api", "header"), Leak("web", "time"), Leak("web", "header"))
_KNOWN = "X-Known"


def leaky() -> Any:
    """The application as it is, and then what a careless one would add for people whom it knows."""
    from compliance.wsgi import application

    by, longer = os.environ["LEAK_BY"], float(os.environ["LEAK_SECONDS"])

    def leaking(environ: dict[str, Any], start: Any) -> Any:
        known = environ.get("HTTP_X_KNOWN") == "1"

        def begin(status: str, headers: list[tuple[str, str]], problem: Any = None) -> Any:
            more = [("X-Frame", "aa" if known else "a")] if by == "header" else []
            kept = [pair for pair in headers if by != "size" or pair[0].lower() != "content-length"]
            return start(status, kept + more, problem)

        body = [*application(environ, begin), *([b" "] if known and by == "size" else [])]
        until = time.perf_counter() + (longer if known and by == "time" else 0)
        while time.perf_counter() < until:
            pass
        return body

    return leaking


@contextmanager
def server(leak: str = "", seconds: float = 0.0) -> Iterator[int]:
    """The web process as an installation runs it, or the one that leaks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = ["--pythonpath", str(Path(__file__).parent), "constant_doors:leaky()"] if leak else ["compliance.wsgi"]
    command = [sys.executable, "-m", "gunicorn", *served, "--threads", "2", "--bind", f"127.0.0.1:{port}"]
    told = {**os.environ, "LEAK_BY": leak, "LEAK_SECONDS": str(seconds)}
    process = subprocess.Popen([*command, "--log-level", "error"], cwd=ROOT, start_new_session=True, env=told)
    try:
        for _ in range(200):
            if process.poll() is not None:
                raise SystemExit("the web process did not start")
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _ask(port: int, path: str, body: str, known: bool, headers: dict[str, str]) -> Seen:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    line.request("POST", path, body=body, headers=headers)
    answer = line.getresponse()
    first = time.perf_counter() - begun
    content = answer.read().decode()
    last = time.perf_counter() - begun
    line.close()
    told = {name.lower(): value for name, value in answer.getheaders()}
    return Seen(known, first, last, len(content), answer.status, told, MASK.sub("…", content))


def api(port: int, people: Sequence[tuple[str, bool]], *, tell: bool = False) -> Iterator[Seen]:
    for _ in range(WARM):  # the first answers of a process are slow for everybody
        _ask(port, "/api/v1/requests/", json.dumps({"email": "warm@up.example"}), False, _JSON)
    for email, known in people:
        headers = {**_JSON, **_told(known, tell=tell)}
        yield _ask(port, "/api/v1/requests/", json.dumps({"email": email}), known, headers)


_JSON = {"Content-Type": "application/json"}


def _told(known: bool, *, tell: bool) -> dict[str, str]:
    return {_KNOWN: str(int(known))} if tell else {}


def web(port: int, people: Sequence[tuple[str, bool]], *, tell: bool = False) -> Iterator[Seen]:
    """The last page of the form: the answers lie in the session, as the pages before would have put them."""
    warm = [("warm@up.example", False)] * WARM
    drafts = [(_form(email), known) for email, known in [*warm, *people]]
    for number, ((cookies, token), known) in enumerate(drafts):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, **_told(known, tell=tell)}
        seen = _ask(port, "/request/check/", f"csrfmiddlewaretoken={token}", known, headers)
        if number >= WARM:
            yield seen


def counted(answers: Iterator[Seen]) -> list[Seen]:
    """The answers of a door, each of which must have made a case: what only turns people away tells nothing."""
    from django.db import connection

    from compliance.intake.models import ErasureRequest

    before = ErasureRequest.objects.count()
    found = list(answers)
    made = ErasureRequest.objects.count() - before - WARM
    connection.close()
    if made != len(found):
        raise SystemExit(f"Measuring: {len(found)} forms were sent, and {made} cases were made.")
    return found


def _form(email: str) -> tuple[str, str]:
    """Cookies of a browser whose form is filled in, and the token of its last page."""
    from django.conf import settings
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest, HttpResponse
    from django.middleware.csrf import _get_new_csrf_string

    from compliance.web import answers, steps

    values: dict[str, Any] = {"requester": "self", "wishes": ["erase"], "email": email}
    values["seen"] = [step.slug for step in steps.steps(values)]
    request = HttpRequest()
    request.session = SessionStore()
    response = answers.save(request, HttpResponse(), values)
    request.session.save()
    token = _get_new_csrf_string()
    key = response.cookies[answers.COOKIE].value
    held = {settings.SESSION_COOKIE_NAME: request.session.session_key, answers.COOKIE: key, "csrftoken": token}
    return "; ".join(f"{name}={value}" for name, value in held.items()), token
