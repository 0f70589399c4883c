"""Measurements -> the strongest sentence that may be said about an artifact, and not one word more.

The rules, in the order in which they are tried (a level needs its own evidence):

1. the entity is processor: *forwarded*; an exemption holds: *kept*.
2. *erased*, or *partly* where an officer left pictures that show others too: every step that changes the artifact is
   done (for a model by an exact route, and promoted), every check that the plan expects says what *erased* needs, and
   recovery copies are gone or have a date.
3. *mitigated* (models): the steps are done by any route, the exposure in bits is measured and below its limit; for a
   classifier, the attacks that could tell its training rows before can no longer.
4. *suppressed*: the suppression is active and a probe through the serving path came back empty, or all is as in 2
   but the store has only marked the records as deleted, or keeps what an index learned with them. Never as 2 or 3.
5. *scheduled*: what is not done has a date.
6. *cannot be shown*: all else. A missing check counts as a failed one; "not enough power" is a result and is said.

A part that could not be read keeps an artifact from 2, and one in which nothing was found is 6. A server whose own
files were out of reach may be 2, and the claim says so.

A measurement that nobody expected lowers the claim when it failed, and never raises it.
"""

from __future__ import annotations

from collections.abc import Iterable

from compliance.rules.errors import InvalidInput
from compliance.rules.proof import Claim, Evidence, MeasurementResult, Plain, StepResult
from compliance.rules.sentences import LANGUAGES, sentence, sentences
from compliance.rules.terms import ArtifactKind, ClaimLevel, StepStatus, Verdict
from compliance.rules.thresholds import BY_JOB, CLASSIFIER, Need, thresholds

__all__ = [
    "LANGUAGES",
    "Claim",
    "Evidence",
    "MeasurementResult",
    "StepResult",
    "at_least_as_strong",
    "claim",
    "sentence",
    "sentences",
    "weakest",
]

SUPPRESSING = frozenset({"suppress_output", "hide_from_index"})
CHANGING = frozenset(
    {
        "erase_records",
        "redact_records",
        "rebuild_index",
        "purge_cache",
        "purge_log",
        "replay_model",
        "unlearn_model",
        "promote_model",
    }
)
MAKING = ("replay_model", "unlearn_model")  # what makes a model anew; which route it took, the step says
UNDO = "destroy_undo"
LEVELS = ("hidden", "logically_deleted", "learned_kept", "rewritten", "byte_checked")  # of a receipt, weakest first
_WEAK = LEVELS[:3]
_KEPT = "learned_kept"  # the records are gone, and what an index learned from all of them together is not
_DONE = (ClaimLevel.ERASED, ClaimLevel.PARTLY)
_STRENGTH = tuple(ClaimLevel)
_PROBE = {ArtifactKind.INDEX: "retrieval_hits"}


def claim(evidence: Evidence) -> Claim:
    """The claim that the evidence earns; raises ``InvalidInput`` when a measurement's name occurs twice."""
    _check_names(evidence)
    if any(step.action == "forward_to_controller" for step in evidence.steps):
        return _forwarded(evidence)
    if evidence.exemption is not None:
        return _claim(evidence, ClaimLevel.KEPT, "kept", exemption=str(evidence.exemption))
    against_erased = _against_erased(evidence)
    if not against_erased:
        return _claim(evidence, ClaimLevel.PARTLY if evidence.left else ClaimLevel.ERASED, _erased_key(evidence))
    against_mitigated = _against_mitigated(evidence)
    if not against_mitigated:
        return _mitigated(evidence, against_erased)
    if against_erased == _marked(evidence):
        key = _KEPT if _level(evidence) == _KEPT else "marked_deleted"
        return _claim(evidence, ClaimLevel.SUPPRESSED, key, against_erased)
    if evidence.unread and not any(step.action in CHANGING for step in evidence.steps):
        return _claim(evidence, ClaimLevel.NOT_SHOWN, "unread", _unread(evidence))
    reasons = against_mitigated if _is_model(evidence) else against_erased
    if _is_suppressed(evidence):
        key = "suppressed_until" if _due(evidence) else "suppressed"
        return _claim(evidence, ClaimLevel.SUPPRESSED, key, reasons, until=_due(evidence))
    if _is_scheduled(evidence):
        return _claim(evidence, ClaimLevel.SCHEDULED, "scheduled", reasons, until=_due(evidence))
    return _claim(evidence, ClaimLevel.NOT_SHOWN, "not_shown", reasons)


def weakest(claims: Iterable[Claim]) -> Claim | None:
    """The claim that describes the whole case: its weakest artifact's; ``None`` for no claims."""
    return max(claims, key=lambda row: _STRENGTH.index(row.level), default=None)


def at_least_as_strong(one: ClaimLevel, other: ClaimLevel) -> bool:
    """Whether the first level says as much as the second, or more."""
    return _STRENGTH.index(one) <= _STRENGTH.index(other)


def _check_names(evidence: Evidence) -> None:
    names = [row.name for row in evidence.measurements]
    if len(names) != len(set(names)):
        raise InvalidInput(
            f"Judging the evidence for {evidence.name}: two measurements have the same name.",
            next_action="Name each suite's measurement after the suite, and expect it by that name.",
        )


def _erased_key(evidence: Evidence) -> str:
    if not _is_model(evidence):
        return "erased_except" if evidence.left else "erased"
    if evidence.connector not in BY_JOB:
        return "erased_model"
    return "erased_trained_except" if evidence.left else "erased_trained"


def _is_model(evidence: Evidence) -> bool:
    return evidence.kind is ArtifactKind.MODEL


def _against_erased(evidence: Evidence) -> tuple[str, ...]:
    reasons = _undone(evidence)
    if _is_model(evidence) and not any(step.action in MAKING and step.exact for step in evidence.steps):
        reasons += ("The model was not rebuilt without the person by an exact route.",)
    return reasons + _unread(evidence) + _unmet(evidence, for_mitigated=False) + _marked(evidence)


def _unread(evidence: Evidence) -> tuple[str, ...]:
    return ("Parts of it could not be read.",) if evidence.unread else ()


def _marked(evidence: Evidence) -> tuple[str, ...]:
    level = _level(evidence)
    if level == _KEPT:
        return ("The records are erased; a code book that the index learned with them is kept.",)
    return ("The store has marked it as deleted and keeps the bytes.",) if level in _WEAK else ()


def _level(evidence: Evidence) -> str:
    """The level of the last receipt: what an earlier step of the plan left in the store, a later one took out."""
    changed = [step for step in evidence.steps if step.action in CHANGING and step.status is StepStatus.DONE]
    levels = [step.level for step in changed if step.level]
    return levels[-1] if levels and not _is_model(evidence) else ""


def _against_mitigated(evidence: Evidence) -> tuple[str, ...]:
    if not _is_model(evidence):
        return ("Only a model can be mitigated.",)
    bits = evidence.measured("residual_bits")
    unmet = _undone(evidence) + _unmet(evidence, for_mitigated=True)
    if evidence.connector == CLASSIFIER:  # which says no values: what is measured is whether it tells who was in it
        return unmet
    if bits is None and "residual_bits" not in thresholds(evidence.kind, evidence.connector):
        return (*unmet, "Its exposure is not measured in bits: it is rebuilt exactly, or nothing is claimed.")
    return (*unmet, "residual_bits: no value.") if bits is not None and bits.value is None else unmet


def _undone(evidence: Evidence) -> tuple[str, ...]:
    """What keeps the steps from counting as done: nothing planned, not done, or copies that stay without a date."""
    changing = [step for step in evidence.steps if step.action in CHANGING]
    open_steps = [step for step in changing if step.status is not StepStatus.DONE]
    reasons = tuple(f"{step.action}: {step.status.label.lower()}." for step in open_steps)
    if evidence.kind is ArtifactKind.CHECKPOINT:
        changing = [step for step in evidence.steps if step.action == UNDO and step.status is StepStatus.DONE]
    if _is_model(evidence) and not any(step.action == "promote_model" for step in changing):
        reasons += ("promote_model: the new model does not serve.",)
    if not changing:
        reasons += ("No step has changed this artifact.",)
    loose = any(step.action == UNDO and not _ends(step) for step in evidence.steps)
    return (*reasons, f"{UNDO}: copies remain without a date.") if loose else reasons


def _ends(step: StepResult) -> bool:
    if step.status is StepStatus.DONE:
        return True
    return step.scheduled_for is not None and step.status in (StepStatus.PENDING, StepStatus.WAITING)


def _unmet(evidence: Evidence, *, for_mitigated: bool) -> tuple[str, ...]:
    limits = thresholds(evidence.kind, evidence.connector)
    needs = {name: (row.mitigated if for_mitigated else row.erased) for name, row in limits.items()}
    others = [row.name for row in evidence.measurements if row.name not in needs and row.verdict is Verdict.FAILED]
    needs |= dict.fromkeys((*evidence.expected, *others), Need.PASSED)
    short = [name for name, need in needs.items() if not need.met_by(evidence.verdict(name))]
    return tuple(f"{name}: {_words(evidence.verdict(name))}." for name in short)


def _words(verdict: Verdict | None) -> str:
    return "not measured" if verdict is None else verdict.label.lower()


def _is_suppressed(evidence: Evidence) -> bool:
    active = any(step.action in SUPPRESSING and step.status is StepStatus.DONE for step in evidence.steps)
    return active and evidence.verdict(_PROBE.get(evidence.kind, "suppression_leaks")) is Verdict.PASSED


def _is_scheduled(evidence: Evidence) -> bool:
    steps = [step for step in evidence.steps if step.action in CHANGING or step.action == UNDO]
    open_steps = [step for step in steps if step.status is not StepStatus.DONE]
    return bool(open_steps) and all(_ends(step) for step in open_steps) and bool(_open_changes(evidence))


def _open_changes(evidence: Evidence) -> list[StepResult]:
    mine = CHANGING | {UNDO} if evidence.kind is ArtifactKind.CHECKPOINT else CHANGING
    return [step for step in evidence.steps if step.action in mine and step.status is not StepStatus.DONE]


def _due(evidence: Evidence) -> str | None:
    """The day on which the last open change is due; ``None`` when one of them has no day."""
    days = [step.scheduled_for if _ends(step) else None for step in _open_changes(evidence)]
    known = [day for day in days if day is not None]
    return max(known).isoformat() if known and len(known) == len(days) else None


def _mitigated(evidence: Evidence, reasons: tuple[str, ...]) -> Claim:
    if evidence.connector == CLASSIFIER:
        key = "mitigated_member_except" if evidence.left else "mitigated_member"
        return _claim(evidence, ClaimLevel.PARTLY if evidence.left else ClaimLevel.MITIGATED, key, reasons)
    bits = evidence.measured("residual_bits")
    if bits is None or bits.value is None:  # the rule above has asked for both
        raise InvalidInput(f"Judging the evidence for {evidence.name}: the exposure has no value.")
    extent, shown = ("at_most", max(bits.interval[1], bits.value)) if bits.interval else ("about", bits.value)
    params: dict[str, Plain] = {"bits": round(shown, 2), "extent": extent}
    params |= {"attacker": bits.attacker, "budget": bits.budget}
    return _claim(evidence, ClaimLevel.MITIGATED, "mitigated", reasons, **params)


def _forwarded(evidence: Evidence) -> Claim:
    done = any(step.action == "forward_to_controller" and step.status is StepStatus.DONE for step in evidence.steps)
    if done:
        return _claim(evidence, ClaimLevel.FORWARDED, "forwarded")
    return _claim(evidence, ClaimLevel.NOT_SHOWN, "not_shown", ("forward_to_controller: not done.",))


def _claim(
    evidence: Evidence,
    level: ClaimLevel,
    key: str,
    reasons: tuple[str, ...] = (),
    **params: Plain,
) -> Claim:
    copies, notes = _copies_until(evidence), []
    if level in _DONE and _level(evidence) == "rewritten":
        notes += ["files_unseen"]
    if level in (*_DONE, ClaimLevel.MITIGATED) or key in ("marked_deleted", _KEPT):
        notes += ["copies_until"] if copies else []
        notes += ["may_be_undone"] if key.startswith("mitigated") else []
    if level in (*_DONE, ClaimLevel.MITIGATED, ClaimLevel.SCHEDULED, ClaimLevel.SUPPRESSED):
        notes += ["backups_until"] if evidence.backups_until else []
    if level in (*_DONE, ClaimLevel.MITIGATED, ClaimLevel.NOT_SHOWN):
        notes += ["not_enough_power"] if _underpowered(evidence) else []
    backups = evidence.backups_until.isoformat() if evidence.backups_until else None
    dates: dict[str, Plain] = {
        "name": evidence.name,
        "kind": str(evidence.kind),
        "copies_until": copies,
        "backups_until": backups,
    }
    return Claim(level, evidence.artifact, key, dates | params, reasons, tuple(notes))


def _copies_until(evidence: Evidence) -> str | None:
    open_days = [
        step.scheduled_for for step in evidence.steps if step.action == UNDO and step.status != StepStatus.DONE
    ]
    days = [day for day in open_days if day is not None]
    return max(days).isoformat() if days else None


def _underpowered(evidence: Evidence) -> bool:
    return any(row.verdict is Verdict.INCONCLUSIVE for row in evidence.measurements)
