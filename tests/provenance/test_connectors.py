"""What every connector that holds records promises, tried on real files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from places import ALICE, PATTERNS, RECORD_STORES, others

from compliance.provenance.connectors import MARK, TABLE, Place, load
from compliance.rules.errors import ConfigurationError, NotFoundHere, SourceUnreachable

Maker = Callable[[Path], Place]


@pytest.fixture(params=sorted(RECORD_STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return RECORD_STORES[request.param](tmp_path)


def erase_alice(place: Place, undo: Path | None = None):
    return load(place.connector).erase(place, records=["T-2", "T-4"], redactions={"T-3": [ALICE]}, undo=undo)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_name_in_the_table_has_the_five_verbs(name: str) -> None:
    connector = load(name)
    assert all(
        callable(getattr(connector, verb)) for verb in ("describe", "find", "find_derived", "erase", "absent", "purge")
    )


def test_an_unknown_connector_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundHere, match="files"):
        load("carrier_pigeon")


def test_a_description_changes_only_when_the_content_does(place: Place) -> None:
    connector = load(place.connector)
    first = connector.describe(place)
    assert first == connector.describe(place)
    assert first.records == 5
    erase_alice(place)
    assert connector.describe(place).digest != first.digest


def test_the_persons_records_and_the_mentions_are_told_apart(place: Place) -> None:
    found = {(match.record, match.owner, match.support) for match in load(place.connector).find(place, [ALICE])}
    assert found == {("T-2", True, "normalised"), ("T-4", True, "exact"), ("T-3", False, "normalised")}


def test_a_span_points_to_the_persons_characters(place: Place) -> None:
    (mention,) = [match for match in load(place.connector).find(place, [ALICE]) if not match.owner]
    body = "Ask Alice.Moreau@Post.Example, she knows — ção"
    assert mention.field == "body"
    assert body[mention.start : mention.end] == "Alice.Moreau@Post.Example"


def test_records_made_from_others_are_found_by_lineage(place: Place) -> None:
    derived = list(load(place.connector).find_derived(place, {"P-2", "P-9"}))
    assert [match.record for match in derived] == ["T-2", "T-4"]
    assert {match.support for match in derived} == {"lineage"}


def test_erasing_takes_the_person_out_and_nobody_else(place: Place) -> None:
    before = others(place)
    receipt = erase_alice(place)
    assert (receipt.removed, receipt.redacted, receipt.remaining) == (2, 1, 0)
    assert (receipt.records_before, receipt.records_after) == (5, 3)
    assert receipt.others_untouched
    assert receipt.others_before.startswith("2:")
    assert others(place) == before
    connector = load(place.connector)
    assert list(connector.find(place, [ALICE])) == []
    connector.purge(place)
    assert connector.absent(place, PATTERNS) == 0


def test_absence_is_not_claimed_before_erasing(place: Place) -> None:
    assert load(place.connector).absent(place, PATTERNS) >= 3


def test_a_mention_is_blanked_and_the_rest_of_the_text_stays(place: Place) -> None:
    erase_alice(place)
    carla = next(
        match for match in load(place.connector).find(place, [type(ALICE)("email", "carla@post.example", "c")])
    )
    assert carla.record == "T-3"
    from compliance.provenance.connectors import files, sql

    rows = sql._rows(place) if place.connector == "sql" else files._rows(place)
    body = next(row.fields["body"] for row in rows if row.key == "T-3")
    assert body == f"Ask {MARK}, she knows — ção"


def test_a_second_run_finds_nothing_to_do_and_changes_no_byte(place: Place) -> None:
    first = erase_alice(place)
    path = Path(place.location.removeprefix("sqlite:///"))
    bytes_between = path.read_bytes()
    second = erase_alice(place)
    assert (second.removed, second.redacted, second.remaining) == (0, 0, 0)
    assert second.digest_before == second.digest_after == first.digest_after
    if place.connector == "files":
        assert path.read_bytes() == bytes_between


def test_what_was_removed_lies_in_the_undo_file_once(place: Place, tmp_path: Path) -> None:
    undo = tmp_path / "undo" / "tickets.jsonl"
    erase_alice(place, undo)
    lines = [json.loads(line) for line in undo.read_text().splitlines()]
    assert [(line["key"], line["redacted"]) for line in lines] == [("T-2", False), ("T-3", True), ("T-4", False)]
    assert undo.stat().st_mode & 0o077 == 0
    erase_alice(place, undo)
    assert len(undo.read_text().splitlines()) == 3


def test_a_key_that_several_records_share_is_refused(tmp_path: Path) -> None:
    place = RECORD_STORES["jsonl"](tmp_path)
    shared = Place(place.name, place.kind, "files", place.location, {**place.options, "key_field": "parent"})
    with pytest.raises(ConfigurationError, match="names several records"):
        load("files").erase(shared, records=["P-2"])


def test_without_a_key_field_records_are_named_by_their_content(tmp_path: Path) -> None:
    made = RECORD_STORES["jsonl"](tmp_path)
    place = Place("t", "dataset", "files", made.location, {"subject_fields": ["email"]})
    owned = {match.record for match in load("files").find(place, [ALICE]) if match.owner}
    for _ in range(2):
        load("files").erase(place, records=owned)
        assert load("files").describe(place).records == 3


def test_a_place_that_is_not_there_says_so(place: Place, tmp_path: Path) -> None:
    gone = Place("gone", place.kind, place.connector, place.location.replace("tickets.", "missing."), place.options)
    with pytest.raises(SourceUnreachable, match="missing"):
        load(place.connector).describe(gone)


def test_a_cache_loses_the_whole_record_on_a_mention(tmp_path: Path) -> None:
    made = RECORD_STORES["sqlite"](tmp_path)
    cache = Place("cache", "cache", "sql", made.location, {**made.options, "on_mention": "erase"})
    assert all(match.owner for match in load("sql").find(cache, [ALICE]))
