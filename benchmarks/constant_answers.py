"""Does the form tell who is known? Two thousand pairs, and a classifier that tries to find out from the outside.

Known people stand in the company's stores and have earlier, confirmed cases; unknown people do neither. Both send the
same form over HTTP to a real server, in random order: through the API, and as the last page of the public form.
Bodies must be equal but for reference and secret. A classifier (gradient boosting, cross-validated, so that it is
judged on pairs that it has not seen) is given everything that an outsider sees: seconds to the first and last byte,
size, status, and every header. An area under its curve of 0.5 is a coin; the limit is 0.55 (with fewer than 2,000 pairs
two standard errors are added, because chance alone goes further).

So that a verdict of "cannot tell" means something, the same classifier must find a planted difference: a quarter of the
usual time, at least a millisecond. On a machine that is busy with other things even that drowns; it then says so.

    python benchmarks/constant_answers.py [--pairs 2000] [--web 2000] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIMIT, PLANTED, ENOUGH, NEAR = 0.55, 0.25, 2000, 10
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


def main() -> int:
    """Run it; 1 when a body differs or the classifier can tell."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="oubli-constant-"))
    os.environ |= {
        "OUBLI_VAR": str(folder),
        "OUBLI_FORMS_AN_HOUR": "1000000",
        "DJANGO_SETTINGS_MODULE": "compliance.settings",
        "OUBLI_LOG": "ERROR",
    }
    random.seed(options.seed)
    try:
        people = _prepare(options.pairs)
        with _server() as port:
            doors = {"api": list(_api(port, people))}
            if options.web:
                doors["web"] = list(_web(port, people[: 2 * options.web]))
        results = [_judge(door, answers) for door, answers in doors.items()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _report(results, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--web", type=int, default=2000, help="pairs through the public form's last page")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="200 pairs, 100 of them through the form")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.web = 200, 100
    return options


def _prepare(pairs: int) -> list[tuple[str, bool]]:
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
    people = [(email, True) for email in known] + [(email, False) for email in unknown]
    random.shuffle(people)
    return people


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


@contextmanager
def _server() -> Iterator[int]:
    """The web process as an installation runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "compliance.wsgi", "--threads", "2", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, "--log-level", "error"], cwd=ROOT, start_new_session=True)
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


def _api(port: int, people: Sequence[tuple[str, bool]]) -> Iterator[Seen]:
    for _ in range(20):  # the first answers of a process are slow for everybody
        _ask(port, "/api/v1/requests/", json.dumps({"email": "warm@up.example"}), False, _JSON)
    for email, known in people:
        yield _ask(port, "/api/v1/requests/", json.dumps({"email": email}), known, _JSON)


_JSON = {"Content-Type": "application/json"}


def _web(port: int, people: Sequence[tuple[str, bool]]) -> Iterator[Seen]:
    """The last page of the form: the answers lie in the session, as the pages before would have put them."""
    drafts = [(_form(email), known) for email, known in people]
    for (cookies, token), known in drafts:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
        yield _ask(port, "/request/check/", f"csrfmiddlewaretoken={token}", known, headers)


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


@dataclass(frozen=True)
class Result:
    """One door's verdict."""

    door: str
    pairs: int
    different_bodies: int
    statuses: list[int]
    auc: float
    planted_auc: float
    planted_ms: float
    limit: float
    median_ms: float

    @property
    def holds(self) -> bool:
        """Equal bodies, a classifier that cannot tell, and one that could have."""
        return self.different_bodies == 0 and self.auc <= self.limit < self.planted_auc


def _judge(door: str, answers: Sequence[Seen]) -> Result:
    bodies = [answer.body for answer in answers]
    usual = max(set(bodies), key=bodies.count)
    times = sorted(answer.last for answer in answers)
    median = times[len(times) // 2]
    more = max(0.001, PLANTED * median)
    planted = [replace(a, first=a.first + more * a.known, last=a.last + more * a.known) for a in answers]
    pairs = len(answers) // 2
    chance = 0.0 if pairs >= ENOUGH else 2 * (1 / (6 * pairs)) ** 0.5  # an area's standard error is about 1/sqrt(6n)
    return Result(
        door=door,
        pairs=pairs,
        different_bodies=sum(body != usual for body in bodies),
        statuses=sorted({answer.status for answer in answers}),
        auc=_auc(answers),
        planted_auc=_auc(planted),
        planted_ms=1000 * more,
        limit=LIMIT + chance,
        median_ms=1000 * median,
    )


def _auc(answers: Sequence[Seen]) -> float:
    """Area under the curve of a cross-validated classifier."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    names = sorted({name for answer in answers for name in answer.headers} - {"date"})
    told = {name: sorted({_plain(a.headers.get(name, "")) for a in answers}) for name in names}
    rows = np.array(
        [
            [a.first, a.last, a.last - a.first, a.last / usual, a.size, a.status]
            + [told[name].index(_plain(a.headers.get(name, ""))) for name in names]
            for a, usual in zip(answers, _usual([a.last for a in answers]), strict=True)
        ]
    )
    known = np.array([answer.known for answer in answers])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = HistGradientBoostingClassifier(
        max_iter=80, max_depth=3, min_samples_leaf=max(5, len(answers) // 100), random_state=0
    )
    said = cross_val_predict(model, rows, known, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(known, said))


def _usual(times: Sequence[float]) -> Iterator[float]:
    """The median of the answers around each: a patient attacker sees through a machine that is slower for a while."""
    for place in range(len(times)):
        around = sorted(times[max(0, place - NEAR) : place + NEAR + 1])
        yield around[len(around) // 2]


def _plain(value: str) -> str:
    """A header without what is random in every answer: keys and numbers of a session."""
    return re.sub(r"[\w=-]{20,}", "…", value)


def _report(results: Sequence[Result], options: argparse.Namespace) -> int:
    for one in results:
        print(f"{one.door}: {one.pairs} pairs, median {one.median_ms:.1f} ms, status {one.statuses}")
        print(f"  bodies that differ     {one.different_bodies:6d}   goal 0")
        print(f"  classifier's AUC       {one.auc:6.3f}   goal <= {one.limit:.3f}")
        words = f"{one.planted_ms:.1f} ms planted: must be above the goal, or the test has no power"
        print(f"  the same, planted      {one.planted_auc:6.3f}   {words}")
    holds = all(one.holds for one in results)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in results], indent=1))
    if any(one.planted_auc <= one.limit for one in results):
        print("The planted difference was not found: too few pairs, or a machine too busy for a verdict.")
    words = ", ".join(f"{one.door} AUC {one.auc:.3f}" for one in results)
    print(f"{'PASS' if holds else 'FAIL'}: {words}; {sum(o.different_bodies for o in results)} bodies differ")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
