"""Thousands of malformed and hostile calls: no 5xx, no traceback, and no ordered job is lost."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest

from compliance.api.limits import Knocking
from compliance.forgetting.models import UnlearningJob
from compliance.jobs.models import Job
from tests.forgetting.conftest import Customer
from tests.forgetting.test_service import MODEL, ORDER, post, registered

VALUES: list[Any] = [
    None, True, -1, 2**63, 2**200, 1e308, "", " ", "\0", "a" * 70_000, "\ud800", "\u202e", "../../etc/passwd", "/",
    "'; DROP TABLE jobs_job; --", "{{7*7}}", "${jndi:ldap://x}", "<script>", [], {}, [[[[]]]], {"rows": "x"},
    {"rows": "../x"}, {"ids": [""]}, {"ids": ["\0"]}, {"class_label": "\n"}, "1s", "99999999s", "0steps", "all.jsonl",
]  # fmt: skip
PATHS = (
    "models/",
    "jobs/",
    "jobs/{job}/cancel/",
    "jobs/{job}/",
    "jobs/{job}/curve/",
    "jobs/00/",
    "jobs/{job}/artifacts/../x/",
)
RAW = (b"", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 5000, b"NaN", b'"\\ud800"', b"\0" * 100, b"9" * 5000, b"{}" * 9)


def hurl(customer: Customer, *, calls: int, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Counter[int]:
    """Send ``calls`` random calls; returns how often each status came back."""
    monkeypatch.setitem(Knocking.THROTTLE_RATES, "unlearning", None)
    settings.OUBLI_UNLEARNING_LIVE = settings.OUBLI_UNLEARNING_DAILY = 20
    machine, dice = registered(customer), random.Random(7)
    machine.raise_request_exception = False
    number = str(post(machine, "jobs/", ORDER).json()["id"])
    seen: Counter[int] = Counter()
    for _ in range(calls):
        path = dice.choice(PATHS).format(job=number)
        body: Any = {**dice.choice([MODEL, ORDER])}
        for _ in range(dice.randint(1, 3)):
            body[dice.choice([*body, "entity", "budget", "seed", "extra"])] = dice.choice(VALUES)
        sent: Any = dice.choice(RAW) if dice.random() < 0.3 else json.dumps(body)
        kind = dice.choice(["application/json"] * 8 + ["text/plain", ""])
        key = dice.choice(["", "", "k", "x" * 300, "é"])
        answer = machine.generic(
            dice.choice(["POST"] * 6 + ["GET", "PUT", "PATCH"]),
            f"/api/v1/unlearning/{path}",
            sent,
            content_type=kind,
            headers={"Idempotency-Key": key} if key else {},
        )
        seen[answer.status_code] += 1
        assert answer.status_code < 500, (answer.status_code, path, sent[:200])
        assert b"Traceback" not in b"".join(answer) if not answer.streaming else True
    assert Job.objects.filter(case_id__in=UnlearningJob.objects.values("id")).count() == UnlearningJob.objects.count()
    return seen


def test_hostile_calls_meet_words(customer: Customer, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    seen = hurl(customer, calls=600, monkeypatch=monkeypatch, settings=settings)
    assert seen[400] > 100 and seen[404] + seen[422] > 20, seen


@pytest.mark.slow
def test_ten_thousand_hostile_calls_meet_words(
    customer: Customer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    seen = hurl(customer, calls=10_000, monkeypatch=monkeypatch, settings=settings)
    assert sum(seen.values()) == 10_000
