"""The published schema is true: random requests find no server error and no answer that it does not declare."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from compliance.accounts import services as accounts
from compliance.api.limits import Knocking
from compliance.rules.terms import Role
from compliance.wsgi import application
from tests.api.building import Company, client, world

EXAMPLES_PER_OPERATION = int(os.environ.get("OUBLI_API_EXAMPLES", "14"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.mark.django_db
def test_the_schema_validates_without_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))
    assert "Warning" not in capsys.readouterr().err


@pytest.mark.django_db
def test_the_schemas_pages_answer_without_an_account() -> None:
    assert Client().get("/api/schema/?format=json").json()["openapi"].startswith("3.")
    assert Client().get("/api/schema/", headers={"Accept": "text/html"}).status_code == 200
    page = Client().get("/api/docs/").content.decode()
    assert "swagger-ui" in page and "cdn" not in page


def test_no_random_request_breaks_the_server_or_the_schema(
    aurora: Company, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scope in ("intake", "confirm", "status", "check"):
        monkeypatch.setitem(Knocking.THROTTLE_RATES, scope, None)
    here = world(aurora, evidence)
    everything = aurora.staff[Role.OFFICER]
    for role in Role:
        accounts.grant(everything, aurora.entity, role)
    token = str(client(everything).defaults["HTTP_AUTHORIZATION"])
    described = json.loads(Client().get("/api/schema/?format=json").content)
    schema = schemathesis.openapi.from_dict(described)
    schema.app = application
    seen: Counter[int] = Counter()
    for operation in (result.ok() for result in schema.get_all_operations()):
        turns = itertools.count()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            knock(operation, mode, here.fills(), token, turns, seen)
    print("answers by status:", dict(sorted(seen.items())))
    assert sum(seen.values()) >= 300
    assert {200, 202, 400, 404, 409} <= set(seen)


def knock(operation: Any, mode: Any, real: dict[str, object], token: str, turns: Any, seen: Counter[int]) -> None:
    """Send random requests to one operation; every other one names things that exist."""

    @seed(7)
    @settings(
        max_examples=EXAMPLES_PER_OPERATION // 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: Any) -> None:
        if next(turns) % 2:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = str(real[name])
            if isinstance(case.body, dict) and "email" in case.body:
                case.body = {"email": "somebody@example.org", "name": case.body.get("name", "")}
        case.headers = {**(case.headers or {}), "Authorization": token}
        answer = case.call()
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=list(CHECKS))

    # Of an operation that takes nothing but text, or nothing at all, no request can be malformed.
    with contextlib.suppress(Unsatisfiable):
        once()
