"""A malformed ``systems.yaml`` is refused before anything is written, with line and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml
from django.core.management import CommandError, call_command

from compliance.accounts.models import LegalEntity
from compliance.audit.models import Event
from compliance.provenance.models import Artifact
from tests.worker.small_company import House

FAULTS: list[tuple[str, Callable[[str], str], str]] = [
    ("no YAML", lambda text: text.replace("    role: controller", "    role: [controller", 1), ""),
    ("unknown key", lambda text: text.replace("    retention:", "    retension:", 1), "retension"),
    ("unknown connector", lambda text: text.replace("connector: sql", "connector: sqll", 1), "sqll"),
    ("unknown law", lambda text: text.replace("law: [gdpr]", "law: [gdrp]", 1), "gdrp"),
    ("unknown entity", lambda text: text.replace("entity: aurora-gmbh", "entity: aurora-gmhb", 1), "aurora-gmhb"),
    ("unknown parent", lambda text: text.replace("from: [tickets,", "from: [tickest,", 1), "tickest"),
]


@pytest.mark.parametrize(("name", "spoil", "named"), FAULTS, ids=[row[0] for row in FAULTS])
def test_register_refuses_with_line_and_remedy(
    house: House, name: str, spoil: Callable[[str], str], named: str
) -> None:
    text = house.systems.read_text()
    spoiled = spoil(text)
    assert spoiled != text
    house.systems.write_text(spoiled)
    with pytest.raises(CommandError) as refused:
        call_command("register", str(house.systems))
    said = str(refused.value)
    line = next((n for n, (a, b) in enumerate(zip(text.split("\n"), spoiled.split("\n"), strict=True), 1) if a != b), 0)
    assert "systems.yaml" in said
    assert named in said
    assert "line " in said
    told = [int(number) for number in re.findall(r"line (\d+)", said)]
    assert any(line - 6 <= number <= line + 1 for number in told), "no line named is in the entry that is wrong"
    assert not Artifact.objects.exists()
    assert not LegalEntity.objects.exists()


def test_a_refused_file_changes_nothing_that_was_registered_before(records: House) -> None:
    records.register()
    before = list(Artifact.objects.values_list("slug", "location", "retired_at"))
    text = records.systems.read_text()
    records.systems.write_text(text.replace("connector: sql", "connector: sqll", 1))
    with pytest.raises(CommandError):
        call_command("register", str(records.systems))
    assert list(Artifact.objects.values_list("slug", "location", "retired_at")) == before


def test_the_log_says_that_systems_were_registered_when_something_changed(records: House) -> None:
    def said() -> list[str]:
        return [event.entity for event in Event.objects.filter(kind="systems.registered").order_by("pk")]

    records.register()
    first = said()
    records.register()  # each start of an installation does
    assert first and said() == first
    Artifact.objects.update(digest="d" * 64, described={"records": 3})  # what a search writes changes no registration
    records.register()
    assert said() == first
    content = yaml.safe_load(records.systems.read_text("utf-8"))
    content["artifacts"][0]["retention"] = "90 days"
    records.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    records.register()
    assert len(said()) == len(first) + 1
