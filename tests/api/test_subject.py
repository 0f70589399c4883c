"""What a data subject's software sees: the same whether the person is known or not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.api.limits import Knocking
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import State
from tests.api.building import ALICE, Company, ask, code_of, send, verified


def shape(answer: Any) -> tuple[Any, ...]:
    """All that a caller can compare, but the two random values."""
    body = answer.json()
    headers = sorted((k, v) for k, v in answer.items() if k != "Content-Length")
    return answer.status_code, {k: len(v) for k, v in body.items()}, headers, len(answer.content)


def test_known_and_unknown_people_get_the_same_answer(aurora: Company) -> None:
    verified(aurora)
    known = send(Client(), "requests/", {"email": ALICE})
    unknown = send(Client(), "requests/", {"email": "nobody.atall@example.org"})
    assert known.status_code == 202
    assert set(known.json()) == {"reference", "secret"}
    assert shape(known) == shape(unknown)


def test_filing_first_turns_nobody_away(aurora: Company) -> None:
    answers = [send(Client(), "requests/", {"email": ALICE}) for _ in range(7)]
    assert {a.status_code for a in answers} == {202}
    assert len({a.json()["reference"] for a in answers}) == 7


def test_a_request_reaches_the_company_it_names(aurora: Company, boreal: Company) -> None:
    assert send(Client(), "requests/", {"email": ALICE}).status_code == 422
    assert send(Client(), "requests/", {"email": ALICE, "entity": "cirrus"}).status_code == 422
    answer = send(Client(), "requests/", {"email": ALICE, "entity": "boreal"})
    assert ErasureRequest.objects.get(reference=answer.json()["reference"]).entity == boreal.entity


@pytest.mark.parametrize("email", ["%", "*", "", "alice", "@", "a" * 300 + "@example.org"])
def test_an_address_that_would_sweep_others_is_refused(aurora: Company, email: str) -> None:
    assert send(Client(), "requests/", {"email": email}).status_code in (400, 422)
    assert not ErasureRequest.objects.exists()


def test_the_code_confirms_once(aurora: Company) -> None:
    receipt = ask(aurora)
    body = {"reference": receipt.reference, "code": code_of(receipt.request)}
    first = send(Client(), "requests/confirm/", body)
    answer = first.json()
    assert (answer["reference"], answer["state"]) == (receipt.reference, State.VERIFIED)
    opened = {"reference": receipt.reference, "secret": answer["secret"]}
    assert send(Client(), "requests/status/", opened).status_code == 200
    filer = {"reference": receipt.reference, "secret": receipt.secret}
    assert send(Client(), "requests/status/", filer).status_code == 404, "who only filled in the form is out"
    assert send(Client(), "requests/confirm/", body).status_code == 403


def test_wrong_code_and_wrong_reference_read_the_same(aurora: Company) -> None:
    receipt = ask(aurora)
    wrong_code = send(Client(), "requests/confirm/", {"reference": receipt.reference, "code": "AAAAAAAA"})
    wrong_reference = send(Client(), "requests/confirm/", {"reference": "OUB-AAAA-AAAA", "code": "AAAAAAAA"})
    assert wrong_code.status_code == 403
    assert wrong_code.content == wrong_reference.content


def test_status_opens_with_the_secret_alone(aurora: Company) -> None:
    receipt = ask(aurora)
    told = send(Client(), "requests/status/", {"reference": receipt.reference, "secret": receipt.secret}).json()
    assert told["state"] == State.RECEIVED and told["turn"] == "data_subject"
    assert told["promised_on"] == receipt.request.promised_on.isoformat()
    assert ALICE not in str(told)
    wrong = send(Client(), "requests/status/", {"reference": receipt.reference, "secret": "A" * 16})
    absent = send(Client(), "requests/status/", {"reference": "OUB-AAAA-AAAA", "secret": "A" * 16})
    assert wrong.status_code == absent.status_code == 404
    assert wrong.content == absent.content


@pytest.mark.parametrize(
    ("path", "scope", "body"),
    [
        ("requests/", "intake", {"email": ALICE}),
        ("requests/confirm/", "confirm", {"reference": "OUB-AAAA-AAAA", "code": "A"}),
        ("requests/status/", "status", {"reference": "OUB-AAAA-AAAA", "secret": "A"}),
    ],
)
def test_a_flood_is_slowed_down_and_told_for_how_long(
    aurora: Company, monkeypatch: pytest.MonkeyPatch, path: str, scope: str, body: dict[str, str]
) -> None:
    monkeypatch.setitem(Knocking.THROTTLE_RATES, scope, "3/min")
    # A made-up forwarding header must not make a new caller of the same one.
    answers = [
        Client().post(
            f"/api/v1/{path}", body, content_type="application/json", headers={"X-Forwarded-For": f"192.0.2.{n}"}
        )
        for n in range(4)
    ]
    assert [a.status_code == 429 for a in answers] == [False, False, False, True]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].json()["type"] == "/api/problems/too-many-requests/"
