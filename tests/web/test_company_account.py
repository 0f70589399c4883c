"""Signing in with the company's account proves identifiers, makes nobody an account, believes nothing unverified."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from compliance.accounts import company_sign_in
from compliance.accounts.models import User
from compliance.intake import proofs
from compliance.intake.models import ErasureRequest
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import ConfigurationError
from compliance.rules.terms import State
from tests.web import openid, seeded
from tests.web.test_subject import open_directly

PHONE = "+49 30 901820"
SIGNED_IN: dict[str, Any] = {"sub": "42", "email": seeded.ALICE, "email_verified": True}


@pytest.fixture
def idp(settings: Any) -> Iterator[openid.Provider]:
    """A provider of the company, set up as the environment would."""
    with openid.provider() as running:
        app = {
            "provider_id": company_sign_in.PROVIDER,
            "name": "Aurora account",
            "client_id": openid.CLIENT,
            "secret": openid.SECRET,
            "settings": {"server_url": running.issuer},
        }
        settings.OUBLI_OIDC_ISSUER = running.issuer
        settings.OUBLI_OIDC_NAME = "Aurora account"
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        running.claims = dict(SIGNED_IN)
        yield running


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def button(client: Client) -> str:
    """Where the button of the status page leads."""
    page = client.get("/status/case/").content.decode()
    found = re.search(r'href="(/oidc/company/login/[^"]*)"', page)
    assert found, "the page has a button"
    return html.unescape(found[1])


def sign_in(client: Client) -> Any:
    """Follow the link to the provider and back, as a browser does."""
    away = client.get(button(client))
    assert away.status_code == 302, away.content[:300]
    return client.get(_answer_of_the_provider(away.headers["Location"]), follow=True)


def _answer_of_the_provider(address: str) -> str:
    try:
        urllib.request.build_opener(_Stay).open(address)
    except urllib.error.HTTPError as redirect:
        back = urlsplit(redirect.headers["Location"])
    return f"{back.path}?{back.query}"


def proven(case: ErasureRequest) -> list[ProvenBy | None]:
    """How each identifier of the case was proven."""
    return [shown.proven_by for shown in proofs.listed(case)]


def test_the_sign_in_confirms_the_request_and_hands_a_new_secret_over(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    given = seeded.submitted(aurora)
    client.post("/status/", {"reference": given.reference, "secret": given.secret})
    assert "Sign in: Aurora account" in client.get("/status/case/").content.decode()
    page = sign_in(client).content.decode()
    case = ErasureRequest.objects.get()
    assert case.state == State.VERIFIED and case.secret_hash != given.request.secret_hash
    assert 'class="code"' in page and idp.refused == []
    assert proven(case) == [ProvenBy.SIGN_IN, None]
    assert "We are reading your request" in client.get("/status/case/").content.decode()


def test_a_verified_phone_number_is_proven_beside_the_address(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    case = seeded.verified(aurora)
    idp.claims |= {"phone_number": "+4930901820", "phone_number_verified": True}
    open_directly(client, case)
    sign_in(client)
    assert proven(ErasureRequest.objects.get()) == [ProvenBy.CODE, ProvenBy.SIGN_IN]


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "42", "email": seeded.ALICE},
        {"sub": "42", "email": seeded.ALICE, "email_verified": "true"},
        {"sub": "42", "email": "somebody.else@example.org", "email_verified": True},
        {"sub": "42", "phone_number": PHONE, "phone_number_verified": True},
    ],
)
def test_what_the_provider_does_not_vouch_for_confirms_nothing(
    aurora: seeded.Company, client: Client, idp: openid.Provider, claims: dict[str, Any]
) -> None:
    given = seeded.submitted(aurora)
    client.post("/status/", {"reference": given.reference, "secret": given.secret})
    idp.claims = claims
    assert "confirms nothing that stands in this request" in sign_in(client).content.decode()
    case = ErasureRequest.objects.get()
    assert case.state == State.RECEIVED and not case.proofs.exists()


def test_user_information_of_somebody_else_is_not_believed(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    open_directly(client, seeded.verified(aurora, email="first@example.org"))
    idp.claims = {"sub": "42"}
    idp.info = {"sub": "43", "phone_number": PHONE, "phone_number_verified": True}
    sign_in(client)
    assert proven(ErasureRequest.objects.get())[1] is None


def test_nobody_gets_an_account_or_a_session(aurora: seeded.Company, client: Client, idp: openid.Provider) -> None:
    before = User.objects.count()
    open_directly(client, seeded.verified(aurora))
    sign_in(client)
    assert User.objects.count() == before and not SocialAccount.objects.exists()
    assert "_auth_user_id" not in client.session
    assert client.get("/officer/").headers["Location"].startswith("/sign-in/")


def test_without_an_open_request_a_sign_in_leads_nowhere(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    seeded.submitted(aurora)
    page = client.get("/oidc/company/login/", follow=True)
    assert page.redirect_chain[-1][0] == "/status/"
    assert not ErasureRequest.objects.get().proofs.exists()


def test_a_forged_answer_of_the_provider_is_refused(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    given = seeded.submitted(aurora)
    client.post("/status/", {"reference": given.reference, "secret": given.secret})
    client.get("/oidc/company/login/callback/", {"code": "made-up", "state": "made-up"})
    client.get(button(client))
    client.get("/oidc/company/login/callback/", {"error": "access_denied"})
    assert ErasureRequest.objects.get().state == State.RECEIVED


@pytest.mark.parametrize(
    "link", ["/oidc/company/login/", "/oidc/company/login/?go=", "/oidc/company/login/?go=guessed"]
)
def test_a_strangers_page_cannot_start_a_sign_in_for_the_case_that_is_open(
    aurora: seeded.Company, client: Client, idp: openid.Provider, link: str
) -> None:
    open_directly(client, seeded.verified(aurora, email="stranger@example.org"))
    answer = client.get(link)
    assert answer.headers["Location"] == "/status/case/"


def test_a_sign_in_proves_nothing_in_a_case_that_was_opened_meanwhile(
    aurora: seeded.Company, client: Client, idp: openid.Provider
) -> None:
    open_directly(client, seeded.verified(aurora, email="first@example.org"))
    idp.claims |= {"phone_number": PHONE, "phone_number_verified": True}
    away = client.get(button(client))
    back = _answer_of_the_provider(away.headers["Location"])
    stranger = seeded.verified(aurora, email="stranger@example.org")
    open_directly(client, stranger)
    client.get(back)
    assert ProvenBy.SIGN_IN not in proven(ErasureRequest.objects.get(pk=stranger.pk))


def test_without_a_provider_there_is_no_button(aurora: seeded.Company, client: Client) -> None:
    open_directly(client, seeded.verified(aurora))
    assert "Sign in:" not in client.get("/status/case/").content.decode()
    assert client.get("/oidc/company/login/", {"go": client.session["status"]["go"]}).status_code == 404


@pytest.mark.parametrize("wrong", ["email", "email=", "=email", "email=name", "email=unknown"])
def test_a_wrong_map_of_claims_is_explained(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="OUBLI_OIDC_CLAIMS"):
        company_sign_in.claims_map(wrong)


def test_a_provider_that_is_down_is_said_in_plain_words(
    aurora: seeded.Company, client: Client, settings: Any, idp: openid.Provider
) -> None:
    open_directly(client, seeded.verified(aurora))
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"] = {"server_url": "http://127.0.0.1:9"}
    page = client.get(button(client), follow=True)
    assert page.status_code == 200 and "The sign-in did not work" in page.content.decode()
