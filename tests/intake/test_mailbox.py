"""Whoever fills in forms with somebody's address neither silences, floods, nor watches that person."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.intake import identity, limits, services, verification
from compliance.intake.models import Confirmation, ErasureRequest, Knock, Notice
from compliance.rules.errors import NotAllowed, TooOften
from compliance.rules.terms import IdentifierKind, State
from compliance.worker import tasks
from tests.web import seeded
from tests.web.test_subject import receipt as shown
from tests.web.test_subject import walk

VICTIM = "victim@example.org"


def ask(firm: seeded.Company, email: str = VICTIM) -> services.Receipt:
    """One form with the address."""
    return services.submit(services.Submission(entity=firm.entity, email=email))


def code_in(letter: Any) -> str:
    """The code as the letter has it."""
    return re.findall(r"code: ([2-9A-Z]{8})", str(letter.body))[0]


def test_forged_forms_do_not_keep_the_person_from_their_code(aurora: seeded.Company) -> None:
    for _ in range(12):
        ask(aurora)
        tasks.post_letters()
    assert len(mail.outbox) == 5, "no flood"
    hers = ask(aurora)
    tasks.post_letters()
    assert len(mail.outbox) == 5
    confirmed = services.confirm(hers.reference, code_in(mail.outbox[-1]))
    assert confirmed.state == State.VERIFIED, "a code in her mailbox proves her mailbox, whichever form it was sent for"


def test_after_the_codes_have_run_out_a_letter_comes_within_the_hour(aurora: seeded.Company) -> None:
    for _ in range(12):
        ask(aurora)
    hers = ask(aurora)
    tasks.post_letters()
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert Notice.objects.filter(sent_at=None).count() == 1, "one letter speaks for all that wait"
    waiting = Notice.objects.get(sent_at=None)
    assert waiting.request_id == hers.request.pk and waiting.due_at <= timezone.now() + timedelta(hours=1)
    Notice.objects.filter(sent_at=None).update(due_at=timezone.now())
    Knock.objects.update(hour=timezone.now() - timedelta(hours=1))
    tasks.post_letters()
    assert services.confirm(hers.reference, code_in(mail.outbox[-1])).state == State.VERIFIED


def test_a_strangers_wrong_tries_use_up_nobody_elses(aurora: seeded.Company) -> None:
    forged, hers = ask(aurora), ask(aurora)
    tasks.post_letters()
    for _ in range(9):
        with pytest.raises(NotAllowed):
            services.confirm(forged.reference, "AAAAAAAA")
    with pytest.raises(NotAllowed):
        services.confirm(forged.reference, code_in(mail.outbox[0]))
    assert services.confirm(hers.reference, code_in(mail.outbox[1])).state == State.VERIFIED


def test_a_code_dies_after_five_wrong_tries_and_after_its_use(aurora: seeded.Company) -> None:
    receipt = ask(aurora)
    code = seeded.code_of(receipt.request)
    for _ in range(4):
        with pytest.raises(NotAllowed):
            services.confirm(receipt.reference, "AAAAAAAA")
    services.confirm(receipt.reference, code)
    with pytest.raises(NotAllowed):
        services.prove(receipt.reference, code)
    second = ask(aurora, "other@example.org")
    for _ in range(5):
        with pytest.raises(NotAllowed):
            services.confirm(second.reference, "AAAAAAAA")
    with pytest.raises(NotAllowed):
        services.confirm(second.reference, seeded.code_of(second.request))


def test_a_code_of_one_mailbox_confirms_no_other(aurora: seeded.Company) -> None:
    ask(aurora, "attacker@evil.example")
    hers = ask(aurora)
    tasks.post_letters()
    with pytest.raises(NotAllowed):
        services.confirm(hers.reference, code_in(mail.outbox[0]))


def test_the_minutes_of_a_code_count_from_its_letter(aurora: seeded.Company) -> None:
    receipt = ask(aurora)
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(hours=3))
    tasks.post_letters()
    left = receipt.request.confirmations.get().expires_at - timezone.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def test_the_filers_secret_dies_when_the_mailbox_confirms(aurora: seeded.Company, client: Client) -> None:
    filer, owner = client, Client()
    reference, secret = shown(walk(filer, email=VICTIM))
    filer.post("/status/", {"reference": reference, "secret": secret})
    assert "Waiting for you" in filer.get("/status/case/").content.decode()
    code = seeded.code_of(ErasureRequest.objects.get())
    page = owner.post("/confirm/", {"reference": reference, "code": code}).content.decode()
    fresh = shown(page)[1]
    assert fresh != secret and verification.status(reference, fresh) is not None
    assert verification.status(reference, secret) is None
    assert filer.get("/status/case/").headers["Location"] == "/status/", "an open page is closed too"
    assert filer.post("/status/withdraw/").headers["Location"] == "/status/"
    assert ErasureRequest.objects.get().state == State.VERIFIED
    assert "We are reading your request" in owner.get("/status/case/").content.decode()


def test_a_lost_secret_is_replaced_through_the_mailbox(aurora: seeded.Company, client: Client) -> None:
    case = seeded.verified(aurora, email=VICTIM)
    tasks.post_letters()
    before = case.secret_hash
    client.post("/confirm/again/", {"reference": case.reference})
    tasks.post_letters()
    code = re.findall(r"^([2-9A-HJ-NP-Z]{8})$", str(mail.outbox[-1].body), re.MULTILINE)[0]
    secret = shown(client.post("/confirm/", {"reference": case.reference, "code": code}).content.decode())[1]
    case.refresh_from_db()
    assert case.secret_hash != before and case.state == State.VERIFIED
    assert verification.status(case.reference, secret) is not None


def test_asking_again_reads_the_same_for_a_request_that_is_not_there(aurora: seeded.Company) -> None:
    receipt = ask(aurora)

    def page(reference: str) -> str:
        answer = Client().post("/confirm/again/", {"reference": reference})
        return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", f"{answer.status_code}{answer.content.decode()}")

    assert page(receipt.reference) == page("OUB-0000-0000")


def test_the_linking_rule_never_changes(settings: Any) -> None:
    settings.OUBLI_MASTER_KEY = "a fixed key of this test"
    pinned = {
        (IdentifierKind.EMAIL, " Alice+News@Example.ORG "): "8bfa72fff4055dd6",
        (IdentifierKind.PHONE, "+49 (30) 901-820"): "11e9f0e0d2fa2dbc",
        (IdentifierKind.CUSTOMER_ID, "ＡＢ 12"): "d26c50a482f4ee54",
    }
    assert {identity.key_of(kind, value)[:16] for kind, value in pinned} == set(pinned.values())
    assert identity.key_of("email", "alice@example.org") != identity.key_of("email", "alice+news@example.org")


def test_only_proven_requests_of_one_person_are_linked(aurora: seeded.Company) -> None:
    first, forged = seeded.verified(aurora, email=VICTIM), seeded.submitted(aurora, email=VICTIM).request
    second = seeded.verified(aurora, email=VICTIM)
    assert set(identity.others_of(second)) == {first}
    assert not identity.others_of(forged).exists()


def test_a_network_is_counted_in_the_database_and_by_its_own_knocks(db: None, settings: Any) -> None:
    settings.OUBLI_LIMITS = {"form": (3, 100)}
    for _ in range(3):
        limits.knock("form", by="198.51.100.7")
    with pytest.raises(TooOften):
        limits.knock("form", by="198.51.100.7")
    limits.knock("form", by="198.51.100.8")
    assert "198.51" not in str(list(Knock.objects.values()))
    Knock.objects.update(hour=timezone.now() - timedelta(days=2))
    assert limits.forget_old() == Knock.objects.count() + 3


def test_everybody_together_has_a_limit_too(db: None, settings: Any) -> None:
    settings.OUBLI_LIMITS = {"form": (3, 5)}
    for number in range(5):
        limits.knock("form", by=f"198.51.100.{number}")
    with pytest.raises(TooOften):
        limits.knock("form", by="198.51.100.99")


@pytest.mark.parametrize("door", ["form", "api"])
def test_both_doors_turn_a_flood_from_one_network_away(aurora: seeded.Company, settings: Any, door: str) -> None:
    settings.OUBLI_LIMITS = {**settings.OUBLI_LIMITS, "form": (1, 100)}
    for expected in (1, 1):
        if door == "form":
            walk(Client(), email=VICTIM)
        else:
            Client().post("/api/v1/requests/", {"email": VICTIM}, content_type="application/json")
        assert ErasureRequest.objects.count() == expected


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "203.0.113.5", "192.0.2.1"),
        (1, "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        (2, "6.6.6.6, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        (2, "203.0.113.5", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.5", "203.0.113.5"),
    ],
)
def test_a_forwarded_address_counts_only_as_configured(
    settings: Any, proxies: int, forwarded: str, counted: str
) -> None:
    settings.OUBLI_PROXIES = proxies
    assert limits.network({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}) == counted
