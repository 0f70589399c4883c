"""The second step of signing in: who has it cannot come in without, and a code is good once."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import SESSION_KEY
from django.test import Client

from compliance.accounts import second_factor
from compliance.audit.models import Event, Opening
from compliance.rules.errors import InvalidInput, TooOften
from tests.web import seeded

WRONG = "000000"


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of codes stands: a half-minute that ends in the middle of a test would make its codes too old."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)


class App:
    """An authenticator app: it holds the secret and shows one code after the other."""

    def __init__(self, secret: str) -> None:
        self.secret, self.step = secret.replace(" ", ""), int(time.time()) // 30 - 1

    def code(self) -> str:
        """The next code that was not shown before; its clock is at most half a minute off."""
        shown, self.step = self.step, self.step + 1
        return str(format_hotp_value(hotp_value(self.secret, shown)))


def with_app(user: seeded.User) -> tuple[App, list[str]]:
    """Give ``user`` an app; the app and the recovery codes."""
    sealed = second_factor.sealed_secret()
    app = App(second_factor.offer(user, sealed).secret)
    return app, second_factor.activate(user, sealed, app.code())


def typed_password(client: Client, *, then: str = "/officer/map/") -> Any:
    return client.post("/sign-in/", {"username": "olga", "password": seeded.PASSWORD, "next": then})


def test_without_a_second_factor_the_password_signs_in(aurora: seeded.Company, client: Client) -> None:
    answer = typed_password(client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/officer/map/")
    assert client.get("/officer/").status_code == 200


def test_the_password_alone_opens_nothing(aurora: seeded.Company, client: Client) -> None:
    with_app(aurora.olga)
    assert typed_password(client).headers["Location"] == "/sign-in/code/"
    assert SESSION_KEY not in client.session
    assert client.get("/officer/").status_code == 302
    assert client.get("/api/v1/cases/").status_code == 401


def test_password_and_code_lead_where_one_wanted_to_go(aurora: seeded.Company, client: Client) -> None:
    app, _ = with_app(aurora.olga)
    typed_password(client)
    answer = client.post("/sign-in/code/", {"code": f" {app.code()[:3]} {app.code()[3:]} "})
    assert answer.status_code == 422, "two halves of two codes"
    answer = client.post("/sign-in/code/", {"code": " ".join(App(app.secret).code())})
    assert answer.status_code == 422, "the code that set it up was used"
    app.step = int(time.time()) // 30
    answer = client.post("/sign-in/code/", {"code": " ".join(app.code())})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/officer/map/")
    assert client.get("/officer/").status_code == 200
    assert client.get("/api/v1/cases/").status_code == 200


def test_a_code_is_good_once(aurora: seeded.Company, client: Client) -> None:
    app, _ = with_app(aurora.olga)
    code = app.code()
    assert second_factor.accept(aurora.olga, code)
    assert not second_factor.accept(aurora.olga, code)
    typed_password(client)
    assert client.post("/sign-in/code/", {"code": code}).status_code == 422


def test_a_recovery_code_is_good_once_and_counted(aurora: seeded.Company, client: Client) -> None:
    _, codes = with_app(aurora.olga)
    assert len(set(codes)) == 10
    typed_password(client)
    assert client.post("/sign-in/code/", {"code": codes[3]}).status_code == 302
    assert second_factor.codes_left(aurora.olga) == 9
    assert not second_factor.accept(aurora.olga, codes[3])
    assert "9 recovery codes left" in client.get("/account/").content.decode()


def test_ten_wrong_codes_close_the_door_from_everywhere(aurora: seeded.Company, client: Client) -> None:
    app, codes = with_app(aurora.olga)
    for place in range(10):
        one = Client(REMOTE_ADDR=f"198.51.100.{place}")
        typed_password(one)
        assert one.post("/sign-in/code/", {"code": WRONG}).status_code == 422
    typed_password(client)
    answer = client.post("/sign-in/code/", {"code": codes[0]})
    assert answer.status_code == 429 and "quarter of an hour" in answer.content.decode()
    with pytest.raises(TooOften):
        second_factor.accept(aurora.olga, app.code())
    row = Authenticator.objects.get(user=aurora.olga, type="totp")
    row.data["wrong_at"] = (second_factor.timezone.now() - timedelta(minutes=16)).isoformat()
    row.save()
    assert client.post("/sign-in/code/", {"code": codes[0]}).status_code == 302


def test_a_password_that_changed_meanwhile_ends_the_wait(aurora: seeded.Company, client: Client) -> None:
    app, _ = with_app(aurora.olga)
    typed_password(client)
    aurora.olga.set_password("another long phrase 8")
    aurora.olga.save()
    answer = client.post("/sign-in/code/", {"code": app.code()})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/")
    assert SESSION_KEY not in client.session


def test_nobody_types_a_code_before_the_password_or_long_after(aurora: seeded.Company, client: Client) -> None:
    app, _ = with_app(aurora.olga)
    assert client.post("/sign-in/code/", {"code": app.code()}).headers["Location"] == "/sign-in/"
    typed_password(client)
    session = client.session
    session["second_factor_waits_for"] |= {"until": time.time() - 1}
    session.save()
    assert client.post("/sign-in/code/", {"code": app.code()}).headers["Location"] == "/sign-in/"


def test_setting_it_up_asks_for_code_and_password_and_ends_other_sessions(aurora: seeded.Company, olga: Client) -> None:
    elsewhere = Client()
    typed_password(elsewhere)
    page = olga.get("/account/").content.decode()
    secret = re.search(r'<code class="digest">([A-Z2-7 ]+)</code>', page)
    assert secret and 'src="data:image/svg+xml;base64,' in page
    app = App(secret.group(1))
    no = olga.post("/account/", {"code": app.code(), "password": "not this one"})
    assert no.status_code == 422 and "not your password" in no.content.decode()
    no = olga.post("/account/", {"code": WRONG, "password": seeded.PASSWORD})
    assert no.status_code == 422 and not second_factor.held(aurora.olga)
    yes = olga.post("/account/", {"code": app.code(), "password": seeded.PASSWORD})
    shown = re.findall(r"<li>\s*<code>(\d{10})</code>", yes.content.decode())
    assert yes.status_code == 200 and len(shown) == 10
    assert shown[0] not in olga.get("/account/").content.decode()
    assert olga.get("/officer/").status_code == 200
    assert elsewhere.get("/officer/").status_code == 302
    assert [event.kind for event in Event.objects.filter(kind__startswith="staff.")] == ["staff.second_factor_set"]


@pytest.mark.parametrize("kept", [None, "", "not sealed by this key"])
def test_a_secret_that_was_never_shown_or_cannot_be_opened_is_offered_anew(
    aurora: seeded.Company, olga: Client, kept: str | None
) -> None:
    if kept is not None:
        session = olga.session
        session["second_factor_offered"] = kept
        session.save()
    answer = olga.post("/account/", {"code": WRONG, "password": seeded.PASSWORD})
    assert answer.status_code == 422 and "take the picture first" in answer.content.decode()
    assert 'class="digest"' in olga.get("/account/").content.decode()


def test_secrets_and_recovery_codes_are_not_in_the_database(aurora: seeded.Company) -> None:
    app, codes = with_app(aurora.olga)
    kept = " ".join(str(row.data) for row in Authenticator.objects.all())
    assert app.secret not in kept
    assert not [code for code in codes if code in kept]


def test_new_recovery_codes_end_the_old_ones(aurora: seeded.Company) -> None:
    _, old = with_app(aurora.olga)
    new = second_factor.renew(aurora.olga)
    assert not set(old) & set(new)
    assert not second_factor.accept(aurora.olga, old[0])
    assert second_factor.accept(aurora.olga, new[0])


def test_turning_it_off_needs_a_code(aurora: seeded.Company, client: Client) -> None:
    _, codes = with_app(aurora.olga)
    typed_password(client)
    client.post("/sign-in/code/", {"code": codes[0]})
    assert client.post("/account/off/", {"code": WRONG}).status_code == 422
    assert client.post("/account/anything/", {"code": codes[2]}).status_code == 404
    assert second_factor.held(aurora.olga)
    assert client.post("/account/off/", {"code": codes[1]}).status_code == 302
    assert not second_factor.held(aurora.olga)


@pytest.mark.parametrize("typed", ["", "é" * 6, "\u0661\u0662\u0663\u0664\u0665\u0666", "\x00", "1" * 5000, "🙂"])
def test_what_is_no_code_is_a_wrong_code(aurora: seeded.Company, client: Client, typed: str) -> None:
    with_app(aurora.olga)
    typed_password(client)
    assert client.post("/sign-in/code/", {"code": typed}).status_code == 422


def test_a_wrong_code_turns_nothing_on(aurora: seeded.Company) -> None:
    with pytest.raises(InvalidInput):
        second_factor.activate(aurora.olga, second_factor.sealed_secret(), WRONG)
    assert not second_factor.held(aurora.olga)


def test_where_everybody_needs_one_nothing_opens_before(aurora: seeded.Company, settings: Any) -> None:
    settings.OUBLI_SECOND_FACTOR = "required"
    client = Client()
    typed_password(client)
    assert client.get("/officer/").headers["Location"] == "/account/"
    assert client.get("/auditor/log/").headers["Location"] == "/account/"
    assert client.get("/api/v1/cases/").status_code == 401
    assert "Everybody here needs one" in client.get("/account/").content.decode()
    with_app(aurora.olga)
    assert client.get("/officer/").headers["Location"].startswith("/sign-in/"), "a session that the step did not see"


def test_a_signed_out_visitor_is_asked_nothing(db: None, client: Client, settings: Any) -> None:
    settings.OUBLI_SECOND_FACTOR = "required"
    assert client.get("/").status_code == 200
    assert client.get("/status/").status_code == 200


def test_no_word_of_the_log_holds_a_code(aurora: seeded.Company, olga: Client) -> None:
    page = olga.get("/account/").content.decode()
    found = re.search(r'<code class="digest">([A-Z2-7 ]+)</code>', page)
    assert found
    olga.post("/account/", {"code": App(found.group(1)).code(), "password": seeded.PASSWORD})
    assert found.group(1).replace(" ", "") not in str(list(Opening.objects.values_list("detail", flat=True)))
