"""Whatever goes wrong answers with one shape, and with nothing of what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from compliance.api import problems, reading
from compliance.rules import errors
from compliance.rules.terms import Role
from tests.api.building import ALICE, Company, client, send, verified

pytestmark = pytest.mark.django_db


def the_problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """The body, after its shape was checked."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "next_action"} <= set(body)
    assert body["type"] == f"/api/problems/{slug}/"
    assert body["status"] == status
    assert body["detail"] and body["next_action"]
    return body


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/nothing/", "/api/v1/cases", "/api/v1/cases/%00/", "/api/v1/cases/1'/", "/api/v1/a%0Ab/"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_unknown_address_is_a_problem_document(path: str, method: str) -> None:
    the_problem(getattr(Client(), method)(path), 404, "not-found")


def test_wrong_method_says_which_are_allowed(aurora: Company) -> None:
    answer = client(aurora.staff[Role.OFFICER]).delete("/api/v1/cases/")
    the_problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nul",
        '{"email": NaN}',
        '{"email": "a", "email": "b"}',
        '{"a": 1' + "0" * 5000 + "}",
        b"\xff\xfe",
        '"\\ud800"',
        "",
    ],
)
def test_unreadable_json_is_malformed(body: Any) -> None:
    answer = Client().post("/api/v1/requests/", body, content_type="application/json")
    the_problem(answer, 400, "malformed")


@pytest.mark.parametrize("value", ["a\x00b@example.org", "\ud800@example.org", 10**400, [], {}, None, True, 1e308])
def test_odd_values_never_break_the_server(aurora: Company, value: object) -> None:
    answer = send(Client(), "requests/", {"email": value})
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"


def test_too_deep_and_too_long_bodies_are_turned_away() -> None:
    deep = "[" * (reading.MAX_DEPTH + 1) + "]" * (reading.MAX_DEPTH + 1)
    the_problem(Client().post("/api/v1/requests/", deep, content_type="application/json"), 413, "too-large")
    long = '"' + "x" * reading.MAX_BYTES + '"'
    the_problem(Client().post("/api/v1/requests/", long, content_type="application/json"), 413, "too-large")


def test_brackets_inside_strings_are_not_depth() -> None:
    assert reading.depth(rb'{"a": "[[[[\"[[[", "b": [1, {"c": "]"}]}') == 3


def test_forms_and_xml_are_not_read() -> None:
    the_problem(Client().post("/api/v1/requests/", {"email": ALICE}), 415, "unsupported-media-type")
    answer = Client().post("/api/v1/requests/", "<a/>", content_type="application/xml")
    the_problem(answer, 415, "unsupported-media-type")


def test_malformed_field_is_named_and_not_repeated(aurora: Company) -> None:
    body = {"email": ALICE, "others": [{"kind": ALICE, "value": "x"}], "requester": ALICE}
    found = the_problem(send(Client(), "requests/", body), 400, "malformed")
    assert {e["pointer"] for e in found["errors"]} == {"#/others/0/kind", "#/requester"}
    assert ALICE not in str(found)


def test_an_invented_token_is_not_signed_in() -> None:
    for token in ("x", "0" * 40, "Ünïcode", "a b"):
        answer = Client().get("/api/v1/cases/", headers={"Authorization": f"Token {token}".encode().decode("latin-1")})
        the_problem(answer, 401, "not-signed-in")


def test_a_session_without_csrf_token_may_not_decide(aurora: Company) -> None:
    case = verified(aurora)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(aurora.staff[Role.OFFICER], backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(f"/api/v1/cases/{case.reference}/").status_code == 200
    answer = send(browser, f"cases/{case.reference}/accept/", {"ground": "17-1-a"})
    the_problem(answer, 403, "not-allowed")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("x"), 422),
        (errors.DamagedArtifact("x"), 422),
        (errors.NotAllowed("x"), 403),
        (errors.SecondPersonNeeded("x"), 403),
        (errors.NotFoundHere("x"), 404),
        (errors.IllegalMove("x"), 409),
        (errors.PlanChanged("x"), 409),
        (errors.ProofFailed("x"), 409),
        (errors.MissingPart("x"), 409),
        (errors.LeaseLost("x"), 409),
        (errors.SourceUnreachable("x"), 503),
        (errors.NoSpace("x"), 503),
        (OperationalError("database is locked"), 503),
    ],
)
def test_every_error_of_the_tree_has_its_status(error: Exception, status: int) -> None:
    answer = problems.handle(error, {})
    assert answer.status_code == status
    assert ("Retry-After" in answer) == (status == 503)


def test_no_class_of_the_tree_is_unexpected() -> None:
    def below(kind: type[errors.OubliError]) -> set[type[errors.OubliError]]:
        return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))

    for kind in below(errors.OubliError):
        error = kind.__new__(kind)  # some are made of more than a cause; how they are answered does not depend on it
        errors.OubliError.__init__(error, "x")
        assert problems.handle(error, {}).status_code in (403, 404, 409, 422, 429, 503)


def test_unexpected_error_says_nothing_of_its_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError(f"row of {ALICE}")
    except RuntimeError as error:
        answer = problems.handle(error, {})
    assert answer.status_code == 500
    assert ALICE not in answer.content.decode() and ALICE not in caplog.text
    assert "RuntimeError" in caplog.text


def test_every_type_of_problem_can_be_read() -> None:
    for slug, kind in problems.KINDS.items():
        assert Client().get(f"/api/problems/{slug}/").json()["status"] == kind.status
