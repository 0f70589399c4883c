"""Who works here: administrators staff their own companies, never themselves, and everybody notices."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from compliance.accounts import second_factor, services
from compliance.accounts.models import Membership, User
from compliance.audit.models import Opening
from compliance.rules.terms import Role
from tests.web import seeded

CHOSEN = "seven quiet herons 12"


@pytest.fixture
def ada(aurora: seeded.Company, settings: Any) -> Client:
    """The administrator of Alice's company."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = User.objects.create_user(username="ada", password=seeded.PASSWORD, email="ada@aurora.example")
    services.grant(user, aurora.entity, Role.ADMINISTRATOR)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def change(client: Client, verb: str, name: str, *, entity: str = "aurora", **more: Any) -> Any:
    return client.post("/officer/staff/", {"verb": verb, "name": name, "entity": entity, **more}, follow=True)


def said(answer: Any) -> str:
    found = re.search(r'class="alert alert-\w+"\s+role="\w+">(.*?)</div>', answer.content.decode(), re.S)
    return found.group(1).strip() if found else ""


def test_an_invited_colleague_chooses_a_password_and_works(
    ada: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = change(ada, "invite", "iris", email="iris@aurora.example", role=["officer", "auditor"])
    assert "iris was sent a link" in said(answer)
    letter = next(one for one in mail.outbox if one.to == ["iris@aurora.example"])
    address = re.search(r"https?://[^/]+(/sign-in/welcome/\S+)", letter.body)
    assert address
    iris = Client()
    form = iris.get(address.group(1), follow=True, headers={"accept-language": "de"})
    assert form.status_code == 200 and "At least twelve characters" in form.content.decode()
    assert "New password" in form.content.decode() and "Passwort" not in form.content.decode()
    where = form.redirect_chain[-1][0]
    assert iris.post(where, {"new_password1": "short", "new_password2": "short"}).status_code == 200
    assert iris.post(where, {"new_password1": CHOSEN, "new_password2": CHOSEN}).status_code == 302
    assert iris.post("/sign-in/", {"username": "iris", "password": CHOSEN}).status_code == 302
    assert iris.get("/officer/").status_code == 200
    assert iris.get("/auditor/log/").status_code == 200
    again = Client().get(address.group(1), follow=True)
    assert "used already" in again.content.decode()


def test_a_mail_scanner_that_follows_the_link_uses_nothing_up(ada: Client) -> None:
    change(ada, "invite", "iris", email="iris@aurora.example", role=["officer"])
    from compliance.accounts import staffing

    address = staffing.link(User.objects.get(username="iris")).partition("8000")[2]
    for _ in range(3):
        Client().get(address, follow=True)
    assert "At least twelve" in Client().get(address, follow=True).content.decode()


def test_officers_and_administrators_hear_of_every_change(
    ada: Client, aurora: seeded.Company, django_capture_on_commit_callbacks: Any
) -> None:
    aurora.olga.email = "olga@aurora.example"
    aurora.olga.save()
    with django_capture_on_commit_callbacks(execute=True):
        change(ada, "invite", "bruno", email="bruno@aurora.example", role=["officer"])
    told = [one for one in mail.outbox if one.to == ["olga@aurora.example"]]
    assert len(told) == 1 and "ada changed an account" in told[0].body and "Privacy officer" in told[0].body
    logged = Opening.objects.get(event__kind="staff.roles_given")
    assert logged.detail == {"account": "bruno", "roles": ["officer"]}
    assert logged.event.actor == "ada"


def test_nobody_changes_their_own_roles(ada: Client) -> None:
    assert "Nobody may change their own roles" in said(
        change(ada, "invite", " ada ", email="a@b.example", role=["officer"])
    )
    assert "their own roles" in said(change(ada, "invite", "ａｄａ", email="a@b.example", role=["officer"]))
    change(ada, "withdraw", "ada", role=["administrator"])
    change(ada, "reset", "ada")
    change(ada, "close", "ada", sure="yes")
    held = Membership.objects.filter(user__username="ada").values_list("role", flat=True)
    assert list(held) == ["administrator"]
    assert ada.get("/officer/staff/").status_code == 200


def test_only_administrators_staff_and_only_their_own_company(
    ada: Client, olga: Client, aurora: seeded.Company, lumen: seeded.Company
) -> None:
    assert olga.get("/officer/staff/").status_code == 404
    assert change(olga, "invite", "iris", email="i@a.example", role=["approver"]).status_code == 404
    assert change(ada, "invite", "iris", entity="lumen", email="i@a.example", role=["officer"]).status_code == 404
    assert "Nobody of that name works for" in said(change(ada, "close", "olga.lumen", sure="yes"))
    assert not User.objects.filter(username="iris").exists()
    assert User.objects.get(username="olga.lumen").is_active


def test_who_works_for_two_companies_is_not_one_administrators_to_take_over(
    ada: Client, aurora: seeded.Company, lumen: seeded.Company
) -> None:
    services.grant(lumen.olga, aurora.entity, Role.APPROVER)
    before = User.objects.get(pk=lumen.olga.pk).password
    for verb in ("reset", "close"):
        assert "works for another company too" in said(change(ada, verb, "olga.lumen", sure="yes"))
    after = User.objects.get(pk=lumen.olga.pk)
    assert after.is_active and after.password == before
    change(ada, "withdraw", "olga.lumen", role=["approver"])
    assert services.roles(after, aurora.entity) == frozenset()
    assert services.roles(after, lumen.entity) == {Role.OFFICER}


def test_a_lost_device_ends_sessions_and_second_factor(ada: Client, olga: Client, aurora: seeded.Company) -> None:
    from tests.web.test_second_factor import with_app

    with_app(aurora.olga)
    said(change(ada, "reset", "olga"))
    assert not second_factor.held(aurora.olga)
    assert olga.get("/officer/").status_code == 302
    assert Client().post("/sign-in/", {"username": "olga", "password": seeded.PASSWORD}).status_code == 200


def test_a_closed_account_opens_nothing(ada: Client, olga: Client, aurora: seeded.Company) -> None:
    assert "Nothing was closed" in said(change(ada, "close", "olga"))
    change(ada, "close", "olga", sure="yes")
    assert olga.get("/officer/").status_code == 302
    assert services.roles(User.objects.get(username="olga"), aurora.entity) == frozenset()
    assert "was closed" in said(change(ada, "invite", "olga", email="o@a.example", role=["officer"]))


@pytest.mark.parametrize(
    ("name", "email", "role"),
    [("", "a@b.example", ["officer"]), ("two words", "a@b.example", ["officer"]), ("iris", "nothing", ["officer"]),
     ("iris", "a@b.example", []), ("iris", "a@b.example", ["emperor"]), ("i" * 61, "a@b.example", ["officer"]),
     ("<b>iris", "a@b.example", ["officer"]), ("OLGA", "a@b.example", ["officer"]),
     ("ir\x00is", "a@b.example", ["officer"])],
)  # fmt: skip
def test_what_cannot_be_an_account_is_refused_in_words(ada: Client, name: str, email: str, role: list[str]) -> None:
    before = User.objects.count()
    answer = change(ada, "invite", name, email=email, role=role)
    assert answer.status_code == 200 and "alert-danger" in answer.content.decode()
    assert User.objects.count() == before


@pytest.mark.parametrize("verb", ["withdraw", "reset", "close"])
@pytest.mark.parametrize("name", ["", "ol\x00ga", "o" * 5000, "nobody"])
def test_who_is_not_here_cannot_be_changed(ada: Client, verb: str, name: str) -> None:
    answer = change(ada, verb, name, sure="yes", role=["officer"])
    assert answer.status_code == 200 and "alert-danger" in answer.content.decode()


@pytest.mark.parametrize(
    "where", ["%00/x", "MQ/x-y", "٣/x", "x" * 300 + "/set-password", "MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw/a-b"]
)
def test_a_forged_link_opens_nothing(aurora: seeded.Company, client: Client, where: str) -> None:
    answer = client.get(f"/sign-in/welcome/{where}/")
    assert answer.status_code in (200, 404) and "new_password1" not in answer.content.decode()


def test_taking_nothing_away_is_said_and_not_logged(ada: Client, olga: Client) -> None:
    assert "Choose what to take away" in said(change(ada, "withdraw", "olga"))
    assert not Opening.objects.filter(event__kind="staff.roles_taken").exists()


def test_ones_own_new_password_ends_the_other_sessions(aurora: seeded.Company, olga: Client) -> None:
    elsewhere = Client()
    elsewhere.post("/sign-in/", {"username": "olga", "password": seeded.PASSWORD})
    form = {"old_password": seeded.PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
    assert olga.post("/account/password/", {**form, "old_password": "no"}).status_code == 200
    assert olga.post("/account/password/", form).status_code == 302
    assert olga.get("/officer/").status_code == 200
    assert elsewhere.get("/officer/").status_code == 302


def test_the_first_administrator_comes_from_the_command_line(aurora: seeded.Company, client: Client) -> None:
    out = StringIO()
    call_command(
        "staff", "add", "ines", entity="aurora", email="ines@aurora.example", role=["administrator"], stdout=out
    )
    where = re.search(r"http://[^/]+(\S+)", out.getvalue())
    assert where
    form = client.get(where.group(1), follow=True)
    client.post(form.redirect_chain[-1][0], {"new_password1": CHOSEN, "new_password2": CHOSEN})
    client.post("/sign-in/", {"username": "ines", "password": CHOSEN})
    assert client.get("/officer/staff/").status_code == 200
    listed = StringIO()
    call_command("staff", "list", stdout=listed)
    assert re.search(r"ines\s+administrator; no second step", listed.getvalue())
    call_command("staff", "close", "ines", entity="aurora", stdout=StringIO())
    assert client.get("/officer/staff/").status_code == 302
    with pytest.raises(CommandError, match="no such company"):
        call_command("staff", "add", "x", entity="nowhere", email="x@y.example", role=["officer"])
