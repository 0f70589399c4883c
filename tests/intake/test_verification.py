"""Codes and secrets, one rule a test: short-lived, single use, five tries, of one mailbox, kept as digests only."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.intake import vault, verification
from compliance.intake.models import Confirmation, ErasureRequest
from compliance.intake.verification import ALPHABET
from tests.web import seeded

MAILBOX = "m" * 64


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """A request whose own codes are put aside: the test makes its own."""
    request = seeded.submitted(aurora).request
    request.confirmations.all().delete()
    return request


def code_for(request: ErasureRequest) -> str:
    """A fresh code of the request's mailbox."""
    return verification.issue(request, identifier_key=request.person_key)


def test_a_code_is_made_of_letters_that_nobody_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = "".join(verification.token(8) for _ in range(200))
    assert len(codes) == 1600 and set(codes) == set(ALPHABET) and not set("01IO") & set(ALPHABET)
    assert len(ALPHABET) == 32 and verification.token(8) != verification.token(8)


def test_only_a_keyed_digest_of_a_code_is_kept_and_it_knows_its_purpose(case: ErasureRequest, settings: Any) -> None:
    code = code_for(case)
    row = Confirmation.objects.get()
    assert len(code) == 8 and row.code_hash == verification.digest("code", code) and code not in row.code_hash
    assert len(row.code_hash) == 64
    assert verification.digest("code", f" {code.lower()} ") == row.code_hash, "typed in small letters, with a space"
    assert verification.digest("secret", code) != row.code_hash
    settings.OUBLI_MASTER_KEY = "another"
    assert verification.digest("code", code) != row.code_hash


def test_a_digest_is_the_same_in_every_release(db: None) -> None:
    message = b"code:ABCD2345"
    assert verification.digest("code", "abcd2345 ") == hmac.new(vault.lookup_key(), message, "sha256").hexdigest()


def test_a_code_whose_tries_are_used_up_serves_no_other_request_either(aurora: seeded.Company) -> None:
    forged, own = seeded.submitted(aurora).request, seeded.submitted(aurora).request
    Confirmation.objects.all().delete()
    code_for(own)
    spent = code_for(forged)
    for tries, expected in ((5, None), (4, own)):
        Confirmation.objects.filter(request=forged).update(tries=tries)
        assert verification.redeem(own.reference, spent) == expected


def test_a_mailboxes_two_hundred_newest_codes_are_alive(case: ErasureRequest) -> None:
    oldest, second = code_for(case), code_for(case)
    hashes = [verification.digest("code", f"filler {n}") for n in range(199)]
    later = timezone.now() + timedelta(minutes=5)
    row = {"request": case, "identifier_key": case.person_key, "expires_at": later}
    Confirmation.objects.bulk_create([Confirmation(code_hash=one, **row) for one in hashes])
    assert verification.redeem(case.reference, oldest) is None
    assert verification.redeem(case.reference, second) == case


def test_a_try_writes_its_own_field_and_no_other(case: ErasureRequest) -> None:
    code = code_for(case)
    for given, field in (("22222222", "tries"), (code, "used_at")):
        with CaptureQueriesContext(connection) as asked:
            verification.redeem(case.reference, given)
        changes = [query["sql"] for query in asked if query["sql"].startswith("UPDATE")]
        assert len(changes) == 1 and f'SET "{field}" = ' in changes[0], "a code whose minutes begin now keeps them"


def test_a_code_lives_for_as_long_as_the_settings_say(case: ErasureRequest, settings: Any) -> None:
    settings.OUBLI_CODE_MINUTES = 7
    code, now = code_for(case), timezone.now()
    row = Confirmation.objects.get()
    assert (row.request_id, row.identifier_key, row.tries, row.used_at) == (case.pk, case.person_key, 0, None)
    assert timedelta(minutes=6, seconds=50) < row.expires_at - now <= timedelta(minutes=7)
    Confirmation.objects.update(expires_at=now - timedelta(hours=1))
    verification.begin(case, "2" * 8)
    assert Confirmation.objects.get().expires_at < now, "another code's letter starts nothing"
    verification.begin(case, code)
    assert timedelta(minutes=6, seconds=50) < Confirmation.objects.get().expires_at - now
    Confirmation.objects.update(expires_at=now - timedelta(seconds=1), used_at=now)
    verification.begin(case, code)
    assert Confirmation.objects.get().expires_at < now, "a code that was used does not live again"


def test_a_code_fits_once_in_any_spelling_of_the_reference(case: ErasureRequest) -> None:
    code = code_for(case)
    found = verification.redeem(f" {case.reference.lower()} ", code)
    assert found == case and Confirmation.objects.get().used_at is not None
    assert verification.redeem(case.reference, code) is None


def test_a_code_that_has_run_out_fits_no_more(case: ErasureRequest) -> None:
    code = code_for(case)
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert verification.redeem(case.reference, code) is None


def test_wrong_tries_are_counted_one_by_one_and_the_fifth_is_the_last(case: ErasureRequest) -> None:
    code = code_for(case)
    for tries in range(1, 5):
        assert verification.redeem(case.reference, "22222222") is None
        assert Confirmation.objects.get().tries == tries
    assert verification.redeem(case.reference, code) == case, "four wrong tries leave a fifth"
    again = code_for(case)
    for _ in range(5):
        verification.redeem(case.reference, "22222222")
    assert verification.redeem(case.reference, again) is None
    assert Confirmation.objects.order_by("-id")[0].tries == 5, "nothing is counted beyond"


def test_a_code_of_the_same_mailbox_confirms_whichever_request_is_named(aurora: seeded.Company) -> None:
    forged, own = seeded.submitted(aurora).request, seeded.submitted(aurora).request
    Confirmation.objects.all().delete()
    code_for(own)
    code = code_for(forged)
    assert verification.redeem(own.reference, code) == own


def test_a_stranger_uses_up_their_own_tries_alone(aurora: seeded.Company) -> None:
    forged, own = seeded.submitted(aurora).request, seeded.submitted(aurora).request
    Confirmation.objects.all().delete()
    code_for(forged)
    mine = code_for(own)
    for _ in range(9):
        verification.redeem(forged.reference, "22222222")
    assert verification.redeem(own.reference, mine) == own


def test_a_code_of_another_mailbox_or_for_no_request_fits_nothing(aurora: seeded.Company, case: ErasureRequest) -> None:
    other = seeded.submitted(aurora, email="second@example.org").request
    code_for(case)
    assert verification.redeem(case.reference, code_for(other)) is None
    assert verification.redeem("OUB-XXXX-XXXX", code_for(case)) is None
    case.confirmations.all().delete()
    assert verification.redeem(case.reference, "22222222") is None, "a request without a code has nothing to try"


def test_an_identifiers_code_proves_that_identifier_alone(case: ErasureRequest) -> None:
    code = verification.issue(case, identifier_key=MAILBOX)
    assert verification.redeem(case.reference, code) is None, "it is not the code of the mailbox that gets the letters"
    assert not verification.redeem_identifier(case, code, identifier_key="n" * 64)
    assert not verification.redeem_identifier(case, "22222222", identifier_key=MAILBOX)
    assert Confirmation.objects.get(identifier_key=MAILBOX).tries == 1
    assert verification.redeem_identifier(case, code, identifier_key=MAILBOX) is True
    assert verification.redeem_identifier(case, code, identifier_key=MAILBOX) is False


def test_the_newest_codes_tries_count_and_any_live_code_fits(case: ErasureRequest) -> None:
    older, newer = code_for(case), code_for(case)
    verification.redeem(case.reference, "22222222")
    assert [row.tries for row in Confirmation.objects.order_by("id")] == [0, 1]
    assert verification.redeem(case.reference, older) == case
    assert [row.used_at is None for row in Confirmation.objects.order_by("id")] == [False, True]
    assert verification.redeem(case.reference, newer) == case


def test_the_status_opens_for_reference_and_secret_together(aurora: seeded.Company) -> None:
    receipt = seeded.submitted(aurora)
    assert verification.status(f" {receipt.reference.lower()} ", f" {receipt.secret.lower()} ") == receipt.request
    assert verification.status(receipt.reference, "wrong") is None
    assert verification.status("OUB-XXXX-XXXX", receipt.secret) is None
    assert verification.status("OUB-XXXX-XXXX", "-" * 64) is None
