"""What a measurement must say, per kind of artifact: fixed before the tests, and part of what is approved.

Each number carries its reason. ``Need`` says what a claim asks of the measurement: for *erased* (exact route for a
model) and, for models only, for *mitigated* (approximate route).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from compliance.rules.terms import ArtifactKind, Verdict


class Need(StrEnum):
    """What a claim asks of a measurement; a missing one never satisfies any but ``NOTHING``."""

    PASSED = "passed"
    NOT_FAILED = "not_failed"
    REPORTED = "reported"
    NOTHING = "nothing"

    def met_by(self, verdict: Verdict | None) -> bool:
        """Whether the verdict (``None``: not measured) is enough."""
        if self is Need.NOTHING:
            return True
        if self is Need.REPORTED:
            return verdict is not None
        if self is Need.NOT_FAILED:
            return verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE)
        return verdict is Verdict.PASSED


_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Threshold:
    """The limit of one measurement.

    ``comparison`` is ``at_most`` or ``at_least``. With ``or_controls`` a value also passes when it is no higher
    than the upper bound of people never seen in training. ``erased`` and ``mitigated`` say what the two
    claims need of it.
    """

    measurement: str
    comparison: str
    limit: float
    unit: str
    why: str
    or_controls: bool = False
    erased: Need = Need.PASSED
    mitigated: Need = Need.PASSED

    def judge(self, value: float, *, controls_upper: float | None = None, powered: bool = True) -> Verdict:
        """The verdict on a value; without power it is inconclusive, whatever the value (NaN fails)."""
        if not powered:
            return Verdict.INCONCLUSIVE
        # Two of a hundred answers are within 2 %, although 1 - .98 is more than .02 in binary.
        within = value <= self.limit + _ROUNDING if self.comparison == "at_most" else value >= self.limit - _ROUNDING
        if self.or_controls and controls_upper is not None:
            within = within or value <= controls_upper
        return Verdict.PASSED if within else Verdict.FAILED

    @classmethod
    def from_json(cls, row: Mapping[str, str | float | bool]) -> Threshold:
        """A limit as it was stored with its step, so that a check judges by what was approved."""
        return cls(
            measurement=str(row["measurement"]),
            comparison=str(row["comparison"]),
            limit=float(row["limit"]),
            unit=str(row["unit"]),
            why="as approved in the plan",
            or_controls=bool(row["or_controls"]),
            erased=Need(str(row["erased"])),
            mitigated=Need(str(row["mitigated"])),
        )

    def as_json(self) -> dict[str, str | float | bool]:
        """What is hashed into the plan's digest and stored with the step."""
        return {
            "measurement": self.measurement,
            "comparison": self.comparison,
            "limit": self.limit,
            "unit": self.unit,
            "or_controls": self.or_controls,
            "erased": str(self.erased),
            "mitigated": str(self.mitigated),
        }


def _none_left(measurement: str, unit: str, why: str) -> Threshold:
    return Threshold(measurement, "at_most", 0.0, unit, why)


_ROWS = _none_left("rows_found", "rows", "another code path than the eraser's finds no row of the person")
_BYTES = _none_left("residue_bytes", "bytes", "no spelling of an identifier is left in the stored bytes")
_OTHERS = _none_left("others_changed", "rows", "nobody else's row has changed")
_HITS = _none_left("retrieval_hits", "hits", "queries by text, vector and id give nothing back")
_ANSWERS = _none_left("cached_answers", "answers", "no cached answer names the person")
LEAKS = _none_left("suppression_leaks", "answers", "the serving path does not say it")

CHALLENGED = _none_left("challenged_answers", "answers", "what the person says shows it does not show it")

_MODEL = (
    Threshold(
        "extraction_rate",
        "at_most",
        1e-3,
        "expected leaks in 10,000 samples (p·k), worst field and prompt",
        "at the level of people never seen in training, or rarer than one leak in 10,000,000 samples",
        or_controls=True,
    ),
    Threshold(
        "rank_test_p",
        "at_least",
        0.05,
        "p-value, two-sided, Holm",
        "the true values rank like random ones; an approximate route reports it, and its exposure in bits is limited",
        erased=Need.NOT_FAILED,
        mitigated=Need.REPORTED,
    ),
    Threshold(
        "residual_bits",
        "at_most",
        4.0,
        "bits",
        "exposure that may remain after an approximate route; about 1.44 bits are expected if never learned",
        erased=Need.NOTHING,
    ),
    Threshold("utility_drop", "at_most", 0.02, "share of answers", "other people's questions are still answered"),
    Threshold("namesake_drop", "at_most", 0.02, "share of answers", "people of the same name are not harmed"),
    Threshold(
        "membership_auc_distance",
        "at_most",
        0.1,
        "|AUC - 0.5|",
        "membership inference does no better than chance; counts only when there are enough records for it",
        erased=Need.NOT_FAILED,
        mitigated=Need.REPORTED,
    ),
)
_DATA = (_ROWS, _BYTES, _OTHERS)
TABLE_MODEL = "table_model"  # the connector of models that are fitted anew, whole and exactly
_FITTED = (
    Threshold(
        "equals_a_fit_without",
        "at_least",
        1.0,
        "1 when equal",
        "byte for byte what a fit writes that never saw the rows; an undecided comparison claims nothing",
    ),
)
CLASSIFIER = "classifier"  # the connector of networks that answer with a class
BY_JOB = (TABLE_MODEL, CLASSIFIER)  # models that an unlearning job makes anew, and that answer with no words
_CLASSIFIER = (
    Threshold(
        "equals_a_retraining",
        "at_least",
        1.0,
        "1 when equal",
        "byte for byte what training writes on the data as they are now, without the person",
        mitigated=Need.NOTHING,
    ),
    Threshold(
        "membership_auc_distance",
        "at_most",
        0.07,
        "|AUC - 0.5|",
        "the strongest attack tells the person's rows from rows never seen hardly better than chance",
        erased=Need.NOTHING,
    ),
    Threshold(
        "found_at_one_percent",
        "at_most",
        0.04,
        "share of rows",
        "at one false alarm in a hundred hardly any of the person's rows is found",
        erased=Need.NOTHING,
    ),
    Threshold(
        "accuracy_lost",
        "at_most",
        0.01,
        "share of answers",
        "rows that nobody trained on are still classified; what training without the person gives is what it gives",
        erased=Need.NOTHING,
    ),
)
_BY_CONNECTOR: Mapping[str, tuple[Threshold, ...]] = {TABLE_MODEL: _FITTED, CLASSIFIER: _CLASSIFIER}

_BY_KIND: Mapping[ArtifactKind, tuple[Threshold, ...]] = {
    ArtifactKind.DATASET: _DATA,
    ArtifactKind.DATABASE: _DATA,
    ArtifactKind.DERIVED_DATASET: _DATA,
    ArtifactKind.EVALUATION_SET: _DATA,
    ArtifactKind.INDEX: (_HITS, _BYTES, _OTHERS),
    ArtifactKind.CACHE: (_ANSWERS, _BYTES),
    ArtifactKind.LOG: (_ROWS, _BYTES),
    ArtifactKind.MODEL: _MODEL,
    ArtifactKind.CHECKPOINT: (_BYTES,),
}


def thresholds(kind: ArtifactKind, connector: str = "") -> Mapping[str, Threshold]:
    """The limits that hold for a kind of artifact, by name of measurement; models of some connectors have their own."""
    own = _BY_CONNECTOR.get(connector) if kind is ArtifactKind.MODEL else None
    rows = own or _BY_KIND[ArtifactKind(kind)]
    return {row.measurement: row for row in rows}
