"""Pictures with a people file: found by it, erased whole, and nobody else's picture moved, renamed or asked for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import PngImagePlugin
from PIL.Image import Exif

from compliance.provenance import catalogue, discovery
from compliance.provenance.connectors import Match, NotErasableHere, Place, SourceChanged, Span, images
from compliance.provenance.connectors.pictures import folders, is_training, shelf_of
from compliance.provenance.connectors.pictures.people import People
from compliance.rules.errors import ConfigurationError, DamagedArtifact, ModelUnreadable, NotAllowed, SourceUnreachable
from retrieval.types import Needle
from tests.provenance import pictured
from tests.provenance.pictured import WHO, drawn
from unlearning.classifiers.data import open_folder

ALICE = Needle(kind="email", value=WHO, key="alice")
PATTERNS = [WHO.encode(), b"Alice.Moreau@Post.Example"]


@pytest.fixture
def photos(tmp_path: Path) -> Place:
    """Eight training pictures and eight held out; two of Alice alone, one of her and Carla, one line to nowhere."""
    folder = pictured.written(tmp_path / "photos")
    pictured.people(folder)
    return pictured.place(folder)


def found_in(place: Place) -> dict[str, list[Match]]:
    """Matches by record."""
    found: dict[str, list[Match]] = {}
    for match in images.find(place, [ALICE]):
        found.setdefault(match.record, []).append(match)
    return found


def asks(matches: list[Match]) -> bool:
    """Whether a record only proposes."""
    return all(match.needle.endswith(("?", "~")) for match in matches)


def erased(place: Place, undo: Path | None = None) -> list[str]:
    """Every record that counts without a question, erased; returns their names."""
    wanted = [record for record, matches in found_in(place).items() if not asks(matches)]
    receipt = images.erase(place, records=wanted, undo=undo)
    assert (receipt.removed, receipt.remaining, receipt.others_untouched) == (len(wanted), 0, True)
    return wanted


def test_the_people_file_says_which_pictures_are_the_persons(photos: Place) -> None:
    found = found_in(photos)
    sure = {record for record, matches in found.items() if not asks(matches)}
    assert {record for record in sure if not record.startswith("people:")} == {"cat/1.png", "dog/1.png"}
    assert sum(record.startswith("people:") for record in sure) == 4
    assert {match.support for match in found["dog/1.png"]} == {"normalised"}
    assert all(match.owner for matches in found.values() for match in matches)


def test_a_picture_with_somebody_else_on_it_is_proposed_with_their_names(photos: Place) -> None:
    (match,) = found_in(photos)["dog/2.png"]
    assert asks([match])
    (row,) = images.records(photos, ["dog/2.png"])
    assert row.fields[match.field][match.start : match.end] == f"{WHO}; carla@post.example"


def test_erasing_takes_pictures_and_lines_and_renames_nobody(photos: Place, tmp_path: Path) -> None:
    before = {row.key: row.raw for row in images.records(photos, None)}
    gone = erased(photos, tmp_path / "undo")
    after = {row.key: row.raw for row in images.records(photos, None)}
    assert after == {key: raw for key, raw in before.items() if key not in gone}
    assert not (Path(photos.location) / "train/cat/1.png").exists()
    assert (Path(photos.location) / "people.csv").read_text() == (
        "cat/2.png,bob@post.example\ndog/2.png,carla@post.example\n"
    )
    kept = [json.loads(line) for line in (tmp_path / "undo").read_text().splitlines()]
    assert {line["key"]: line["raw"].encode("utf-8", "surrogateescape") for line in kept} == {
        key: before[key] for key in gone
    }


def test_a_second_run_finds_nothing_to_do(photos: Place) -> None:
    gone = erased(photos)
    again = images.erase(photos, records=gone)
    assert (again.removed, again.remaining, again.digest_before) == (0, 0, again.digest_after)


def test_what_a_kill_between_pictures_and_lines_left_is_finished(photos: Place, tmp_path: Path) -> None:
    found = found_in(photos)
    gone = [record for record, matches in found.items() if not asks(matches)]
    shelf_of(photos).remove({key for key in gone if is_training(key) and "/" in key})
    receipt = images.erase(photos, records=gone, undo=tmp_path / "undo")
    assert (receipt.remaining, receipt.others_untouched) == (0, True)
    assert not found_in(photos)


def test_nothing_of_the_person_is_left_in_bytes_or_names(photos: Place) -> None:
    assert images.absent(photos, PATTERNS) == 4
    erased(photos)
    assert images.purge(photos, PATTERNS).level == "byte_checked"
    (Path(photos.location) / "train/cat" / f"{WHO}.png").write_bytes(b"")
    assert images.absent(photos, PATTERNS) >= 1  # the name of a file is stored too


def test_copies_under_another_name_are_proposed(photos: Place) -> None:
    folder = Path(photos.location)
    shutil.copy(folder / "train/cat/1.png", folder / "train/dog/copied.png")
    drawn(1, side=48).save(folder / "test/cat/smaller.jpg", quality=80)
    found = found_in(photos)
    assert [match.support for match in found["dog/copied.png"]] == ["content"]
    assert [match.support for match in found["test/cat/smaller.jpg"]] == ["near"]
    assert asks(found["dog/copied.png"] + found["test/cat/smaller.jpg"])
    assert "cat/3.png" not in found


def test_pictures_that_show_next_to_nothing_are_no_copies_of_each_other(photos: Place) -> None:
    folder = Path(photos.location)
    for name, level in (("cat/1.png", 10), ("cat/3.png", 11), ("cat/4.png", 10)):
        drawn(1).point(lambda _, level=level: level).save(folder / "train" / name)
    assert "cat/3.png" not in found_in(photos)  # its bytes are its own
    assert "cat/4.png" in found_in(photos)  # these are the very bytes


def test_names_and_words_of_pictures_are_searched_too(photos: Place) -> None:
    folder = Path(photos.location)
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", f"taken by {WHO}", zip=True)
    drawn(7).save(folder / "train/cat/by.png", pnginfo=words)
    drawn(8).save(folder / "test/cat" / f"{WHO}-2.png")
    exif = Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0of " + WHO.encode()
    drawn(11).save(folder / "train/cat/commented.jpg", exif=exif)
    found = found_in(photos)
    assert asks(found["cat/by.png"] + found["cat/commented.jpg"])
    assert not asks(found[f"test/cat/{WHO}-2.png"])
    assert not is_training(f"test/cat/{WHO}-2.png")


def test_a_picture_named_after_the_person_that_shows_somebody_else_is_proposed(photos: Place) -> None:
    folder = Path(photos.location)
    name = f"cat/{WHO}.png"
    drawn(9).save(folder / "train" / name)
    with (folder / "people.csv").open("a") as handle:
        handle.write(f"{name},dieter@post.example\n")
    assert asks(found_in(photos)[name])


@pytest.mark.parametrize(
    "row", ["../../outside.png", "/etc/passwd", "cat/../../../outside.png", "train/../x.png", "\\"]
)
def test_a_people_file_reaches_nothing_outside_the_folder(photos: Place, row: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    drawn(1).save(outside)
    with (Path(photos.location) / "people.csv").open("a") as handle:
        handle.write(f"{row},{WHO}\n")
    assert "2 rows that are not there" in str(images.describe(photos).detail["searched"])
    erased(photos)
    assert outside.exists()
    assert WHO not in (Path(photos.location) / "people.csv").read_text()


def test_links_and_foreign_files_are_named_and_never_followed(photos: Place, tmp_path: Path) -> None:
    folder = Path(photos.location)
    drawn(50).save(tmp_path / "elsewhere.png")
    os.symlink(tmp_path / "elsewhere.png", folder / "train/cat/linked.png")
    (tmp_path / "class").mkdir()
    os.symlink(tmp_path / "class", folder / "train/zebra")
    (folder / "features.npy").write_bytes(b"\x93NUMPY")
    (folder / "train/cat/thumbs").mkdir()
    drawn(51).save(folder / "train/cat/thumbs/1.png")
    (folder / "README.md").write_text("Pictures of cats.")
    parts = {part.part for part in images.describe(photos).unread}
    assert parts == {"train/cat/linked.png", "train/zebra", "features.npy", "train/cat/thumbs/1.png"}


def test_a_file_with_a_second_name_stops_the_erasure_before_anything_is_gone(photos: Place) -> None:
    folder = Path(photos.location)
    os.link(folder / "train/dog/1.png", folder.parent / "second-name")
    with pytest.raises(NotAllowed):
        images.erase(photos, records=["cat/1.png", "dog/1.png"])
    assert (folder / "train/cat/1.png").exists()


def test_a_torn_people_file_is_said_and_never_rewritten(photos: Place) -> None:
    path = Path(photos.location) / "people.csv"
    path.write_bytes(path.read_bytes() + b'cat/3.png,"open\n\xff\xfe,x\ncat/4.png\n')
    assert len(images.describe(photos).unread) == 3
    (line,) = [record for record in found_in(photos) if record.startswith("people:")][:1]
    with pytest.raises(DamagedArtifact, match="line"):
        images.erase(photos, records=[line])


def test_the_same_line_twice_is_two_records_that_both_go(photos: Place) -> None:
    with (Path(photos.location) / "people.csv").open("a") as handle:
        handle.write(f"cat/1.png,{WHO}\n")
    keys = [row.key for row in images.records(photos, None)]
    assert len(keys) == len(set(keys))
    erased(photos)
    assert WHO not in (Path(photos.location) / "people.csv").read_text()


def test_a_damaged_picture_is_named_and_the_others_are_read(photos: Place) -> None:
    (Path(photos.location) / "train/cat/3.png").write_bytes(b"no picture")
    (part,) = images.describe(photos).unread
    assert part.part == "cat/3.png"
    assert "cat/1.png" in found_in(photos)


def test_pictures_are_not_blanked_and_folders_that_hold_none_are_refused(photos: Place, tmp_path: Path) -> None:
    with pytest.raises(NotErasableHere, match="in part"):
        images.erase(photos, redactions={"cat/1.png": [ALICE]})
    with pytest.raises(SourceUnreachable):
        images.describe(pictured.place(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnreadable):
        images.describe(pictured.place(tmp_path / "empty"))
    with pytest.raises(ConfigurationError):
        images.describe(pictured.place(Path(photos.location), {"people": "../people.csv"}))


def test_a_line_that_a_backup_brought_back_goes_although_its_picture_stays(photos: Place) -> None:
    shared = next(row for row in images.records(photos, ["dog/2.png"]))
    line = next(row for row in images.records(photos, None) if row.fields.get("row") == "dog/2.png")
    spans = {
        row.key: [Span(field, 0, len(WHO), row.digest)] for row, field in ((shared, "people on it"), (line, "person"))
    }
    receipt = images.erase(photos, redactions=spans)
    assert (receipt.removed, receipt.remaining, receipt.others_untouched) == (1, 0, True)
    assert (Path(photos.location) / "train/dog/2.png").exists()
    assert "dog/2.png" not in found_in(photos)


def test_without_a_people_file_the_search_says_what_it_could_not_go_by(photos: Place) -> None:
    (Path(photos.location) / "people.csv").unlink()
    found = images.describe(photos)
    assert "no people file" in str(found.detail["searched"])
    assert (found.records, found.detail["training"], found.detail["fixed"]) == (16, 8, True)


def test_looking_for_what_the_map_leaves_out_asks_nothing_about_pictures(photos: Place) -> None:
    written = Path(photos.location).parent / "systems.yaml"
    entry = {"id": "photos", "name": "Photos", "kind": "dataset", "connector": "images", "location": "photos"}
    entry |= {"entity": "studio", "purpose": "Sort", "lawful_basis": "contract", "retention": "1 year"}
    entity = {"id": "studio", "name": "Studio", "law": ["gdpr"], "country": "DE", "time_zone": "Europe/Berlin"}
    entity |= {"contact": "privacy@studio.example", "authority": "BlnBDI"}
    written.write_text(yaml.safe_dump({"entities": [entity], "artifacts": [entry]}))
    assert list(discovery.discover(catalogue.load(written))) == []


def test_a_class_that_is_called_like_what_is_held_out_is_learned_from(tmp_path: Path) -> None:
    folder = pictured.written(tmp_path / "photos", names=("test", "test-strips"))
    pictured.people(folder, [("test/1.png", WHO), ("test/test/1.png", WHO)])
    keys = [picture.key for picture in shelf_of(pictured.place(folder)).pictures()]
    learned = {key for key in keys if is_training(key)}
    assert learned == set(open_folder(folder).train.ids) and len(learned) == 8
    assert {"test/1.png", "test/test/1.png"} <= found_in(pictured.place(folder)).keys()


@pytest.mark.parametrize(
    "words",
    [
        {0x9C9C: f"{WHO}\0".encode("utf-16-le")},  # Windows' comment
        {0x8769: {0x9286: b"UNICODE\0" + WHO.encode("utf-16-be")}},  # a camera's
        {0x8769: {0x9286: b"UNICODE\0\0" + WHO.encode("utf-16-le")}},
    ],
)
def test_words_in_wide_letters_are_searched_too(photos: Place, words: dict[int, Any]) -> None:
    exif = Exif()
    for tag, value in words.items():
        exif[tag] = value
    drawn(60).save(Path(photos.location) / "train/dog/3.jpg", exif=exif)
    found = found_in(photos)["dog/3.jpg"]
    assert asks(found) and {match.field for match in found} == {"words"}
    assert images.absent(photos, [WHO.encode()]) > images.absent(photos, [b"Alice"])


def test_words_behind_much_else_are_searched_and_too_many_are_named(
    photos: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", f"{'x ' * 50_000}{WHO}", zip=True)
    noise = bytes(range(1, 256)) * 2_000
    drawn(61).save(Path(photos.location) / "train/dog/4.png", pnginfo=told, icc_profile=noise)
    assert {match.field for match in found_in(photos)["dog/4.png"]} == {"words"}
    monkeypatch.setattr(folders, "MOST_WORDS", 1_000)
    assert any("more in words than is read" in part.why for part in images.describe(photos).unread)


def test_what_is_said_of_a_strange_file_can_be_stored_and_names_nobody(photos: Place) -> None:
    home = Path(photos.location) / "train/cat"
    for name in (f"{WHO}.png", "a\nb.png", os.fsdecode(b"\xff.png")):
        (home / name).symlink_to("/nowhere")
    said = [part.why for part in images.describe(photos).unread]
    assert len(said) == 2 and all(why.encode().decode().isprintable() and WHO not in why for why in said)


def test_a_line_that_somebody_adds_during_an_erasure_is_not_lost(photos: Place) -> None:
    people = People(photos)
    with people.path.open("a") as file:
        file.write("cat/3.png,dora@post.example\n")
    with pytest.raises(SourceChanged):
        people.remove({people.lines[0].key})
    assert people.path.read_text().endswith("dora@post.example\n")


def test_what_stops_the_people_file_stops_the_pictures_too(photos: Place) -> None:
    going = set(found_in(photos))
    with (Path(photos.location) / "people.csv").open("a") as file:
        file.write("no line at all\n")
    with pytest.raises(DamagedArtifact):
        images.erase(photos, records=going)
    assert (Path(photos.location) / "train/cat/1.png").is_file()
