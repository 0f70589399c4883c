"""California's deletion list on the sample company: taken in, matched, turned into cases, and answered with codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.accounts.models import LegalEntity
from compliance.audit.models import Opening
from compliance.intake import partners
from compliance.intake.ledgers import ListItem, Partner
from compliance.intake.models import ErasureRequest
from compliance.rules.deletion_list import hashed
from compliance.rules.terms import State
from compliance.worker import deletion_list
from tests.worker.small_company import House


@pytest.fixture
def broker(records: House) -> LegalEntity:
    """The sample company as a data broker."""
    records.register()
    entity = LegalEntity.objects.get(slug="aurora-gmbh")
    entity.laws = [*entity.laws, "ccpa"]
    entity.save()
    return entity


def pulled(folder: Path, rows: dict[str, str], *, name: str = "20260815_DB17_Email.csv") -> Path:
    """A pulled list."""
    path = folder / name
    path.write_text("ID,Hash\r\n" + "".join(f"{item},{value}\r\n" for item, value in rows.items()), newline="")
    return path


def codes(folder: Path) -> dict[str, str]:
    """What was written to go back."""
    [path] = folder.glob("*_DB17_Email.csv")
    return dict(line.split(",") for line in path.read_text().splitlines()[1:])


def test_a_match_becomes_a_case_and_only_what_is_known_goes_back(
    records: House, broker: LegalEntity, tmp_path: Path
) -> None:
    here, out = tmp_path / "in", tmp_path / "out"
    here.mkdir(), out.mkdir()
    mine, nobody = hashed("Email", records.person.email), hashed("Email", "nobody@nowhere.example")
    file = pulled(here, {"1001": mine, "1002": nobody})
    for _ in range(2):
        call_command("deletion_list", "take-in", str(file), entity=broker.slug)
    assert ListItem.objects.count() == 2, "the same file twice is one pull"
    call_command("deletion_list", "match", entity=broker.slug)
    case = ErasureRequest.objects.get()
    assert (case.law, case.state) == ("ccpa", State.VERIFIED) and not case.notices.exists()
    call_command("deletion_list", "export", str(out), entity=broker.slug)
    assert codes(out) == {"1002": "5"}, "nothing is called deleted before the evidence says so"
    told = str([opening.detail for opening in Opening.objects.all()])
    assert records.person.email not in told and mine not in told


def test_an_item_that_was_removed_ends_its_case(records: House, broker: LegalEntity, tmp_path: Path) -> None:
    file = pulled(tmp_path, {"1001": hashed("Email", records.person.email)})
    deletion_list.match(deletion_list.take_in(broker, file))
    gone = pulled(tmp_path, {"1001": hashed("Email", "x@y.example")}, name="20260901_DB17_Removed.csv")
    deletion_list.take_in(broker, gone)
    assert ErasureRequest.objects.get().state == State.WITHDRAWN and ListItem.objects.get().removed


def test_a_list_that_cannot_be_hashed_is_refused_in_words(broker: LegalEntity, tmp_path: Path) -> None:
    file = pulled(tmp_path, {}, name="20260815_DB17_NDZ.csv")
    with pytest.raises(CommandError, match="not known here"):
        call_command("deletion_list", "take-in", str(file), entity=broker.slug)
    with pytest.raises(CommandError, match="No legal entity"):
        call_command("deletion_list", "match", entity="nobody")


def test_a_partner_is_registered_from_the_command_line_and_a_wrong_key_is_refused(
    broker: LegalEntity, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("partner", "controller", "acme", entity=broker.slug, name="Acme", host=["Acme.Example"])
    said = capsys.readouterr().out
    token = said.strip().rpartition(" ")[2]
    assert partners.by_token(token, Partner.Kind.CONTROLLER).hosts == ["acme.example"]
    with pytest.raises(CommandError, match="Ed25519"):
        call_command("partner", "agent", "aa", entity=broker.slug, name="Agent", key="c2hvcnQ=")
