"""Unlearning as a service, from Python: this one file, the standard library, nothing else.

::

    from oubli_client import Oubli  # as GET /api/client.py names this file

    service = Oubli("https://privacy.example.org", token="oubli_…")
    service.register("support-model", kind="language-model", location="support", inputs={"retain": "retain.jsonl"})
    job = service.forget("support-model", rows="forget.jsonl", budget="600s")
    for point in job.follow():
        print(f"{point['fraction']:.0%} {point['message']}")
    print(job.state()["status"], job.download("new-model"))

Who gave a ``callback`` is called when the job has ended. Whatever comes there is first asked who signed it::

    ended = check_call(body, headers, key="…the service's public key, in base64…")  # Forged when somebody else did
    print(ended["job"], ended["status"])

Errors of the service are ``Refused``: status, detail and what helps stand in it. A connection that breaks while a job
is ordered is tried again with the same idempotency key, so that nothing is ordered twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

TRIES = 4
ENDED = frozenset({"done", "failed", "cancelled"})


class Refused(Exception):
    """The service said no; ``status`` is HTTP's, ``detail`` why, ``next_action`` what helps."""

    def __init__(self, status: int, detail: str, next_action: str) -> None:
        self.status, self.detail, self.next_action = status, detail, next_action
        super().__init__(f"{status}: {detail} {next_action}".strip())


class Damaged(Exception):
    """A file came with other bytes than the job made."""


class Forged(Exception):
    """A call came that the service's key did not sign, or signed more than five minutes ago."""


class Oubli:
    """One service and one token."""

    def __init__(self, site: str, *, token: str, timeout: float = 60) -> None:
        if urllib.parse.urlsplit(site).scheme not in ("http", "https"):
            raise ValueError("site is an address that starts with https:// (http:// on this machine)")
        kind = "Bearer" if token.startswith("oubli_") else "Token"
        self._site, self._timeout = site.rstrip("/"), timeout
        self._headers = {"Authorization": f"{kind} {token}", "Content-Type": "application/json"}

    def register(
        self, slug: str, *, kind: str, location: str, inputs: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a model known by where it lies on the service's side."""
        body = {"slug": slug, "kind": kind, "location": location, "inputs": dict(inputs or {})}
        return self.call("models/", body)

    def forget(self, model: str, *, method: str = "auto", budget: str = "", seed: int = 0, **what: Any) -> Job:
        """Order a model to forget ``rows=FILE``, ``ids=[…]`` or ``class_label=…``; ``budget`` is 600s or 200steps."""
        body: dict[str, Any] = {"model": model, "forget": what, "method": method, "seed": seed}
        if budget:
            body["budget"] = budget
        ordered = self.call("jobs/", body, headers={"Idempotency-Key": str(uuid.uuid4())})
        return Job(self, str(ordered["id"]))

    def job(self, number: str) -> Job:
        """A job that was ordered before."""
        return Job(self, number)

    def call(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One call: POST with a body, GET without."""
        with self.open(path, body, headers=headers) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def open(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> IO[bytes]:
        """The answer as a stream; tried again when the connection fails or the service asks to wait."""
        address = f"{self._site}/api/v1/unlearning/{path}"
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data=sent, headers={**self._headers, **(headers or {})})  # noqa: S310
        for attempt in range(TRIES):
            try:
                found: IO[bytes] = urllib.request.urlopen(request, timeout=self._timeout)  # noqa: S310
                return found
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == TRIES - 1:
                    raise _refused(error) from None
                time.sleep(min(30.0, float(error.headers.get("Retry-After") or 1)))
            except (urllib.error.URLError, TimeoutError):
                if attempt == TRIES - 1:
                    raise
                time.sleep(2.0**attempt)
        raise AssertionError("unreachable")


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        said = json.load(error)
        listed = "; ".join(f"{one.get('pointer', '')}: {one.get('detail', '')}" for one in said.get("errors") or ())
        detail = " ".join(part for part in (str(said.get("detail", "")), listed and f"({listed})") if part)
        return Refused(error.code, detail, str(said.get("next_action", "")))
    except (ValueError, AttributeError, TypeError):
        return Refused(error.code, error.reason, "")


@dataclass(frozen=True)
class Job:
    """One order."""

    service: Oubli
    number: str

    def state(self) -> dict[str, Any]:
        """Status, fraction, and once it is done the result and the files with their digests."""
        return self.service.call(f"jobs/{self.number}/")

    def cancel(self) -> dict[str, Any]:
        """Take the order back."""
        return self.service.call(f"jobs/{self.number}/cancel/", {})

    def follow(self) -> Iterator[dict[str, Any]]:
        """Points of progress as they come, until the job has ended; taken up again where a connection broke."""
        last, ended = "0", False
        while not ended:
            try:
                with self.service.open(f"jobs/{self.number}/events/", headers={"Last-Event-ID": last}) as stream:
                    for event in _events(stream):
                        last = event.get("id", last)
                        if event.get("event") == "point":
                            yield json.loads(event["data"])
                        ended = ended or event.get("event") == "end"
            except (ConnectionError, TimeoutError):
                time.sleep(1)

    def wait(self, *, seconds: float = 3600, every: float = 1.0) -> dict[str, Any]:
        """Poll until the job has ended; TimeoutError after ``seconds``."""
        until = time.monotonic() + seconds
        while (state := self.state())["status"] not in ENDED:
            if time.monotonic() > until:
                raise TimeoutError(f"the job is {state['status']} at {state['fraction']:.0%} after {seconds:.0f} s")
            time.sleep(every)
        return state

    def download(self, folder: str | Path) -> list[Path]:
        """Fetch the files that the job made and compare their digests; Damaged when one differs."""
        found = []
        for line in self.state()["artifacts"]:
            path = Path(folder, *Path(line["name"]).parts)
            if not path.resolve().is_relative_to(Path(folder).resolve()):
                raise Damaged(f"{line['name']} would lie outside the folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".part")
            digest = hashlib.sha256()
            with (
                self.service.open(f"jobs/{self.number}/artifacts/{line['name']}/") as source,
                partial.open("wb") as out,
            ):
                while block := source.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            if digest.hexdigest() != line["sha256"]:
                partial.unlink()
                raise Damaged(f"{line['name']}: the bytes are not those that the job made")
            os.replace(partial, path)
            found.append(path)
        return found


def _events(stream: IO[bytes]) -> Iterator[dict[str, str]]:
    """Server-sent events, field by field (WHATWG HTML, 9.2)."""
    event: dict[str, str] = {}
    for line in stream:
        text = line.decode().rstrip("\r\n")
        if not text:
            if event:
                yield event
            event = {}
        elif not text.startswith(":"):
            name, _, value = text.partition(":")
            event[name] = value.removeprefix(" ")


def check_call(body: bytes, headers: Mapping[str, str], *, key: str, apart: float = 300) -> dict[str, Any]:
    """What a call on a ``callback`` says; Forged unless ``key`` (base64) signed it ``apart`` seconds ago at most."""
    told = {name.lower(): value for name, value in headers.items()}
    uid, at, signatures = (told.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (at.isascii() and at.isdigit() and len(at) < 12 and abs(time.time() - int(at)) <= apart):
        raise Forged("its time is missing, or too far from this machine's")
    signed = f"{uid}.{at}.".encode() + body
    given = [one.partition(",")[2] for one in signatures.split()[:5] if one.startswith("v1a,")]
    if not any(_verifies(key, one, signed) for one in given):
        raise Forged("the signature is not the service's")
    found = json.loads(body)
    return dict(found)


_P, _ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]  # x/z, y/z and xy/z of a point of Edwards25519, as x, y, z, t


def _verifies(key: str, signature: str, signed: bytes) -> bool:
    """Ed25519 (RFC 8032, 5.1.7), for messages that are no secret: it takes its time, and not always the same."""
    try:
        public, given = base64.b64decode(key, validate=True), base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    owner, place = _point(public), _point(given[:32])
    share = int.from_bytes(given[32:], "little")
    if len(public) != 32 or len(given) != 64 or owner is None or place is None or share >= _ORDER:
        return False
    told = int.from_bytes(hashlib.sha512(given[:32] + public + signed).digest(), "little") % _ORDER
    left, right = _times(share, _BASE), _plus(place, _times(told, owner))
    return all((left[n] * right[2] - right[n] * left[2]) % _P == 0 for n in (0, 1))


def _point(raw: bytes) -> _Point | None:
    """The point that 32 bytes stand for (5.1.3), or None."""
    number = int.from_bytes(raw, "little")
    odd, y = number >> 255, number % 2**255
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if odd > 1 or y >= _P or (x * x - square) % _P or (x == 0 and odd):
        return None
    x = x if x % 2 == odd else _P - x
    return x, y, 1, x * y % _P


def _plus(one: _Point, other: _Point) -> _Point:
    """Their sum (5.1.4)."""
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % _P, (one[1] + one[0]) * (other[1] + other[0]) % _P
    c, d = 2 * one[3] * other[3] * _D % _P, 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: _Point) -> _Point:
    found: _Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _plus(found, point)
        point, number = _plus(point, point), number >> 1
    return found


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)
