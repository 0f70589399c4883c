"""What imports cannot say: every name in every table resolves and keeps its contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any

import pytest

import retrieval.indexes
import unlearning.attacks
import unlearning.methods
import unlearning.metrics
import unlearning.verbs
from compliance.mitigation import actions
from compliance.provenance import connectors
from compliance.provenance.connectors import formats
from compliance.provenance.connectors.embedding import EMBEDDERS
from compliance.rules import jurisdictions, lifecycle, routes
from compliance.rules.affected import Row
from compliance.rules.terms import ArtifactKind, Law, State, Turn, Work
from compliance.settings import BASE_DIR
from compliance.validation import checks
from compliance.worker import handlers

CONTRACTS: dict[str, tuple[Mapping[Any, str], type]] = {
    "connectors": (connectors.TABLE, connectors.Connector),
    "formats": (formats.TABLE, formats.Format),
    "actions": (actions.TABLE, actions.Action),
    "jurisdictions": (jurisdictions.TABLE, jurisdictions.Jurisdiction),
    "indexes": (retrieval.indexes.INDEXES, retrieval.indexes.Store),
    "verbs": (unlearning.verbs.TABLE, unlearning.verbs.Verb),
}
CALLABLES: dict[str, tuple[Mapping[Any, str], Callable[..., Any]]] = {
    "handlers": (handlers.TABLE, lambda request, progress: None),
    "metrics": (unlearning.metrics.TABLE, lambda examined: None),
    "attacks": (unlearning.attacks.TABLE, lambda examined, *, benign: None),
}


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_module_in_a_table_offers_what_its_contract_asks_for(table: str) -> None:
    names, contract = CONTRACTS[table]
    assert names
    for name in names.values():
        module = resolve_name(name)
        for member in _members(contract):
            assert hasattr(module, member), f"{name} has no {member}"
            _takes_the_same(getattr(contract, member, None), getattr(module, member), f"{name}.{member}")


@pytest.mark.parametrize("table", CALLABLES)
def test_every_function_in_a_table_can_be_called_as_its_contract_says(table: str) -> None:
    names, contract = CALLABLES[table]
    assert names
    for name in names.values():
        _takes_the_same(contract, resolve_name(name), name)


def test_every_method_is_a_method_with_a_source() -> None:
    for name in unlearning.methods.TABLE:
        method = unlearning.methods.load(name)
        assert isinstance(method, unlearning.methods.Method)
        assert method.source, name


def test_every_check_measures() -> None:
    assert set(checks.TABLE) == set(ArtifactKind)
    for kind in ArtifactKind:
        assert checks.load(kind), kind
        for check in checks.load(kind):
            _takes_the_same(lambda subject: None, check.measure, str(check))


def test_every_embedder_resolves() -> None:
    for name in EMBEDDERS.values():
        assert callable(resolve_name(name))


def test_every_law_and_every_work_has_its_line() -> None:
    assert set(jurisdictions.TABLE) == set(Law)
    assert set(handlers.TABLE) | set(handlers.STANDING) == set(Work)
    assert set(handlers.TABLE).isdisjoint(handlers.STANDING)
    assert all(callable(handlers.standing(work)) for work in handlers.STANDING)
    assert all(jurisdictions.load(law).LAW is law for law in Law)


def test_every_action_that_planning_names_exists_and_every_action_is_named() -> None:
    planned = {row.action for rows in routes.TABLE.values() for row in rows}
    planned |= {value.action for value in vars(routes).values() if isinstance(value, Row)}
    assert planned == set(actions.TABLE)


def test_every_state_has_an_owner_a_label_and_its_letter_in_every_language() -> None:
    for state in State:
        row = lifecycle.stage(state)
        assert isinstance(row.turn, Turn)
        assert state.label
        for language in ("en", "pt-br") if row.letter else ():
            path = BASE_DIR / "templates" / "letters" / f"{str(row.letter).lower()}.{language}.txt"
            assert path.read_text("utf-8").strip(), path.name


def _members(contract: type) -> list[str]:
    own = {name for name in vars(contract) if not name.startswith("_")} | set(contract.__annotations__)
    return sorted(own)


def _takes_the_same(contract: Any, offered: Any, name: str) -> None:
    """What the contract passes by place has its place, what it passes by name has its name, and no more is demanded."""
    if not inspect.isfunction(contract):
        return
    places, names, _ = _parameters(contract)
    offered_places, offered_names, demanded = _parameters(offered)
    assert len(places) <= len(offered_places), f"{name} takes {offered_places}, the contract passes {places}"
    assert set(names) <= {*offered_names, *offered_places}, f"{name} does not take {set(names) - set(offered_names)}"
    assert demanded <= {*names, *offered_places[: len(places)]}, f"{name} demands more: {demanded}"


def _parameters(function: Any) -> tuple[list[str], list[str], set[str]]:
    """(by place, by name only, demanded)"""
    found = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    places = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = [p.name for p in found if p.kind is p.KEYWORD_ONLY]
    return places, names, {p.name for p in found if p.default is p.empty and p.name in (*places, *names)}
