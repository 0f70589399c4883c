"""What every store promises, as functions that any store's test may call; the servers' tests call the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import MARK, Receipt, load
from tests.provenance.places import ALICE, PATTERNS
from tests.provenance.stores import Made

OTHERS = ("T-1", "T-5")
KEPT = {"T-1": "My box hums.", "T-3": f"Ask {MARK}, she knows — ção", "T-5": "Line one\nline two"}


def keys_of(made: Made) -> Mapping[str, str]:
    """Our name of each ticket: stores that name records themselves carry the id in a field."""
    rows = load(made.place.connector).records(made.place, None)
    found = {}
    for row in rows:
        known = [text for text in row.fields.values() if text.startswith("T-") and len(text) == 3]
        found[(known or [row.key])[0]] = row.key
    return found


def erase_alice(made: Made, keys: Mapping[str, str], undo: Path | None = None) -> Receipt:
    """Her records go, a mention is blanked."""
    connector = load(made.place.connector)
    redactions = {keys["T-3"]: [ALICE]}
    return connector.erase(made.place, records=[keys["T-2"], keys["T-4"]], redactions=redactions, undo=undo)


def finds_her_and_tells_mentions_apart(made: Made) -> None:
    names = {key: name for name, key in keys_of(made).items()}
    found = {(names[m.record], m.owner, m.support) for m in load(made.place.connector).find(made.place, [ALICE])}
    assert found == {("T-2", True, "normalised"), ("T-4", True, "exact"), ("T-3", False, "normalised")}


def follows_lineage(made: Made) -> None:
    names = {key: name for name, key in keys_of(made).items()}
    derived = load(made.place.connector).find_derived(made.place, {"P-2", "P-9"})
    assert {names[match.record] for match in derived} == {"T-2", "T-4"}


def describing_changes_nothing(made: Made) -> None:
    connector = load(made.place.connector)
    first = connector.describe(made.place)
    assert (first.records, first.unread) == (5, ())
    assert connector.describe(made.place).digest == first.digest


def erases_her_and_nobody_else(made: Made, undo: Path) -> None:
    """The level is what a search found: nothing is byte_checked before the purge, and all of it after."""
    connector, before, keys = load(made.place.connector), dict(made.bodies()), keys_of(made)
    assert connector.absent(made.place, PATTERNS) >= 3
    receipt = erase_alice(made, keys, undo)
    assert (receipt.removed, receipt.redacted, receipt.remaining) == (2, 1, 0)
    assert (receipt.records_before, receipt.records_after, receipt.others_untouched) == (5, 3, True)
    assert receipt.others_before.startswith("2:")
    assert receipt.level in ("logically_deleted", "rewritten")
    assert len(undo.read_bytes().splitlines()) == 3
    after = made.bodies()
    assert after == KEPT
    assert {name: after[name] for name in OTHERS} == {name: before[name] for name in OTHERS}


def purges_to_the_bytes(made: Made) -> Receipt:
    connector = load(made.place.connector)
    erase_alice(made, keys_of(made))
    receipt = connector.purge(made.place, PATTERNS)
    assert receipt.level == "byte_checked", receipt
    assert connector.absent(made.place, PATTERNS) == 0
    assert list(connector.find(made.place, [ALICE])) == []
    assert made.bodies() == KEPT
    return receipt


def repeats_without_effect(made: Made) -> None:
    keys: dict[str, Any] = dict(keys_of(made))
    first = erase_alice(made, keys)
    second = erase_alice(made, keys)
    assert (second.removed, second.redacted, second.remaining) == (0, 0, 0)
    assert second.digest_before == second.digest_after == first.digest_after


PROMISES = (
    finds_her_and_tells_mentions_apart,
    follows_lineage,
    describing_changes_nothing,
    purges_to_the_bytes,
    repeats_without_effect,
)
