"""California's deletion list on the sample company: taken in, matched, turned into cases, and answered with codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.accounts.models import LegalEntity
from compliance.audit.models import Opening
from compliance.intake import partners, vault
from compliance.intake.ledgers import ListItem, Partner
from compliance.intake.models import ErasureRequest
from compliance.provenance import registration
from compliance.rules.list_hashes import hashed as _hashed
from compliance.rules.terms import State
from compliance.worker import deletion_list, list_fields
from tests.worker.small_company import House


def hashed(list_type: str, *values: str) -> str:
    """The hash, which these values have."""
    return str(_hashed(list_type, *values))


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


def test_the_command_refuses_another_file_and_a_stranger_in_words(broker: LegalEntity, tmp_path: Path) -> None:
    file = pulled(tmp_path, {}, name="20260815_DB17_Fax.csv")
    with pytest.raises(CommandError, match="YYYYMMDD"):
        call_command("deletion_list", "take-in", str(file), entity=broker.slug)
    with pytest.raises(CommandError, match="No legal entity"):
        call_command("deletion_list", "match", entity="nobody")


RECORD = {
    "Customer_ID": "A1000017",
    "first_name": "Danielle",
    "last_name": "Johnson",
    "date_of_birth": "1985-07-04",
    "zip": "91790-3771",
    "mail": "danielle@example.com",
    "phone": "+1(415)555-9317",
    "order": "2026-0815-77",
}


def found(record: dict[str, str]) -> dict[str, str | None]:
    """The lists beside which a record stands, with its hash; the last of each list."""
    return {one.list_type: one.hashed for one in list_fields.candidates(record, owner="A1000017")}


def test_a_record_stands_beside_each_list_whose_fields_it_has() -> None:
    assert found(RECORD)["NDZ"] == "PQOfn1RffEKmqMmNAzDKKaoZCwxWbQZkQzPWmQo9REA="
    assert "NameVIN" not in found(RECORD) and "MAID" not in found(RECORD)
    car = {"name": "Eve Genesis", "VIN": "1HGCM82633A004352"}
    assert found(car)["NameVIN"] == "rtnDuXIe63jXYQQXW5r07GJ7lSsrib8+46QuKFwkOmk="
    assert found({"idfa": "a3f1c2d4-5678-90ab-cdef-1234567890ab"})["MAID"]
    assert found({**RECORD, "first_name": "Иван"})["NDZ"] is None, "counted, not passed over"


def test_a_person_is_found_elsewhere_by_what_is_theirs_and_not_by_a_date_or_an_order() -> None:
    [ndz] = [one for one in list_fields.candidates(RECORD, owner="A1000017") if one.list_type == "NDZ"]
    assert [one.value for one in ndz.identifiers] == ["A1000017", "danielle@example.com", "+1(415)555-9317"]
    assert all(one.proven for one in ndz.identifiers)


def _write(folder: Path, records: list[dict[str, str]]) -> None:
    (folder / "people.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))


@pytest.fixture
def people(db: None, tmp_path: Path) -> tuple[LegalEntity, Path]:
    """A small broker whose records have names, birth dates and ZIP codes."""
    folder = tmp_path / "broker"
    folder.mkdir()
    other = {**RECORD, "Customer_ID": "A1000018", "first_name": "Ann", "mail": "ann@example.com", "phone": "4155550000"}
    _write(folder, [RECORD, other])
    (folder / "systems.yaml").write_text(_BROKER)
    registration.register(folder / "systems.yaml", by="test")
    return LegalEntity.objects.get(slug="broker"), folder


_BROKER = """
entities:
  - {id: broker, name: B, law: [ccpa], country: US, time_zone: America/Los_Angeles, contact: a@b.example, authority: X}
artifacts:
  - id: people
    name: People
    kind: dataset
    connector: files
    location: people.jsonl
    entity: broker
    purpose: sale
    lawful_basis: contract
    retention: 2 years
    key_field: Customer_ID
    subject_fields: [Customer_ID, mail]
    text_fields: [order]
"""


@pytest.mark.parametrize("foreign", ["+49 1415 5559317", "0049 1415 5559317", "+351 415 555 9317"])
def test_a_number_of_another_country_with_the_same_last_digits_makes_no_case_of_its_owner(
    people: tuple[LegalEntity, Path], foreign: str
) -> None:
    entity, folder = people
    _write(folder, [{"Customer_ID": "A1000019", "mail": "eva@example.com", "phone": foreign, "order": "1"}])
    file = pulled(folder, {"A7kP2xQ9Lm4R": hashed("Phone", "415 555 9317")}, name="20260815_DB17_Phone.csv")
    deletion_list.match(deletion_list.take_in(entity, file))
    assert not ErasureRequest.objects.exists(), "an officer decides"
    item = ListItem.objects.get()
    assert (item.found, item.code) == (1, None)
    _write(folder, [RECORD])
    again = pulled(folder, {"A7kP2xQ9Lm4S": hashed("Phone", "415 555 9317")}, name="20260816_DB17_Phone.csv")
    deletion_list.match(deletion_list.take_in(entity, again))
    assert ErasureRequest.objects.count() == 1


def test_a_match_by_name_birth_date_and_zip_code_becomes_a_case(people: tuple[LegalEntity, Path]) -> None:
    entity, folder = people
    mine = hashed("NDZ", "Danielle", "Johnson", "1985-07-04", "91790")
    file = pulled(folder, {"A7kP2xQ9Lm4R": mine, "B7kP2xQ9Lm4R": "A" * 43 + "="}, name="20260815_DB17_NDZ.csv")
    said = deletion_list.match(deletion_list.take_in(entity, file))
    assert said == {"matched": 1, "not_found": 1, "not_compared": 0}
    case = ErasureRequest.objects.get()
    values = [one["value"] for one in vault.opened(case)["identifiers"]]
    assert values[0] == "A1000017" and "danielle@example.com" in values and "ann@example.com" not in values
    assert ListItem.objects.get(work_item="B7kP2xQ9Lm4R").code == 5


def test_where_records_could_not_be_compared_nothing_is_called_not_found(
    people: tuple[LegalEntity, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    entity, folder = people
    _write(folder, [RECORD, {**RECORD, "Customer_ID": "A1000019", "date_of_birth": "07/04/1985"}])
    file = pulled(folder, {"B7kP2xQ9Lm4R": "A" * 43 + "="}, name="20260815_DB17_NDZ.csv")
    deletion_list.take_in(entity, file)
    call_command("deletion_list", "match", entity="broker")
    assert "1 records could not be compared" in capsys.readouterr().out
    assert ListItem.objects.get().code is None
    call_command("deletion_list", "not-found", "B7kP2xQ9Lm4R", entity="broker")
    assert ListItem.objects.get().code == 5


def test_a_partner_is_registered_from_the_command_line_and_a_wrong_key_is_refused(
    broker: LegalEntity, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("partner", "controller", "acme", entity=broker.slug, name="Acme", host=["Acme.Example"])
    said = capsys.readouterr().out
    token = said.strip().rpartition(" ")[2]
    assert partners.by_token(token, Partner.Kind.CONTROLLER).hosts == ["acme.example"]
    with pytest.raises(CommandError, match="Ed25519"):
        call_command("partner", "agent", "aa", entity=broker.slug, name="Agent", key="c2hvcnQ=")
