"""What an index says of an erase before it is in the plan that people approve; what is refused is not planned."""

from dataclasses import replace
from datetime import date

import pytest

from compliance.rules.affected import Fact
from compliance.rules.planning import Affected, PlannedStep, plan
from compliance.rules.terms import ArtifactKind

INDEX = Affected("i1", "ticket index", ArtifactKind.INDEX, exact=12, rows_total=4000, connector="vector_index")
ASKED: dict[str, Fact] = {"records": "these", "index_of": "these", "index_mends": False}


def planned(**facts: Fact) -> dict[str, PlannedStep]:
    steps = plan([replace(INDEX, facts={**ASKED, **facts})], today=date(2026, 11, 20))
    return {step.action: step for step in steps}


def test_an_index_that_was_not_asked_is_planned_as_ever() -> None:
    steps = {step.action: step for step in plan([INDEX], today=date(2026, 11, 20))}
    assert list(steps) == ["hide_from_index", "rebuild_index", "destroy_undo"]
    assert steps["rebuild_index"].cost == "one rewrite of 4,000 rows"
    assert "foreseen" not in steps["rebuild_index"].parameters


@pytest.mark.parametrize("level", ["scrubbed", "repaired"])
def test_what_goes_in_place_costs_no_rewrite(level: str) -> None:
    step = planned(index_level=level, index_level_all=level)["rebuild_index"]
    assert "overwritten where they stand" in step.reason
    assert step.cost == "a few bytes for each entry"
    assert step.parameters["foreseen"] == level


def test_an_index_from_which_nothing_can_be_erased_is_hidden_alone_and_it_is_said() -> None:
    steps = planned(index_level="refused", index_level_all="refused", index_why="Its kind is not known here.")
    assert list(steps) == ["hide_from_index"]
    said = steps["hide_from_index"].reason
    assert "cannot be erased from it as it is: Its kind is not known here. Nothing else is planned" in said
    assert "look again" in said and "until they are erased" not in said


@pytest.mark.parametrize(("mends", "said"), [(True, "embedded again"), (False, "claim no more than that")])
def test_what_an_index_learned_with_them_is_in_the_plan(mends: bool, said: str) -> None:
    step = planned(index_level="partial", index_level_all="partial", index_mends=mends)["rebuild_index"]
    assert "learned with these too" in step.reason
    assert said in step.reason


def test_of_other_records_than_were_asked_about_the_weakest_is_said() -> None:
    facts: dict[str, Fact] = {"index_level": "scrubbed", "index_level_all": "partial"}
    assert planned(**facts)["rebuild_index"].parameters["foreseen"] == "scrubbed"
    assert planned(**facts, records="others, after a tick")["rebuild_index"].parameters["foreseen"] == "partial"
