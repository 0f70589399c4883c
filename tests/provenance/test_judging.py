"""A map that says a model or an index was made from what was erased is written down, and refused with the reason."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.audit.models import Event
from compliance.intake import vault
from compliance.provenance import judging, registration
from compliance.provenance.models import Artifact, Derivation, Exclusion, LineageRun
from retrieval import exclusion

ANA = "ana.lima@post.example"
HEAD = """
entities:
  - {id: firm, name: Firm, law: [gdpr], country: DE, time_zone: Europe/Berlin, contact: a@firm.example, authority: B}
artifacts:
"""
PLACE = """
  - id: ID
    name: ID
    kind: KIND
    connector: CONNECTOR
    location: ID.jsonl
    entity: firm
    purpose: service
    lawful_basis: contract
    retention: 2 years
"""


def written(folder: Path, *, at: str = "2026-11-01T10:00:00Z", made: bool = True) -> Path:
    """A map of letters, an index and a report of them; with ``made`` it says what came from the letters."""
    places = (("letters", "dataset", "files"), ("search", "index", "files"), ("report", "derived_dataset", "files"))
    text = HEAD + "".join(PLACE.replace("ID", a).replace("KIND", b).replace("CONNECTOR", c) for a, b, c in places)
    if made:
        lines = [
            f"  - {{from: [letters], to: {to}, run: nightly, at: '{at}', how: test}}\n" for to in ("search", "report")
        ]
        text += "derivations:\n" + "".join(lines)
    (folder / "systems.yaml").write_text(text)
    return folder / "systems.yaml"


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    """A registered company in whose letters an erased person stands again."""
    (tmp_path / "letters.jsonl").write_text(json.dumps({"id": 1, "body": f"from {ANA.upper()}"}) + '\n{"id": 2}\n')
    for name in ("search", "report"):
        (tmp_path / f"{name}.jsonl").write_text("")
    registration.register(written(tmp_path, made=False), by="test")
    entry = exclusion.identifier_entry(vault.exclusion_key(), "email", ANA)
    Exclusion.objects.create(key=entry.key, kind=entry.kind, case="A-1", artifact="letters", own_key=True)
    return tmp_path


def test_an_index_that_the_map_says_was_made_from_what_was_erased_is_refused(folder: Path) -> None:
    said = registration.register(written(folder), by="test")
    (why,) = said.refused
    assert "letters: 1 of 2 rows hold an identifier of somebody who was erased" in why and ANA not in why.lower()
    assert Derivation.objects.count() == 2  # the map tells what was made all the same
    (run,) = LineageRun.objects.all()
    assert (run.refused, run.checked) == (why, True)
    assert [use.artifact.slug for use in run.uses.filter(output=True)] == ["search"]
    (event,) = Event.objects.filter(kind="lineage.refused")
    assert event.entity == "firm"


def test_the_command_says_why_and_ends_with_one(folder: Path) -> None:
    with pytest.raises(CommandError, match="Registered, and refused: Admitting search") as refused:
        call_command("register", written(folder), stdout=StringIO())
    assert refused.value.returncode == 1


def test_what_was_refused_is_looked_at_again_and_cleared_once_the_rows_are_out(folder: Path) -> None:
    assert registration.register(written(folder), by="test").refused
    assert registration.register(written(folder), by="test").refused
    (folder / "letters.jsonl").write_text('{"id": 2}\n')
    assert registration.register(written(folder), by="test").refused == ()
    (run,) = LineageRun.objects.all()
    assert run.refused == ""


def test_what_the_map_said_before_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "letters.jsonl").write_text('{"id": 2}\n')
    assert registration.register(written(folder), by="test").refused == ()
    (folder / "letters.jsonl").write_text(json.dumps({"id": 1, "body": ANA}) + "\n")
    assert registration.register(written(folder), by="test").refused == ()
    assert registration.register(written(folder, at="2026-11-02T10:00:00Z"), by="test").refused


def test_inputs_that_cannot_be_looked_at_meanwhile_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "LARGEST", 10)
    said = registration.register(written(folder), by="test")
    assert (said.refused, said.unchecked) == ((), ("search",))
    monkeypatch.undo()
    (folder / "letters.jsonl").write_text('{"id": 1, "bo')
    assert registration.register(written(folder, at="2026-11-03T10:00:00Z"), by="test").unchecked == ("search",)
    assert Artifact.objects.filter(retired_at=None).count() == 3


def test_a_process_that_ends_between_the_map_and_the_check_owes_it_to_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as until:
        until.setattr(judging, "judge", killed)
        with pytest.raises(KeyboardInterrupt):
            registration.register(written(folder), by="test")
    assert registration.register(written(folder), by="test").refused
