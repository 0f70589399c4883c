"""A people file that another program wrote: the picture that a line means is found, or asked about, and not left."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from compliance.provenance.connectors import images
from compliance.provenance.connectors.pictures import shelf_of
from compliance.provenance.connectors.pictures.spelled import Rows
from compliance.rules.errors import SourceUnreachable
from retrieval.types import Needle
from tests.provenance import pictured
from tests.provenance.pictured import WHO

ALICE = Needle(kind="email", value=WHO, key="alice")
KEYS = ("cat/1.png", "cat/2.png", "café/3.PNG", "dog/1.png", "test/cat/1.png")


@pytest.mark.parametrize(
    "row", ["cat/1.png ", " ./cat/1.png", "cat\\1.png", "CAT/1.PNG", "cat//1.png", "/cat/1.png", "Train/cat/1.png"]
)
def test_another_spelling_of_a_name_means_its_row(row: str) -> None:
    meant = Rows(KEYS).meant(row)
    assert (meant.keys, meant.sure) == (("cat/1.png",), True)


def test_accents_in_two_characters_mean_the_same_row() -> None:
    assert Rows(KEYS).meant(unicodedata.normalize("NFD", "café/3.png")).keys == ("café/3.PNG",)


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ("/data/2025/train/cat/1.png", ("cat/1.png",)),
        ("C:\\data\\test\\cat\\1.png", ("test/cat/1.png",)),
        ("cat/1", ("cat/1.png",)),
        ("cat/1.jpg", ("cat/1.png",)),
        ("1.png", ("cat/1.png", "dog/1.png", "test/cat/1.png")),
        ("cat/9.png", ()),
        ("bird/1.png", ()),
        ("", ()),
        ("/", ()),
    ],
)
def test_what_a_line_may_mean_is_only_asked_about(row: str, keys: tuple[str, ...]) -> None:
    meant = Rows(KEYS).meant(row)
    assert (meant.keys, meant.sure) == (keys, False)


def test_two_files_of_nearly_one_name_are_asked_about_unless_one_has_it_to_the_letter() -> None:
    rows = Rows(("cat/a.png", "cat/A.png"))
    assert rows.meant("cat/A.png").keys == ("cat/A.png",)
    assert not rows.meant("CAT/A.png").sure
    assert len(rows.meant("CAT/A.png").keys) == 2


def test_a_picture_goes_with_its_line_however_the_line_spells_its_name(tmp_path: Path) -> None:
    folder = pictured.written(tmp_path / "photos")
    pictured.people(folder, [("Cat\\1.PNG", WHO), ("/old/disk/dog/1.png", WHO), ("dog/2.png", "carla@post.example")])
    place = pictured.place(folder)
    found = {match.record: match for match in images.find(place, [ALICE]) if not match.record.startswith("people:")}
    assert {key: match.needle for key, match in found.items()} == {"cat/1.png": "alice", "dog/1.png": "alice?"}
    assert images.erase(place, records=["cat/1.png"]).others_untouched
    assert not (folder / "train/cat/1.png").exists()


def test_a_list_that_names_no_row_at_all_is_said_not_to_be_read(tmp_path: Path) -> None:
    folder = pictured.written(tmp_path / "photos")
    pictured.people(folder, [(WHO, "cat/1.png"), ("carla@post.example", "dog/2.png")])
    (unread,) = images.describe(pictured.place(folder)).unread
    assert "names no row" in unread.why


@pytest.mark.parametrize(
    "cell", ["{}; carla@post.example", "carla@post.example and {}", '["{}", "carla@post.example"]']
)
def test_a_line_that_names_several_people_is_asked_about_with_its_picture(tmp_path: Path, cell: str) -> None:
    folder = pictured.written(tmp_path / "photos")
    person = cell.format(WHO).replace('"', '""')
    (folder / "people.csv").write_text(f'cat/1.png,"{person}"\n')
    matches = list(images.find(pictured.place(folder), [ALICE]))
    assert len(matches) == 2
    assert all(match.needle == "alice?" for match in matches)


@pytest.mark.parametrize("cell", ["Alice Moreau <{}>", "{}; {}", "[{}]", "mailto:{}"])
def test_a_line_that_names_one_person_in_more_words_is_hers(tmp_path: Path, cell: str) -> None:
    folder = pictured.written(tmp_path / "photos")
    (folder / "people.csv").write_text(f'cat/1.png,"{cell.format(WHO, WHO)}"\n')
    assert {match.needle for match in images.find(pictured.place(folder), [ALICE])} == {"alice"}


def test_a_picture_that_goes_while_it_is_read_is_said_in_words(tmp_path: Path) -> None:
    folder = pictured.written(tmp_path / "photos")
    seen = next(iter(shelf_of(pictured.place(folder)).pictures()))
    seen.path.unlink()
    with pytest.raises(SourceUnreachable):
        _ = seen.raw
