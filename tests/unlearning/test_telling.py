"""What a verb tells whoever typed it: figures and reasons in words, and nothing that a person or a model said."""

from __future__ import annotations

from dataclasses import dataclass

from unlearning.telling import told
from unlearning.types import AuditResult, Measurement, Outcome


@dataclass(frozen=True)
class Said:
    """As verbs that put questions return it."""

    asked: int
    answers: tuple[dict[str, str], ...]
    text: str


def test_an_audit_says_its_verdict_first_then_each_figure_with_its_span() -> None:
    found = Measurement("extraction", "person", 0.25, 8, 0.0319, 0.65)
    result = AuditResult("d", "", (found,), (), "failed", ("two of eight values came",), 0, 1.0, 1.0, {"torch": "2"})
    lines = list(told(result))
    assert lines[:3] == ["verdict: failed", "reasons:", "  - two of eight values came"]
    assert any(line.split() == ["extraction", "·", "person", "0.25", "of", "8", "[0.0319,", "0.65]"] for line in lines)
    assert not any("torch" in line for line in lines)


def test_what_was_done_stands_in_words_with_its_details() -> None:
    done = Outcome("replay", "new", "d", "w", "b", 40, 1.25, 1.0, "exact", {}, {"rows_excluded": 5})
    lines = list(told(done))
    assert "exactness: exact" in lines
    assert "detail: rows_excluded 5" in lines


def test_answers_and_texts_are_counted_and_not_shown() -> None:
    lines = "\n".join(told(Said(2, ({"answer": "0151 2345678"}, {"answer": "none"}), "call 0151 2345678")))
    assert "0151" not in lines
    assert "answers: 2 (whole in the file of --json)" in lines
