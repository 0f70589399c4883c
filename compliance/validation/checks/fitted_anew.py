"""A table's model that was fitted anew: audited again, from the table as it is now, without the person's rows in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import orders, weights
from compliance.provenance import services as provenance
from compliance.provenance.places import connector_of, place_of
from compliance.rules.terms import StepStatus
from compliance.validation.readings import Reading, Subject, judged

NAME = "fitted_anew"
_EQUAL, _HELD_OUT = "equal to a fit that never saw the rows", "held-out accuracy"


def measure(subject: Subject) -> Iterator[Reading]:
    """The library's ``audit`` in a process of its own, gate to verdict with reasons; then what the job measured."""
    found = _audit(subject)
    figures = {row["name"]: row for row in found["figures"]}
    equal = float(figures[_EQUAL]["value"])
    detail = {"reasons": list(found["reasons"]), "gate": found["gate"], "rows_kept": int(figures["rows kept"]["value"])}
    # A gate that fails though the bytes agree has read another list of rows in the model's record: no proof.
    value = 0.0 if found["gate"] == "fail" else equal
    reading = Reading(NAME, "equals_a_fit_without", value, group="person", detail=detail)
    yield judged(subject, reading, powered=found["gate"] != "inconclusive")
    yield from _held_out(subject)


def _audit(subject: Subject) -> dict[str, Any]:
    """By the table as it stands now: the person's rows are gone from it, so no list of them is needed."""
    training = weights.training_set(subject.artifact)
    serving = subject.artifact.location
    with weights.listed(_left(subject)) as ids:
        arguments = ["classifier", "audit", "--data", str(orders.data_folder(training)), "--model", serving]
        arguments += ["--out", serving, "--forget-ids", str(ids)]
        return processes.run("unlearning", arguments, subject.progress)


def _left(subject: Subject) -> list[str]:
    """Rows of other people that named the person and stay, blanked: the model was fitted without them too."""
    training = weights.training_set(subject.artifact)
    _, shared = provenance.records_of(subject.request, training)
    rows = connector_of(training).records(place_of(training), set(shared)) if shared else ()
    return sorted({row.key for row in rows})


def _held_out(subject: Subject) -> Iterator[Reading]:
    """Accuracy on rows held out, after and before, as the unlearning job measured it; no limit is set on it."""
    steps = subject.plan.steps.filter(artifact=subject.artifact, action="replay_model", status=StepStatus.DONE)
    receipt = next((step.receipt or {} for step in steps), {})
    rows = [row for row in receipt.get("figures", ()) if row["name"] == _HELD_OUT]
    now = next((row for row in rows if row.get("note") != "before"), None)
    if now is None:
        return
    was = next((row["value"] for row in rows if row.get("note") == "before"), None)
    reading = Reading(NAME, "held_out_accuracy", float(now["value"]), was, group="others", n=int(now["n"]))
    yield replace(reading, unit="share of rows", detail={"how": "as the unlearning job measured it"})
