"""The dossier: one form of bytes, a published schema, thresholds that judge, and no identifier of a person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from compliance.evidence import canonical
from compliance.evidence.dossier import Dossier, Residual
from compliance.evidence.errors import PersonalData, UnreadablePack
from compliance.evidence.gathering import flat
from compliance.evidence.thresholds import Quantity, Threshold
from compliance.rules.terms import ArtifactKind, Verdict
from compliance.rules.thresholds import thresholds

SCHEMA = Path(__file__).parents[2] / "docs" / "dossier.schema.json"


def test_a_dossier_survives_the_way_to_bytes_and_back(dossier: Dossier) -> None:
    data = canonical.to_json(dossier)
    again = canonical.from_json(data)
    assert again == dossier
    assert canonical.to_json(again) == data


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == canonical.schema()


def test_the_dossier_follows_the_published_schema_and_a_damaged_one_does_not(dossier: Dossier) -> None:
    value: dict[str, Any] = json.loads(canonical.to_json(dossier))
    validator = Draft202012Validator(canonical.schema())
    validator.check_schema(canonical.schema())
    assert not list(validator.iter_errors(value))
    for damaged in ({**value, "claims": "all"}, {**value, "extra": 1}, {**value, "weakest": "compliant"}):
        assert list(validator.iter_errors(damaged))


@pytest.mark.parametrize("text", ["Wrote to alice@example.org", "Called +49 30 1234 5678"])
def test_a_dossier_with_an_identifier_is_not_written(dossier: Dossier, text: str) -> None:
    with pytest.raises(PersonalData, match=r"residuals\[0\].what") as caught:
        canonical.to_json(replace(dossier, residuals=(Residual(what=text),)))
    assert text.split()[-1] not in str(caught.value)


def test_a_figure_that_is_no_number_is_not_written(dossier: Dossier) -> None:
    broken = replace(dossier.measurements[0], after=Quantity(value=float("nan")))
    with pytest.raises(ValueError, match="not finite"):
        canonical.to_json(replace(dossier, measurements=(broken,)))


def test_another_schema_version_or_shape_is_refused(dossier: Dossier) -> None:
    value = json.loads(canonical.to_json(dossier))
    with pytest.raises(UnreadablePack, match="version 1"):
        canonical.from_plain({**value, "schema_version": 2})
    with pytest.raises(UnreadablePack, match="schema"):
        canonical.from_json(json.dumps({**value, "surprise": 1}).encode())


@pytest.mark.parametrize(
    ("text", "value", "verdict"),
    [
        ("<= 0.02", Quantity(value=0.02), Verdict.PASSED),
        ("<= 0.02", Quantity(value=0.021), Verdict.FAILED),
        ("high <= 0.12, n >= 40", Quantity(value=0.0, low=0.0, high=0.088, n=40), Verdict.PASSED),
        ("high <= 0.12, n >= 40", Quantity(value=0.0, low=0.0, high=0.088, n=39), Verdict.INCONCLUSIVE),
        ("high <= 0.12", Quantity(value=0.0), Verdict.INCONCLUSIVE),
        ("low ≥ 0.8", Quantity(value=0.9, low=0.79, high=0.99), Verdict.FAILED),
        ("== 0", Quantity(value=0.0), Verdict.PASSED),
        ("== 0", None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_threshold_judges_the_bound_that_it_names(text: str, value: Quantity | None, verdict: Verdict) -> None:
    threshold = Threshold.parse(text)
    assert threshold is not None
    assert threshold.judge(value) is verdict


def test_a_threshold_in_words_is_not_guessed_at() -> None:
    assert Threshold.parse("about as low as the controls") is None


@pytest.mark.parametrize("kind", list(ArtifactKind))
def test_the_plans_thresholds_judge_here_as_they_do_in_the_rules(kind: ArtifactKind) -> None:
    for rule in thresholds(kind).values():
        mine = Threshold.from_plan(rule.as_json(), controls_upper=0.05)
        for value in (-1.0, 0.0, 0.0005, 0.02, 0.04, 0.06, 0.5, 3.9, 5.0):
            for powered in (True, False):
                theirs = rule.judge(value, controls_upper=0.05, powered=powered)
                assert mine.judge(Quantity(value=value), powered=powered) is theirs


def test_figures_of_a_receipt_are_words_and_no_program_text() -> None:
    figures = [
        {"name": "shards learned again", "value": 2, "n": 4, "low": None, "high": None, "note": ""},
        {"name": "held-out accuracy", "value": 0.98333, "n": 60, "low": None, "high": None, "note": "before"},
    ]
    told = flat({"exactness": "exact", "figures": figures, "notes": ["none remains"]})
    assert told["figures"] == "shards learned again: 2 (n = 4); held-out accuracy (before): 0.983 (n = 60)"
    assert told["notes"] == "none remains"
