"""The public way, without scripts: from the start page to the status page."""

from __future__ import annotations

import html
import re
from gettext import GNUTranslations
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory

from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import State
from compliance.web import answers, pages, status
from tests.web import seeded

EMAIL = "nora.lind@example.org"


ANSWERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("who", {"requester": "self"}),
    ("wish", {"wishes": ["erase", "not_said"]}),
    ("email", {"email": EMAIL}),
    ("name", {"name": "Nora Lind"}),
    ("identifiers", {"kind": "phone", "value": "+49 30 901820", "add": "1"}),
    ("identifiers", {}),
    ("clues", {"kind": "prompt", "value": "Where does Nora live?", "add": "1"}),
    ("clues", {}),
    ("where", {"where": "The help chat"}),
    ("why", {"whys": ["changed_mind"]}),
    ("details", {"details": "You chatted with me."}),
    ("files", {}),
)


def walk(client: Client, *, email: str = EMAIL, language: str = "en", **instead: dict[str, Any]) -> str:
    """Fill the form page by page, and return the page after sending; ``instead`` replaces a page's answers."""
    head = {"HTTP_ACCEPT_LANGUAGE": language}
    client.post("/request/", **head)
    for page, given in ANSWERS:
        answer = {"email": email} if page == "email" else instead.get(page, given)
        client.post(f"/request/{page}/", answer, **head)
    return client.post("/request/check/", follow=True, **head).content.decode()


def receipt(page: str) -> tuple[str, str]:
    """Reference and secret, as the page shows them."""
    reference, secret = re.findall(r'class="code">([A-Z0-9-]+)<', page)
    return reference, secret


def open_status(client: Client, page: str) -> str:
    """The status page that the receipt opens."""
    reference, secret = receipt(page)
    return client.post("/status/", {"reference": reference, "secret": secret}, follow=True).content.decode()


def open_directly(client: Client, case: ErasureRequest) -> None:
    """The status page as the right secret opens it."""
    session = client.session
    held = {"case": str(case.pk), "until": 4e9, "secret": status._mark(case), "go": f"word-{case.pk}"}
    session[status.SLOT] = held
    session.save()


def test_a_request_goes_the_whole_public_way_without_scripts(aurora: seeded.Company, client: Client) -> None:
    page = walk(client)
    case = ErasureRequest.objects.get(reference=receipt(page)[0])
    content = vault.opened(case)
    assert (content["name"], content["details"]) == ("Nora Lind", "You chatted with me.")
    assert [item["value"] for item in content["identifiers"]] == [EMAIL, "+49 30 901820"]
    assert (content["wishes"], content["whys"], content["where"]) == (
        ["erase", "not_said"],
        ["changed_mind"],
        "The help chat",
    )
    assert content["clues"] == [{"kind": "prompt", "value": "Where does Nora live?"}]
    assert "Waiting for you" in open_status(client, page)
    page = client.post("/confirm/", {"reference": case.reference, "code": seeded.code_of(case)}).content.decode()
    assert receipt(page)[0] == case.reference
    assert "We are reading your request" in client.get("/status/case/").content.decode()
    client.post("/status/withdraw/")
    assert "You took your request back" in client.get("/status/case/").content.decode()


def test_no_page_of_the_form_has_a_script(aurora: seeded.Company, client: Client) -> None:
    pages = [client.get("/").content, client.post("/request/", follow=True).content, walk(client).encode()]
    assert all(b"<script" not in page and b"style=" not in page and b" on" + b"click" not in page for page in pages)


def test_known_and_unknown_people_get_the_same_answer(aurora: seeded.Company) -> None:
    seeded.register(aurora.entity)
    seeded.verified(aurora, email=seeded.ALICE)

    def shape(email: str) -> str:
        page = walk(Client(), email=email)
        return re.sub(r'class="code">[A-Z0-9-]+<|csrfmiddlewaretoken" value="\w+"', "", page)

    assert shape(seeded.ALICE) == shape("nobody.knows.me@example.org")


def test_opening_the_link_never_consumes_the_code(aurora: seeded.Company, client: Client) -> None:
    request = seeded.submitted(aurora).request
    code = seeded.code_of(request)
    for _ in range(6):  # more often than a wrong code may be tried
        page = client.get("/confirm/", {"reference": request.reference, "code": code})
        assert "Confirm my address" in page.content.decode()
        client.head("/confirm/", {"reference": request.reference, "code": code})
    request.refresh_from_db()
    assert request.state == State.RECEIVED
    client.post("/confirm/", {"reference": request.reference, "code": code})
    request.refresh_from_db()
    assert request.state == State.VERIFIED


def test_a_wrong_code_and_an_unknown_reference_read_the_same(aurora: seeded.Company, client: Client) -> None:
    request = seeded.submitted(aurora).request

    def said(reference: str) -> list[str]:
        page = client.post("/confirm/", {"reference": reference, "code": "AAAAAAAA"})
        assert page.status_code == 422
        return re.findall(r'<a href="#id_code">([^<]+)<', page.content.decode())

    assert said(request.reference) == said("OUB-0000-0000") != []


def test_an_empty_address_is_explained_and_linked(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    page = client.post("/request/email/", {"email": ""}).content.decode()
    assert 'href="#id_email"' in page and 'id="id_email_error"' in page and re.search(r"<title>\s*Error:", page)


@pytest.mark.parametrize("bad", ["%", "*", "nora", "a@", "nora@example.org\x00", "x" * 400])
def test_a_selector_that_could_match_many_is_not_taken(aurora: seeded.Company, client: Client, bad: str) -> None:
    client.post("/request/")
    assert client.post("/request/email/", {"email": bad}).status_code == 422


def test_answers_lie_encrypted_until_they_are_sent(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    client.post("/request/email/", {"email": EMAIL})
    stored = Session.objects.get().get_decoded()
    assert answers.SLOT in stored and EMAIL not in str(stored)
    client.cookies.pop(answers.COOKIE)
    assert client.get("/request/name/").headers["Location"] == "/"


def test_the_secret_is_shown_once(aurora: seeded.Company, client: Client) -> None:
    page = walk(client)
    assert receipt(page)
    assert 'class="code"' not in client.get("/request/sent/").content.decode()
    assert client.post("/request/check/").status_code == 302
    assert ErasureRequest.objects.count() == 1


def test_the_form_speaks_portuguese_to_who_prefers_it(aurora: seeded.Company, client: Client) -> None:
    page = client.get("/", HTTP_ACCEPT_LANGUAGE="pt-BR,pt;q=0.9").content.decode()
    assert '<html lang="pt-br">' in page and "Peça que apaguemos os seus dados" in page
    walk(client, language="pt-BR")
    assert ErasureRequest.objects.get().language == "pt-br"


def test_the_language_switch_beats_the_browser(aurora: seeded.Company, client: Client) -> None:
    client.post("/language/", {"language": "pt-br", "next": "/"})
    assert '<html lang="pt-br">' in client.get("/", HTTP_ACCEPT_LANGUAGE="en").content.decode()


def test_the_company_is_asked_only_when_there_are_several(
    aurora: seeded.Company, lumen: seeded.Company, client: Client
) -> None:
    assert client.post("/request/").headers["Location"] == "/request/company/"
    assert client.post("/request/company/", {"company": "elsewhere"}).status_code == 422
    client.post("/request/company/", {"company": "lumen"})
    for page, given in ANSWERS:
        client.post(f"/request/{page}/", given)
    client.post("/request/check/")
    assert ErasureRequest.objects.get().entity == lumen.entity


def test_identifiers_can_be_taken_off_again(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    for value in ("C-1001", "C-1002"):
        client.post("/request/identifiers/", {"kind": "customer_id", "value": value, "add": "1"})
    client.post("/request/identifiers/remove/", {"place": "0"})
    page = client.get("/request/identifiers/").content.decode()
    assert "C-1002" in page and "C-1001" not in page


def test_the_status_page_needs_both_reference_and_secret(aurora: seeded.Company, client: Client) -> None:
    given = seeded.submitted(aurora)
    wrong = client.post("/status/", {"reference": given.reference, "secret": "A" * 16})
    unknown = client.post("/status/", {"reference": "OUB-0000-0000", "secret": given.secret})
    words = "do not fit together"
    assert words in wrong.content.decode() and words in unknown.content.decode()
    assert client.get("/status/case/").headers["Location"] == "/status/"


def test_the_status_page_holds_no_identifier(aurora: seeded.Company, client: Client) -> None:
    page = open_status(client, walk(client))
    assert EMAIL not in page and "Nora" not in page and "901820" not in page


def test_an_answer_can_be_challenged_from_the_status_page(aurora: seeded.Company, client: Client) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    open_directly(client, case)
    page = client.get("/status/case/").content.decode()
    assert "We erased your data from Support tickets" in page and "a safety copy goes on a fixed day" in page
    assert client.post("/status/challenge/", {"c-reason": "It still says it."}).status_code == 422
    probe = {"c-kind": "prompt", "c-value": "Where does Alice live?", "c-reason": "The assistant still says it."}
    client.post("/status/challenge/", probe)
    case.refresh_from_db()
    assert (case.state, case.round) == (State.ACCEPTED, 2)
    assert vault.opened(case)["probes"] == [{"kind": "prompt", "value": "Where does Alice live?", "round": 2}]


def test_pages_are_strict_and_not_for_search_engines(aurora: seeded.Company, client: Client) -> None:
    page = client.get("/")
    assert "'unsafe" not in page["Content-Security-Policy"] and page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Cache-Control"] == "no-store, private"
    assert client.get("/robots.txt").content == b"User-agent: *\nDisallow: /\n"
    assert client.get("/healthz").json() == {"status": "ok"}


def test_an_unknown_address_is_a_page_of_ours(aurora: seeded.Company, client: Client) -> None:
    page = client.get("/nothing/here/")
    assert page.status_code == 404 and "Page not found" in page.content.decode()


def test_an_address_that_only_takes_forms_says_so_in_a_page(aurora: seeded.Company, client: Client) -> None:
    for address in ("/request/email/remove/", "/status/withdraw/", "/sign-out/"):
        bare = client.get(address)
        assert bare.status_code == 405 and "<h1>This page cannot be opened like this</h1>" in bare.content.decode()
        assert "POST" in bare.headers["Allow"]
    assert client.put("/request/").status_code == client.delete("/").status_code == 405


def test_more_than_a_form_may_send_is_refused_in_our_words(aurora: seeded.Company, client: Client) -> None:
    for sent in ({"name": "a" * 1_100_000}, {f"field-{number}": "a" for number in range(201)}):
        refused = client.post("/request/name/", urlencode(sent), content_type="application/x-www-form-urlencoded")
        assert refused.status_code == 413 and "That was too much at once" in refused.content.decode()


def test_a_stale_form_is_refused_in_our_words(aurora: seeded.Company) -> None:
    page = Client(enforce_csrf_checks=True).post("/request/")
    assert page.status_code == 403 and "open for too long" in page.content.decode()


def test_the_page_for_our_own_failure_needs_no_database(rf: RequestFactory) -> None:
    page = pages.broken(rf.get("/"))  # without the database fixture every query would raise
    assert page.status_code == 500 and "Nothing you sent before is lost" in page.content.decode()


@pytest.mark.parametrize("language", ["pt_BR", "de", "fr", "es"])
def test_the_translation_is_complete_and_compiled(language: str) -> None:
    folder = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES"
    compiled = GNUTranslations((folder / "django.mo").open("rb"))
    same = {"Code", "j F Y", "Code %(code)s", "Name", "Error:"}  # words that some of the languages share with English
    asked = {text for text in texts_of_pages() if text not in same}
    missing = [text for text in asked if compiled.gettext(text) == text]
    assert len(asked) > 120 and missing == []


def texts_of_pages() -> set[str]:
    """Every text that the public pages' templates and forms mark for translation in one piece."""
    templates = Path(settings.BASE_DIR) / "templates" / "subject"
    found = {t for path in templates.glob("*.html") for t in re.findall(r'translate "([^"]+)"', path.read_text())}
    for name in ("forms", "questions", "speaking_forms", "words", "confirming", "speaking", "status", "knocking"):
        code = (Path(settings.BASE_DIR) / "compliance" / "web" / f"{name}.py").read_text()
        found |= set(re.findall(r'_\(\s*"([^"]+)"\s*\)', code))
    return found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Bitten Sie uns, Ihre Daten zu löschen"),
        ("fr", "Demandez-nous d’effacer vos données"),
        ("es", "Pídanos que borremos sus datos"),
        ("en", "Ask us to erase your data"),
    ],
)
def test_the_pages_speak_the_languages_of_those_who_come(
    aurora: seeded.Company, client: Client, language: str, words: str
) -> None:
    page = html.unescape(client.get("/", HTTP_ACCEPT_LANGUAGE=language).content.decode())
    assert f'<html lang="{language}">' in page and words.replace("’", "'") in page
    walk(client, language=language)
    assert ErasureRequest.objects.get().language == language


def test_a_bookmark_of_the_forms_address_leads_to_its_beginning(db: None, client: Client) -> None:
    for ask in (client.get, client.head):
        answer = ask("/request/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
