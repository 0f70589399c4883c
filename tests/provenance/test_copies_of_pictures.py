"""However many copies of a person's pictures there are, each is proposed: none is taken for a form letter."""

from __future__ import annotations

from pathlib import Path

from compliance.provenance import looking
from compliance.provenance.connectors import images
from compliance.provenance.search import Search
from retrieval.types import Needle
from tests.provenance import pictured
from tests.provenance.pictured import WHO, drawn

MANY = looking.MOST_NEAR + 5


def test_a_folder_of_small_copies_is_proposed_whole(tmp_path: Path) -> None:
    folder = pictured.written(tmp_path / "photos", each=1)
    for number in range(MANY):
        picture = drawn(5000 + number, side=64)
        picture.save(folder / f"train/cat/a{number}.png")
        picture.resize((48, 48)).save(folder / f"train/dog/small{number}.jpg", quality=90)
    pictured.people(folder, [(f"cat/a{number}.png", WHO) for number in range(MANY)])
    alice = Needle(kind="email", value=WHO, key="email:request:0")
    search = Search("DE", needles=[alice], trusted={alice.key})
    found = {"photos": looking._by_record(list(images.find(pictured.place(folder), [alice])))}
    assert looking._drop_boilerplate(found, search, []) == {}
    small = [matches for record, matches in found["photos"].items() if "small" in record]
    assert len(small) == MANY
    assert all(search.support(match) == ("near", True) for matches in small for match in matches)
