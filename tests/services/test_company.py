"""A company of sixteen real stores, in which one person stands a thousand times: found, erased, gone from the bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from compliance.provenance.connectors import Receipt, load
from tests.services import planted, twelve
from tests.services import store_servers as running
from tests.services.servers import first_that_starts

pytestmark = [pytest.mark.services, pytest.mark.enable_socket, pytest.mark.slow]
HERS, OTHERS = 63, 90  # in each of sixteen stores: 1,008 times


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
            rows = planted.plant(name, hers=HERS, others=OTHERS)
            made[name] = (make(base / name, rows.rows, servers), rows)
        yield made


def names_of(store: twelve.Store) -> dict[str, str]:
    """What each record of the connector is called in the test: its id stands in one of its fields, or begins a line."""
    found = {}
    for row in load(store.place.connector).records(store.place, None):
        texts = [text for text in row.fields.values() if text[:1] == "R" and text[1:5].isdecimal()]
        found[row.key] = texts[0][:5] if texts else row.key
    return found


def found_in(store: twelve.Store) -> tuple[dict[str, str], dict[str, bool]]:
    """Records by name, and of those that were found whether they are hers."""
    names = names_of(store)
    matches = load(store.place.connector).find(store.place, planted.NEEDLES, region=planted.REGION)
    owner: dict[str, bool] = {}
    for match in matches:
        owner[match.record] = owner.get(match.record, False) or match.owner
    return names, owner


def erased(store: twelve.Store, undo: Path) -> tuple[Receipt, Receipt]:
    """Her records out, mentions blanked, then the purge with its search."""
    connector, place = load(store.place.connector), store.place
    _, owner = found_in(store)
    own = [record for record, hers in owner.items() if hers]
    mentions = {record: list(planted.NEEDLES) for record, hers in owner.items() if not hers}
    receipt = connector.erase(place, records=own, redactions=mentions, undo=undo, region=planted.REGION)
    return receipt, connector.purge(place, planted.patterns())


def test_a_person_planted_a_thousand_times_is_found_and_erased_from_every_store(
    company: Mapping[str, tuple[twelve.Store, planted.Planted]], tmp_path: Path
) -> None:
    planted_times = sum(len(rows.hers) for _, rows in company.values())
    assert planted_times >= 1000
    missed, wrong, changed, remaining, levels = {}, {}, {}, {}, {}
    for name, (store, rows) in company.items():
        before = planted.digest_of_others(store.read(), rows)
        names, owner = found_in(store)
        found = {names[record] for record in owner}
        missed[name], wrong[name] = sorted(rows.hers - found), sorted(found - rows.hers)
        receipt, purge = erased(store, tmp_path / f"{name}.undo")
        assert receipt.remaining == 0, name
        assert receipt.others_untouched, name
        changed[name] = planted.digest_of_others(store.read(), rows) != before
        remaining[name] = sum(_occurrences(folder) for folder in store.folders)
        levels[name] = (purge.level, purge.notes)
        assert found_in(store)[1] == {}, name
    print(json.dumps({"planted": planted_times, "levels": {name: level for name, (level, _) in levels.items()}}))
    assert not any(missed.values()), missed
    assert not any(wrong.values()), wrong
    assert not any(changed.values()), changed
    assert not any(remaining.values()), remaining
    assert {name for name, (level, _) in levels.items() if level != "byte_checked"} <= {"mariadb"}, levels
    level, notes = levels["mariadb"]
    assert level == "byte_checked" or any("common logs" in note for note in notes)


def _occurrences(folder: Path) -> int:
    """A search of the test's own: raw bytes only, every file, every planted spelling."""
    raw = (path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return sum(content.count(pattern) for content in raw for pattern in planted.patterns() if len(pattern) > 7)
