"""A company of sixteen real stores, in which one person stands a thousand times: found, erased, gone from the bytes.

Beside her rows each store holds an edited copy of every letter of hers (Jaccard at least 0.8, no identifier in it), and
a stranger's letter that begins like it; the officer's tick of the copies is the erasure's order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compliance.provenance.connectors import NEAR, Receipt, load
from retrieval.types import Needle
from tests.services import planted, twelve
from tests.services import store_servers as running
from tests.services.servers import first_that_starts

pytestmark = [pytest.mark.services, pytest.mark.enable_socket, pytest.mark.slow]
HERS, OTHERS, LETTERS = 63, 90, 20  # in each of sixteen stores: 1,008 times, and 320 near copies
COPIES = [Needle("content", planted.text_of(number), f"content:{number}") for number in range(LETTERS)]
TICKED = [replace(needle, key=f"{needle.key}{NEAR}") for needle in COPIES]
# What the copies say and nobody else does: no byte of it may be left either.
PATTERNS = [
    *(pattern for pattern in planted.patterns() if len(pattern) > 7),
    *(word.encode() for word in (planted.COPIED, planted.COPIED.upper())),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, tuple[twelve.Store, planted.Planted]]]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in running.AWS.items():
            patch.setenv(name, value)
        remedy = "Install mariadb-server-core and mariadb-client-core, or name a server in OUBLI_TEST_MARIADB."
        servers = twelve.Servers(
            stack.enter_context(running.postgresql_with_vectors()).replace("postgresql:", "postgresql+psycopg:"),
            stack.enter_context(first_that_starts(running.MARIADB, remedy=remedy)),
            stack.enter_context(running.redis_that_persists()),
            stack.enter_context(running.object_store()),
        )
        base, made = tmp_path_factory.mktemp("company"), {}
        for name, make in twelve.STORES.items():
            rows = planted.plant(name, hers=HERS, others=OTHERS, letters=LETTERS)
            made[name] = (make(base / name, rows.rows, servers), rows)
        yield made


def names_of(store: twelve.Store) -> dict[str, str]:
    """What each record of the connector is called in the test: its id stands in one of its fields, or begins a line."""
    found = {}
    for row in load(store.place.connector).records(store.place, None):
        texts = [text for text in row.fields.values() if text[:1] == "R" and text[1:5].isdecimal()]
        found[row.key] = texts[0][:5] if texts else row.key
    return found


@dataclass(frozen=True)
class Found:
    """Records of a store by the test's own names: which are hers, which mention her, which nearly say what she says."""

    names: Mapping[str, str]
    own: frozenset[str]
    mentions: frozenset[str]
    near: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        """The names of all that was found."""
        return frozenset(self.names[record] for record in self.own | self.mentions | self.near)

    def orders(self) -> dict[str, list[Needle]]:
        """What is to be blanked where: her identifiers, and in what was ticked the whole text too."""
        asked: dict[str, list[Needle]] = {record: list(planted.NEEDLES) for record in self.mentions}
        return asked | {record: [*planted.NEEDLES, *COPIES, *TICKED] for record in self.near}


def found_in(store: twelve.Store) -> Found:
    """What a search for her identifiers and her letters finds."""
    names = names_of(store)
    every = (*planted.NEEDLES, *COPIES)
    matches = list(load(store.place.connector).find(store.place, every, region=planted.REGION))
    near = {match.record for match in matches if match.needle.endswith(NEAR)}
    own = {match.record for match in matches if match.owner} - near
    mentions = {match.record for match in matches} - near - own
    return Found(names, frozenset(own), frozenset(mentions), frozenset(near))


def erased(store: twelve.Store, found: Found, undo: Path) -> tuple[Receipt, Receipt]:
    """Her records out, mentions and ticked copies blanked (a line of a log goes), then the purge with its search."""
    connector, place = load(store.place.connector), store.place
    going = found.own | (found.near | found.mentions if place.erase_on_mention else frozenset())
    asked = {} if place.erase_on_mention else found.orders()
    receipt = connector.erase(place, records=going, redactions=asked, undo=undo, region=planted.REGION)
    return receipt, connector.purge(place, PATTERNS)


def test_a_person_planted_a_thousand_times_is_found_and_erased_from_every_store(
    company: Mapping[str, tuple[twelve.Store, planted.Planted]], tmp_path: Path
) -> None:
    told = {name: _treated(store, rows, tmp_path / f"{name}.undo") for name, (store, rows) in company.items()}
    planted_times = sum(len(rows.own | rows.mentions) for _, rows in company.values())
    copies = sum(len(rows.near) for _, rows in company.values())
    right, wrong = sum(each.right for each in told.values()), sum(each.wrong for each in told.values())
    near = sum(each.near for each in told.values())
    shown = {
        "planted": planted_times,
        "found": planted_times - sum(each.missed for each in told.values()),
        "near copies": copies,
        "near copies found": near,
        "precision": right / (right + wrong),
        "levels": {name: each.purge.level for name, each in told.items()},
    }
    print(json.dumps(shown))
    assert planted_times >= 1000
    assert {name: each.missed for name, each in told.items() if each.missed} == {}
    assert {name: each.wrong for name, each in told.items() if each.wrong} == {}
    assert {name for name, each in told.items() if each.others_changed} == set()
    assert near >= 0.99 * copies
    for name, each in told.items():
        assert each.receipt.remaining == 0 and each.receipt.others_untouched, name
        assert not each.readable, name
    # A receipt says of its store's bytes what another search of them, by other code, finds there: byte-checked where
    # everything of hers was found, and only there (a copy that no search saw stays, and the level says so).
    assert {name for name, each in told.items() if each.remaining and each.purge.level == "byte_checked"} == set()
    unseen = {name for name, each in told.items() if each.near < LETTERS}
    assert {name for name, each in told.items() if each.purge.level != "byte_checked"} - {"mariadb"} == unseen
    kept = told["mariadb"].purge
    assert kept.level == "byte_checked" or any("common logs" in note for note in kept.notes)


@dataclass(frozen=True)
class Treated:
    """One store's search, erasure and what was left: counts of rows, of bytes, and of what its library still reads."""

    missed: int
    near: int
    right: int
    wrong: int
    others_changed: bool
    receipt: Receipt
    purge: Receipt
    remaining: int
    readable: int


def _treated(store: twelve.Store, rows: planted.Planted, undo: Path) -> Treated:
    before = planted.digest_of_others(store.read(), rows)
    assert len(before) == OTHERS + LETTERS
    found = found_in(store)
    receipt, purge = erased(store, found, undo)
    after = store.read()
    text = json.dumps(after, ensure_ascii=False, default=str)
    again = found_in(store)
    return Treated(
        missed=len((rows.own | rows.mentions) - found.every),
        near=len(rows.near & found.every),
        right=len(found.every & rows.hers),
        wrong=len(found.every - rows.hers),
        others_changed=planted.digest_of_others(after, rows) != before,
        receipt=receipt,
        purge=purge,
        remaining=sum(content.count(pattern) for content in store.bytes_of() for pattern in PATTERNS),
        readable=len(again.every) + sum(spelling in text for spelling in planted.SPELLINGS),
    )
