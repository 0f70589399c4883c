"""Does the form tell who is known? Two thousand pairs, and a classifier that tries to find out from the outside.

Known people stand in the company's stores and have earlier, confirmed cases; unknown people do neither. Both send the
same form over HTTP to a real server, one of each at a time in random order: through the API, and as the last page of
the public form. Bodies must be equal but for reference and secret. A classifier (gradient boosting, cross-validated,
so that it is judged on pairs that it has not seen) is given everything that an outsider sees: seconds to the first and
last byte, each also beside the other one of the pair, so that a machine that is slower for a while hides nothing,
size, status, and every header. An area under its curve of 0.5 is a coin; the limit is 0.55 (with fewer than 2,000
pairs two standard errors are added, because chance alone goes further).

So that a verdict of "cannot tell" means something, the same classifier must find servers that do leak: the same
application behind a wrapper that, for known people only, works a quarter of the usual time longer, or sends one byte
more, or one letter of a header. Who is known is told to that wrapper alone, and only in these control runs. On a
machine that is busy with other things a short time can drown; the run then fails and says so.

    python benchmarks/constant_answers.py [--pairs 2000] [--web 2000] [--control 400] [--quick] [--json FILE]
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIMIT, PLANTED, ENOUGH, NEAR = 0.55, 0.25, 2000, 10
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
            doors = {"api": _judge("api", _counted(_api(port, people)))}
            if options.web:
                doors["web"] = _judge("web", _counted(_web(port, people[: 2 * options.web])))
        controls = [_control(leak, doors, people[: 2 * options.control]) for leak in LEAKS if leak.door in doors]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _report(list(doors.values()), controls, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--web", type=int, default=2000, help="pairs through the public form's last page")
    parser.add_argument("--control", type=int, default=400, help="pairs sent to each server that leaks")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="120 pairs, 60 through the form, 60 a control")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.web, options.control = 120, 60, 60
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


def _control(leak: Leak, doors: dict[str, Result], people: Sequence[tuple[str, bool]]) -> Control:
    """What the same classifier makes of a server that leaks."""
    longer = max(0.001, PLANTED * doors[leak.door].median_ms / 1000)
    with _server(leak.by, longer) as port:
        answers = list((_api if leak.door == "api" else _web)(port, people, tell=True))
    return Control(leak.door, leak.by, len(answers) // 2, _auc(answers), _limit(len(answers) // 2), 1000 * longer)


@contextmanager
def _server(leak: str = "", seconds: float = 0.0) -> Iterator[int]:
    """The web process as an installation runs it, or the one that leaks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = ["--pythonpath", str(Path(__file__).parent), "constant_answers:leaky()"] if leak else ["compliance.wsgi"]
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


def _api(port: int, people: Sequence[tuple[str, bool]], *, tell: bool = False) -> Iterator[Seen]:
    for _ in range(WARM):  # the first answers of a process are slow for everybody
        _ask(port, "/api/v1/requests/", json.dumps({"email": "warm@up.example"}), False, _JSON)
    for email, known in people:
        headers = {**_JSON, **_told(known, tell=tell)}
        yield _ask(port, "/api/v1/requests/", json.dumps({"email": email}), known, headers)


_JSON = {"Content-Type": "application/json"}


def _told(known: bool, *, tell: bool) -> dict[str, str]:
    return {_KNOWN: str(int(known))} if tell else {}


def _web(port: int, people: Sequence[tuple[str, bool]], *, tell: bool = False) -> Iterator[Seen]:
    """The last page of the form: the answers lie in the session, as the pages before would have put them."""
    warm = [("warm@up.example", False)] * WARM
    drafts = [(_form(email), known) for email, known in [*warm, *people]]
    for number, ((cookies, token), known) in enumerate(drafts):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, **_told(known, tell=tell)}
        seen = _ask(port, "/request/check/", f"csrfmiddlewaretoken={token}", known, headers)
        if number >= WARM:
            yield seen


def _counted(answers: Iterator[Seen]) -> list[Seen]:
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


@dataclass(frozen=True)
class Result:
    """One door's verdict."""

    door: str
    pairs: int
    different_bodies: int
    statuses: list[int]
    auc: float
    limit: float
    median_ms: float

    @property
    def holds(self) -> bool:
        """Equal bodies, and a classifier that cannot tell."""
        return self.different_bodies == 0 and self.auc <= self.limit


@dataclass(frozen=True)
class Control:
    """What the classifier made of a server that leaks: it must find it."""

    door: str
    by: str
    pairs: int
    auc: float
    limit: float
    leak_ms: float

    @property
    def holds(self) -> bool:
        """Whether the leak was found."""
        return self.auc > self.limit


def _limit(pairs: int) -> float:
    """The goal; an area's standard error is about 1/sqrt(6n), and few pairs go further by chance."""
    return LIMIT + (0.0 if pairs >= ENOUGH else 2 * (1 / (6 * pairs)) ** 0.5)


def _judge(door: str, answers: Sequence[Seen]) -> Result:
    bodies = [answer.body for answer in answers]
    usual = max(set(bodies), key=bodies.count)
    times = sorted(answer.last for answer in answers)
    pairs = len(answers) // 2
    return Result(
        door=door,
        pairs=pairs,
        different_bodies=sum(body != usual for body in bodies),
        statuses=sorted({answer.status for answer in answers}),
        auc=_auc(answers),
        limit=_limit(pairs),
        median_ms=1000 * times[len(times) // 2],
    )


def _auc(answers: Sequence[Seen]) -> float:
    """Area under the curve of a cross-validated classifier."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    names = sorted({name for answer in answers for name in answer.headers} - {"date"})
    told = {name: sorted({_plain(a.headers.get(name, "")) for a in answers}) for name in names}
    rows = np.array(
        [
            [a.first, a.last, a.last - a.first, a.last / usual, a.first - other.first, a.last - other.last]
            + [a.size, a.status, a.size - other.size]
            + [told[name].index(_plain(a.headers.get(name, ""))) for name in names]
            for a, other, usual in zip(answers, _other(answers), _usual([a.last for a in answers]), strict=True)
        ]
    )
    known = np.array([answer.known for answer in answers])
    pairs = np.arange(len(answers)) // 2  # judged on pairs of which it has seen neither
    model = HistGradientBoostingClassifier(
        max_iter=80, max_depth=3, min_samples_leaf=max(5, len(answers) // 100), random_state=0
    )
    said = cross_val_predict(model, rows, known, groups=pairs, cv=GroupKFold(5), method="predict_proba")[:, 1]
    return float(roc_auc_score(known, said))


def _other(answers: Sequence[Seen]) -> Iterator[Seen]:
    """The other one of each one's pair: asked just before, or just after."""
    for place in range(len(answers)):
        yield answers[place ^ 1]


def _usual(times: Sequence[float]) -> Iterator[float]:
    """The median of the answers around each: a patient attacker sees through a machine that is slower for a while."""
    for place in range(len(times)):
        around = sorted(times[max(0, place - NEAR) : place + NEAR + 1])
        yield around[len(around) // 2]


def _plain(value: str) -> str:
    """A header without what is random in every answer: keys and numbers of a session."""
    return re.sub(r"[\w=-]{20,}", "…", value)


def _report(results: Sequence[Result], controls: Sequence[Control], options: argparse.Namespace) -> int:
    for one in results:
        print(f"{one.door}: {one.pairs} pairs, median {one.median_ms:.1f} ms, status {one.statuses}")
        print(f"  bodies that differ     {one.different_bodies:6d}   goal 0")
        print(f"  classifier's AUC       {one.auc:6.3f}   goal <= {one.limit:.3f}")
    for leak in controls:
        what = {"time": f"{leak.leak_ms:.1f} ms more", "size": "one byte more", "header": "one letter of a header"}
        words = f"{leak.door} that leaks by {what[leak.by]}, {leak.pairs} pairs"
        print(f"{words}: AUC {leak.auc:.3f}, must be above {leak.limit:.3f}")
    holds = all(one.holds for one in [*results, *controls])
    if options.json:
        kept = {"doors": [asdict(one) for one in results], "controls": [asdict(one) for one in controls]}
        options.json.write_text(json.dumps(kept, indent=1))
    if not all(leak.holds for leak in controls):
        print("A leak was not found: too few pairs, or a machine too busy for a verdict.")
    words = ", ".join(f"{one.door} AUC {one.auc:.3f}" for one in results)
    found = f"weakest of {len(controls)} leaks {min((leak.auc for leak in controls), default=0.5):.3f}"
    differ = sum(one.different_bodies for one in results)
    print(f"{'PASS' if holds else 'FAIL'}: {words}; {differ} bodies differ; {found}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
