"""Near copies are found in every kind of store that lies in a folder, and strangers' texts are not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, cast

import pytest

from compliance.provenance.connectors import NEAR, load
from retrieval.types import Needle
from tests.services import planted, twelve

SERVED = {"bucket", "postgresql", "mariadb", "redis"}
TEXTS = 30
NEEDLES = [Needle("content", planted.text_of(number), f"content:{number}") for number in range(TEXTS)]


def rows() -> list[dict[str, Any]]:
    """For each of her texts an edited copy that bears no identifier, and a stranger's that begins alike."""
    chance, found = random.Random(7), list[dict[str, Any]]()
    for number in range(TEXTS):
        text = planted.text_of(number)
        contact = f"p{number}@post.example"
        near = {"id": f"R{number:04d}", "contact": contact, "body": planted.edited(text, chance).replace("\n", " ")}
        far = {"id": f"R{number + 5000:04d}", "contact": contact, "body": planted.decoy(text, chance)}
        found += [{**near, "n": number}, {**far, "n": number + 5000}]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(twelve.STORES) - SERVED))
def test_near_copies_are_found_in_a_store_and_strangers_are_not(name: str, tmp_path: Path) -> None:
    store = twelve.STORES[name](tmp_path / name, rows(), cast(twelve.Servers, None))
    connector = load(store.place.connector)
    texts = {row.key: " ".join(row.fields.values()) for row in connector.records(store.place, None)}
    near = {key for key, text in texts.items() if planted.COPIED in text.lower()}
    assert len(near) == TEXTS
    found = {match.record for match in connector.find(store.place, NEEDLES) if match.needle.endswith(NEAR)}
    assert len(found & near) >= 0.99 * TEXTS
    assert found <= near
