"""The pages made from code are complete, current and honest about what they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.rules import documents
from compliance.rules.jurisdictions import TABLE, load
from compliance.rules.terms import State

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "make"),
    [
        ("lifecycle.md", documents.lifecycle_markdown),
        ("glossary.md", documents.glossary_markdown),
        ("law.md", documents.law_markdown),
    ],
)
def test_the_page_is_what_the_code_makes(page: str, make: Callable[[], str]) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == make()


def test_the_law_says_that_it_is_no_advice_and_marks_what_counsel_must_confirm() -> None:
    page = documents.law_markdown()
    assert "not legal advice" in page
    unreviewed = [rule for law in TABLE for rule in load(law).RULES if not rule.reviewed]
    rows = [line for line in page.splitlines() if line.startswith("|") and "~ have counsel confirm" in line]
    assert len(rows) == len(unreviewed) == 3


def test_every_rule_is_on_the_page_with_its_article() -> None:
    page = documents.law_markdown()
    for law in TABLE:
        for rule in load(law).RULES:
            assert f"| {rule.text} | {rule.article} |" in page


def test_the_lifecycle_page_has_a_row_for_every_state() -> None:
    rows = [line for line in documents.lifecycle_markdown().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(State)


def test_the_glossary_holds_every_stored_term() -> None:
    page = documents.glossary_markdown()
    for enum in documents._ENUMS:
        for value, label in enum.choices():
            assert f"| `{value}` | {label} |" in page


def test_every_enum_of_terms_is_in_the_glossary() -> None:
    from compliance.rules import terms

    assert set(terms.Term.__subclasses__()) == set(documents._ENUMS)
