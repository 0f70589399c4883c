"""systems.yaml: what is right is read, and every error names its line and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.provenance.catalogue import CatalogueError, load
from compliance.rules.terms import ArtifactKind, EntityRole, Law

GOOD = """\
entities:
  - id: acme
    name: Acme AS
    law: [gdpr]
    country: NO
    time_zone: Europe/Oslo
    contact: privacy@acme.example
    authority: Datatilsynet
artifacts:
  - id: tickets
    name: Tickets
    kind: dataset
    connector: files
    location: raw/tickets.jsonl
    entity: acme
    purpose: Answer questions
    lawful_basis: contract
    retention: 3 years after the last contact
    subject_fields: email
  - id: assistant
    name: Assistant
    kind: model
    connector: model
    location: model
    entity: acme
    role: processor
    purpose: Answer questions
    lawful_basis: consent
    retention: 12 months
derivations:
  - from: [tickets]
    to: assistant
    run: train
    at: 2026-03-05T10:00:00+01:00
    how: Trained on all tickets
"""
LINES = GOOD.splitlines()


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "systems.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(tmp_path: Path, text: str | bytes):
    with pytest.raises(CatalogueError) as caught:
        load(written(tmp_path, text))
    for problem in caught.value.problems:
        assert problem.file == "systems.yaml"
        assert problem.what
        assert len(problem.remedy) > 5
    return caught.value.problems


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    found = load(written(tmp_path, GOOD))
    (entity,) = found.entities
    assert (entity.country, entity.law) == ("NO", (Law.GDPR,))
    tickets, assistant = found.artifacts
    assert (tickets.kind, tickets.subject_fields) == (ArtifactKind.DATASET, ("email",))
    assert (tickets.role, assistant.role) == (EntityRole.CONTROLLER, EntityRole.PROCESSOR)
    assert tickets.location == str(tmp_path / "raw/tickets.jsonl")
    assert found.edges == (("tickets", "assistant"),)
    assert tickets.place().subject_fields == ("email",)


CASES = [
    ("country: NO", "country: Norway", "country", "DE or BR"),
    ("time_zone: Europe/Oslo", "time_zone: Europe/Osloo", "time zone", "Europe/Oslo"),
    ("law: [gdpr]", "law: [gdrp]", "gdrp", "gdpr"),
    ("contact: privacy@acme.example", "contact: privacy", "e-mail", "address"),
    ("kind: dataset", "kind: datset", "datset", "dataset"),
    ("connector: files", "connector: file", "file", "files"),
    ("entity: acme", "entity: acmee", "acmee", "acme"),
    ("lawful_basis: contract", "lawful_basis: because", "because", "consent"),
    ("retention: 12 months", "retention: forever", "forever", "90 days"),
    ("purpose: Answer questions", "purposes: Answer questions", "purposes", "purpose"),
    ("location: raw/tickets.jsonl", "location: ../../etc/passwd", "leaves the folder", "absolute"),
    ("location: raw/tickets.jsonl", "location: s3://bucket/key", "paths", "path"),
    ("to: assistant", "to: asistant", "asistant", "assistant"),
    ("from: [tickets]", "from: []", "empty", "at least one"),
    ("from: [tickets]", "from: [assistant]", "made from itself", "newer"),
    ("at: 2026-03-05T10:00:00+01:00", "at: last spring", "no date", "2026-03-05"),
    ("id: assistant", "id: tickets", "already", "own id"),
    ("id: assistant", "id: The Assistant!", "no id", "small letters"),
    ("role: processor", "role: helper", "helper", "processor"),
    ("    subject_fields: email", "    subject_fields: email\n    name: Twice", "twice", "one"),
    ("    subject_fields: email", "    options: {colour: red}", "colour", "format"),
    ("    subject_fields: email", "    options: {on_mention: shred}", "on_mention", "redact"),
]


@pytest.mark.parametrize(("old", "new", "what", "remedy"), CASES, ids=[case[1].strip() for case in CASES])
def test_every_error_names_line_and_remedy(tmp_path: Path, old: str, new: str, what: str, remedy: str) -> None:
    text = GOOD.replace(old, new, 1)
    found = problems(tmp_path, text)
    hit = [problem for problem in found if what in problem.what and remedy in problem.remedy]
    assert hit, [str(problem) for problem in found]
    assert 1 <= hit[0].line <= len(text.splitlines())


def test_the_line_is_that_of_the_wrong_value(tmp_path: Path) -> None:
    text = GOOD.replace("retention: 12 months", "retention: forever")
    (problem,) = problems(tmp_path, text)
    assert problem.line == line_of(text, "forever")


@pytest.mark.parametrize("name", ["purpose", "lawful_basis", "retention", "entity", "location", "connector", "kind"])
def test_a_missing_key_is_named_with_the_line_of_its_entry(tmp_path: Path, name: str) -> None:
    text = re.sub(rf"(?m)^    {name}: .*\n", "", GOOD, count=1)
    found = problems(tmp_path, text)
    assert [problem.line for problem in found if f"lacks {name!r}" in problem.what] == [line_of(text, "id: tickets")]


def test_several_errors_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("country: NO", "country: XX")
        .replace("12 months", "forever")
        .replace("kind: dataset", "kind: pile")
    )
    found = problems(tmp_path, text)
    assert len(found) == 3
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    with pytest.raises(CatalogueError) as caught:
        load(written(tmp_path, text))
    assert str(caught.value).count("systems.yaml, line") == 3


BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("- a\n- b\n", "mapping"),
        ("entities:\n\t- id: a\n", "YAML"),
        ("entities: [\n", "YAML"),
        (b"entities:\n  - id: \xff\xfe\n", "UTF-8"),
        (BOMB, "aliases"),
        ("a: " + "[" * 5000, "deeper"),
        ("a: " + "[" * 200 + "]" * 200, "deeper"),
        (b"#" * (2 * 1024 * 1024), "larger"),
        ("entities: !!python/object/apply:os.system [ls]\nartifacts: []\n", "entity"),
        ("entities: here\nartifacts: []\n", "list"),
    ],
    ids=["empty", "list", "tab", "cut", "latin", "bomb", "deep", "deep-closed", "huge", "object", "text"],
)
def test_what_is_no_catalogue_is_refused_in_words(tmp_path: Path, text: str | bytes, what: str) -> None:
    found = problems(tmp_path, text)
    assert any(what in problem.what for problem in found), [str(problem) for problem in found]


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file"):
        load(tmp_path / "systems.yaml")


def test_a_password_in_a_location_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = (
        GOOD.replace("connector: files", "connector: sql")
        .replace("location: raw/tickets.jsonl", "location: postgresql+psycopg://oubli:hunter2@db/crm")
        .replace("subject_fields: email", "key_field: id\n    options: {table: t}")
    )
    found = problems(tmp_path, text)
    assert any("password" in problem.what for problem in found)
    assert "hunter2" not in "".join(map(str, found))
    fine = load(written(tmp_path, text.replace("hunter2", "${CRM_PASSWORD}")))
    assert "${CRM_PASSWORD}" in fine.artifacts[0].location


@settings(max_examples=60, deadline=None)
@given(line=st.integers(0, len(LINES) - 1), junk=st.text(alphabet="abc:[]{}-&*!|>'\"%@#\t ", max_size=12))
def test_no_single_damaged_line_escapes_as_another_error(tmp_path_factory, line: int, junk: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "systems.yaml"
    path.write_text("\n".join([*LINES[:line], junk, *LINES[line + 1 :]]) + "\n")
    try:
        assert load(path).entities is not None
    except CatalogueError as error:
        assert error.problems
        assert all(problem.remedy for problem in error.problems)


def test_the_parser_never_builds_python_objects(tmp_path: Path) -> None:
    text = GOOD.replace("    subject_fields: email", "    options: {format: !!python/name:os.system ''}")
    assert any("options" in problem.what for problem in problems(tmp_path, text))
    assert yaml.__version__
