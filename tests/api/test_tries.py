"""A code can be tried five times; then even the right one has run out."""

from __future__ import annotations

from django.test import Client

from tests.api.building import Company, ask, code_of, send


def test_wrong_tries_are_counted_and_use_the_code_up(aurora: Company) -> None:
    receipt = ask(aurora)
    for number in range(5):
        wrong = {"reference": receipt.reference, "code": f"AAAAAAA{number + 2}"}
        assert send(Client(), "requests/confirm/", wrong).status_code == 403
    assert receipt.request.confirmations.get().tries == 5
    right = {"reference": receipt.reference, "code": code_of(receipt.request)}
    assert send(Client(), "requests/confirm/", right).status_code == 403
