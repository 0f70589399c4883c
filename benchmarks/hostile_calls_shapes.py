"""The shapes of hostility of ``hostile_calls.py``: each makes one call as bytes, by the schema or by hand."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hostile_calls_values import BODIES, KEYS, METHODS, TARGETS, TOKENS, TYPES, VALUES, Raw

JSON = "application/json"
HOST = "localhost"
UNKNOWN_CODING = b"Transfer-Encoding: xchunked"
INPUTS = ("data", "people")  # what the schema leaves open: each kind of model has its own
BASE = "/api/v1/unlearning"


@dataclass(frozen=True)
class Call:
    """One call; `answered` says whether an answer must come (to half a request none has to)."""

    shape: str
    sent: bytes
    answered: bool = True


@dataclass(frozen=True)
class World:
    """What the hostile caller knows: the schema, its own token, model and job, and ids of another company."""

    schema: Mapping[str, Any]
    token: str
    job: str
    model: Mapping[str, Any]
    order: Mapping[str, Any]
    rows_order: Mapping[str, Any]
    foreign_job: str
    foreign_model: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)

    def systematic(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every field of every body that the schema describes, with every value."""
        yield from ((*place, value) for place, value in itertools.product(self.fields, VALUES))


def to_bytes(
    method: str, target: str, *, body: bytes = b"", headers: Sequence[tuple[str, str]] = (), length: bool = True
) -> bytes:
    """A request as it goes over the wire; nothing is corrected."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


def dumped(body: Any) -> bytes:
    """JSON, with raw pieces as they stand."""
    marks: dict[str, str] = {}

    def marked(value: Any) -> Any:
        if isinstance(value, Raw):
            marks[f'"mark{len(marks)}"'] = str(value)
            return f"mark{len(marks) - 1}"
        if isinstance(value, dict):
            return {name: marked(inner) for name, inner in value.items()}
        return value

    text = json.dumps(marked(body))
    for mark, piece in marks.items():
        text = text.replace(mark, piece)
    return text.encode("utf-8", "surrogatepass")


def fields_of(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(target, field, field below it) of every body of the service that the schema describes."""
    found = []
    shapes = schema["components"]["schemas"]
    for target, operations in schema["paths"].items():
        body = operations.get("post", {}).get("requestBody") if target.startswith(BASE) else None
        if not body:
            continue
        shape = shapes[body["content"][JSON]["schema"]["$ref"].rpartition("/")[2]]
        for name, about in shape["properties"].items():
            found.append((target, name, ""))
            below = shapes.get(about.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
            found += [(target, name, inner) for inner in below or (INPUTS if name == "inputs" else ())]
    return found


def mutated(world: World, place: tuple[str, str, str, Any], *more: tuple[str, str, str, Any]) -> Call:
    """A good body with one field, or several, made hostile."""
    target, ordered = place[0], world.rows_order if place[2] == "rows" else world.order
    body: dict[str, Any] = json.loads(json.dumps(world.model if "models" in target else ordered))
    for _, name, below, value in (place, *more):
        held = body.get(name) if name == "inputs" and isinstance(body.get(name), dict) else {}
        body[name] = {**(held or {}), below: value} if below else value
    return Call("a field made hostile", posted(world, target, dumped(body)))


def posted(
    world: World, target: str, body: bytes, *, headers: Sequence[tuple[str, str]] = (), kind: str = JSON
) -> bytes:
    """A POST of the hostile company's machine."""
    return to_bytes("POST", target, body=body, headers=[*bearing(world), ("Content-Type", kind), *headers])


def bearing(world: World) -> list[tuple[str, str]]:
    """The machine's own token."""
    return [("Authorization", f"Bearer {world.token}")]


def _fields(world: World, dice: random.Random) -> Call:
    place = (*dice.choice(world.fields), dice.choice(VALUES))
    same = [one for one in world.fields if one[0] == place[0]]
    return mutated(world, place, *((*dice.choice(same), dice.choice(VALUES)) for _ in range(dice.randint(0, 2))))


def _bodies(world: World, dice: random.Random) -> Call:
    return Call(
        "a body that is no JSON", posted(world, f"{BASE}/{dice.choice(['models', 'jobs'])}/", dice.choice(BODIES))
    )


def _types(world: World, dice: random.Random) -> Call:
    body = dice.choice([dumped(world.order), json.dumps(world.order).encode("utf-16"), dice.choice(BODIES)])
    return Call("another content type", posted(world, f"{BASE}/jobs/", body, kind=dice.choice(TYPES)))


def _targets(world: World, dice: random.Random) -> Call:
    target = dice.choice(TARGETS).replace("{job}", world.job).replace("{JOB}", world.job.upper())
    return Call(
        "an address that leads astray", to_bytes(dice.choice(["GET", "POST"]), BASE + target, headers=bearing(world))
    )


def _methods(world: World, dice: random.Random) -> Call:
    target = dice.choice(["/jobs/", "/models/", f"/jobs/{world.job}/", f"/jobs/{world.job}/cancel/"])
    body = dumped(world.order) if dice.random() < 0.5 else b""
    return Call("another method", to_bytes(dice.choice(METHODS), BASE + target, body=body, headers=bearing(world)))


def _headers(world: World, dice: random.Random) -> Call:
    lines = dice.choice([
        [("Idempotency-Key", dice.choice(KEYS))], [("Idempotency-Key", "a\r\nX-Injected: 1")], [("X", "a" * 9000)],
        [(f"X-{n}", "y") for n in range(150)], [("Content-Encoding", "gzip")], [("Expect", "100-continue")],
        [("Expect", "x")], [("X-HTTP-Method-Override", "DELETE")], [("X-Forwarded-For", "1.1.1.1, \xff")],
        [("Forwarded", "for=x")], [("Cookie", "sessionid=" + "z" * 3000)], [("X-Forwarded-Host", "evil.example")],
        [("Range", "bytes=0-99999999999999")], [("Accept", "\xff/" + "*" * 999)],
        [("Accept-Language", "zz-" + "q" * 500)], [("If-None-Match", "*")],
        [("Upgrade", "websocket"), ("Connection", "Upgrade")], [("Host", "evil.example")], [("Origin", "null")],
        [(" Bad Name", "x")], [("Bad\0Name", "x")], [("X", "a\0b")], [("X-Real-IP", "'")],
    ])  # fmt: skip
    return Call("headers", posted(world, f"{BASE}/jobs/", dumped(world.order), headers=lines))


def _strangers(world: World, dice: random.Random) -> Call:
    target = dice.choice(["/jobs/", "/models/", f"/jobs/{world.job}/", f"/jobs/{world.foreign_job}/"])
    raw = to_bytes(dice.choice(["GET", "POST"]), BASE + target, headers=[("Authorization", dice.choice(TOKENS))])
    return Call("a token that is none", raw)


def _tenants(world: World, dice: random.Random) -> Call:
    verb, target = dice.choice([
        ("GET", ""), ("POST", "cancel/"), ("GET", "curve/"), ("GET", "events/"),
        ("GET", "artifacts/model.safetensors/"),
    ])  # fmt: skip
    if dice.random() < 0.3:
        body = {**world.order, **dice.choice([{"model": world.foreign_model}, {"entity": "boreal"}])}
        return Call("another company's", posted(world, f"{BASE}/jobs/", dumped(body)))
    number = dice.choice([world.foreign_job, str(uuid.UUID(int=dice.getrandbits(128)))])
    return Call("another company's", to_bytes(verb, f"{BASE}/jobs/{number}/{target}", headers=bearing(world)))


def _packed(world: World, dice: random.Random) -> Call:
    bomb = gzip.compress(b" " * 50_000_000 + b"{}", 9) if dice.random() < 0.05 else gzip.compress(dumped(world.order))
    coding = dice.choice(["gzip", "deflate", "br", "gzip, gzip", "identity", "x"])
    return Call("a packed body", posted(world, f"{BASE}/jobs/", bomb, headers=[("Content-Encoding", coding)]))


def _framing(world: World, dice: random.Random) -> Call:
    body, path = dumped(world.order), f"{BASE}/jobs/"
    head = to_bytes("POST", path, headers=[*bearing(world), ("Content-Type", JSON)], length=False)[:-2]
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    raw, answered = dice.choice([
        (head + b"Content-Length: 9999\r\n\r\n" + body, False), (head + b"Content-Length: -1\r\n\r\n" + body, False),
        (head + b"Content-Length: 1e3\r\n\r\n" + body, False),
        (head + b"Content-Length: 99999999999999999999\r\n\r\n" + body, False),
        (head + b"Content-Length: 3\r\nContent-Length: 9\r\n\r\n" + body, False),
        (head + b"Content-Length: 5\r\n\r\n" + body, True), (head + b"\r\n" + body, True),
        (head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), True),
        (head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (len(body), body), False),
        (head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n%s\r\n0\r\n\r\n" % body, False),
        (head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n%s" % body, False),
        (head + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled, False),
        (head + UNKNOWN_CODING + b"\r\n\r\n0\r\n\r\n" + smuggled, False), (head[: dice.randrange(len(head))], False),
        (b"\x16\x03\x01\x02\x00\x01\x00", False), (b"GET / HTTP/9.9\r\n\r\n", False), (b"\r\n" * 50, False),
        (b"POST " + b"/" * 9000, False), (head.replace(b"\r\n", b"\n") + b"\n", False),
        (head + b" folded\r\n\r\n", False),
    ])  # fmt: skip
    return Call("broken framing", raw, answered)


SHAPES: Mapping[str, Callable[[World, random.Random], Call]] = {
    "fields": _fields, "bodies": _bodies, "types": _types, "targets": _targets, "methods": _methods,
    "headers": _headers, "strangers": _strangers, "tenants": _tenants, "packed": _packed, "framing": _framing,
}  # fmt: skip
WEIGHTS = (4, 1, 1, 2, 1, 2, 1, 2, 1, 2)


def calls(world: World, count: int, *, seed: int) -> Iterator[Call]:
    """First every field with every value, as far as `count` goes (in an order of chance), then all shapes by chance."""
    dice = random.Random(seed)
    each = list(world.systematic())
    dice.shuffle(each)
    part = each[: count // 2]
    yield from (mutated(world, place) for place in part)
    for name in dice.choices(list(SHAPES), WEIGHTS, k=count - len(part)):
        yield SHAPES[name](world, dice)
