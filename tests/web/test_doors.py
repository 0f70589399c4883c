"""What holds for every address: strangers go to the sign-in, and the web process stays light."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from urllib.parse import unquote, urlencode

import pytest
from django.test import Client
from django.urls import Resolver404, URLPattern, resolve, reverse
from django.urls.converters import UUIDConverter

from compliance.web import urls
from tests.web import seeded

HEAVY = ("torch", "transformers", "faiss", "weasyprint", "sentence_transformers")
VALUES = {
    "reference": "OUB-AAAA-BBBB",
    "verb": "accept",
    "kind": "refused",
    "number": 1,
    "job": uuid.UUID(int=1),
    "event": uuid.UUID(int=2),
}
STAFF = [p for p in urls.urlpatterns if str(p.pattern).startswith(("officer/", "auditor/", "models/"))]


def address(pattern: URLPattern) -> str:
    """An address of this pattern, of a case that does not exist."""
    found = {name: VALUES[name] for name in pattern.pattern.converters}
    if isinstance(pattern.pattern.converters.get("number"), UUIDConverter):
        found["number"] = uuid.UUID(int=3)
    return reverse(f"web:{pattern.name}", kwargs=found)


@pytest.mark.parametrize("pattern", STAFF, ids=lambda p: p.name)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_staff_address_sends_strangers_to_the_sign_in(
    db: None, client: Client, pattern: URLPattern, method: str
) -> None:
    answer = getattr(client, method)(address(pattern))
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in/?next=")


def test_what_was_typed_when_the_session_had_ended_is_given_back_and_nothing_is_done(db: None, client: Client) -> None:
    case, sent = "/officer/cases/OUB-AAAA-AAAA/", {"reason": "An hour's <work>.", "plan_digest": "d" * 64}
    answer = client.post(f"{case}decide/refuse/", sent, headers={"referer": f"http://testserver{case}"})
    page = answer.content.decode()
    assert answer.status_code == 403 and "An hour&#x27;s &lt;work&gt;." in page and "d" * 64 not in page
    assert f"/sign-in/?{urlencode({'next': case})}" in page
    elsewhere = client.post(f"{case}decide/refuse/", sent, headers={"referer": "https://elsewhere.example/trap/"})
    assert "elsewhere" not in elsewhere.content.decode()
    secret = client.post("/account/password/", {"old_password": "very secret words"})
    assert "very secret words" not in secret.content.decode()


@pytest.mark.parametrize("pattern", STAFF, ids=lambda p: p.name)
def test_staff_without_a_role_find_nothing(db: None, client: Client, pattern: URLPattern) -> None:
    idle = seeded.User.objects.create_user(username="idle", password=seeded.PASSWORD)
    client.force_login(idle, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address(pattern)).status_code in (404, 405)
    assert client.post(address(pattern)).status_code in (404, 405)


def test_the_web_process_loads_no_model_library() -> None:
    script = (
        f"import django; django.setup(); import compliance.urls, sys; print([m for m in {HEAVY} if m in sys.modules])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "compliance.settings"}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr[-500:]


@pytest.mark.parametrize("reference", ["%00", "OUB-AAAA-AAAA%00", "..", "OUB-AAAA-AAAA%0A", "a" * 5000])
def test_only_a_reference_reaches_the_database(reference: str) -> None:
    with pytest.raises(Resolver404):
        resolve(unquote(f"/officer/cases/{reference}/"))
