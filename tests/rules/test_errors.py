"""Errors say what was being done and what the reader can do, and never who."""

import copy

import pytest

from compliance.rules import errors
from compliance.rules.errors import ConfigurationError, NoSpace, OubliError, PlanChanged, SourceUnreachable, TooOften


def tree(kind: type[OubliError] = OubliError) -> list[type[OubliError]]:
    return [
        kind,
        *(leaf for child in kind.__subclasses__() for leaf in tree(child) if leaf.__module__ == errors.__name__),
    ]


def test_every_error_is_drawn_in_the_docstring() -> None:
    assert errors.__doc__ is not None
    assert len(tree()) > 15
    for kind in tree():
        assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("kind", tree())
def test_every_error_survives_being_taken_apart_and_rebuilt(kind: type[OubliError]) -> None:
    here = kind("Reading the index.")
    there = copy.copy(here)
    assert (type(there), str(there), there.next_action) == (kind, str(here), here.next_action)


def test_an_error_without_its_own_advice_still_says_what_to_do() -> None:
    assert str(PlanChanged("Approving plan 3: it was changed.")).endswith("have it approved again.")


def test_only_what_heals_by_itself_is_retried() -> None:
    assert {kind for kind in tree() if kind.retryable} == {SourceUnreachable, NoSpace, TooOften}


@pytest.mark.parametrize("secret", ["alice@example.org", "+49 151 234 567 89", "Alice.M+x@mail.example.com"])
def test_an_identifier_that_slips_into_a_message_is_blanked(secret: str) -> None:
    error = OubliError(f"Erasing {secret} from tickets.", next_action=f"Look for {secret}.")
    assert secret not in str(error) + repr(error) + error.cause + error.next_action
    assert "tickets" in str(error)


def test_a_configuration_error_names_file_line_and_remedy() -> None:
    error = copy.copy(ConfigurationError("no kind", file="systems.yaml", line=7, remedy="Add kind."))
    assert str(error) == "systems.yaml, line 7: no kind Add kind."
    assert (error.file, error.line, error.remedy) == ("systems.yaml", 7, "Add kind.")
