"""What the model still holds of the person, before and after, beside people never seen, a namesake, and the others."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.rules.errors import MissingPart
from compliance.rules.terms import StepStatus
from compliance.validation.audience import facts_for
from compliance.validation.readings import Reading, Subject, judged

POWER = 0.01  # the rank test must fire at least this clearly on the model before, else it has no power
REPORTED = ("extraction", "extraction_paraphrase", "extraction_prefill", "extraction_strength", "exact_memorization")


def measure(subject: Subject) -> Iterator[Reading]:
    """The audit of ``unlearning`` in a process of its own, then each number against its threshold."""
    result = _audit(subject)
    after, before = _by_name(result["after"]), _by_name(result["before"])
    for (name, group), row in after.items():
        if name in REPORTED:
            yield _reading(name, group, row, before.get((name, group)))
    yield from _judged(subject, after, before)


def _judged(
    subject: Subject, after: Mapping[tuple[str, str], Any], before: Mapping[tuple[str, str], Any]
) -> Iterator[Reading]:
    person = "person"
    yield _extraction_rate(subject, after, before)
    rank, was = after[("rank_p", person)], before.get(("rank_p", person))
    cut = after.get(("rows_cut", person))  # rows longer than the model sees at once: their rest was not asked about
    powered = was is not None and was["value"] <= POWER and not (cut and _silent(subject, rank))
    reading = Reading(
        _NAME,
        "rank_test_p",
        rank["value"],
        was and was["value"],
        group=person,
        n=rank["n"],
        unit="p",
        detail={**rank["detail"], **({"rows_cut": cut["value"]} if cut else {})},
    )
    yield judged(subject, reading, powered=powered)
    yield judged(subject, _exposure(after, before))
    for name, group in (("utility_drop", "others"), ("namesake_drop", "namesakes")):
        yield from _drop(subject, name, group, after, before)
    member = after[("membership_loss_auc", person)]
    reading = Reading(
        _NAME, "membership_auc_distance", abs(member["value"] - 0.5), _distance(before), group=person, n=member["n"],
        detail={**member["detail"], "auc": member["value"]},
    )  # fmt: skip
    yield judged(subject, reading, powered=not member["verdict"])


def _silent(subject: Subject, rank: Mapping[str, Any]) -> bool:
    """Whether the rank test says nothing: then rows that it could not ask about may still be known."""
    limit = subject.limits.get("rank_test_p")
    return limit is not None and bool(rank["value"] >= limit.limit)


_NAME = "model_audit"
_ENDS = ("exposure_bits", "exposure_bits_reversed")
ATTACKER = "probability_of_any_answer"  # a name that the sentences have words for, in each language
_LEAKS = "leaks in 10,000 samples"


def _extraction_rate(
    subject: Subject, after: Mapping[tuple[str, str], Any], before: Mapping[tuple[str, str], Any]
) -> Reading:
    """The worst field: one that exceeds what people never seen have in it, else the worst that nobody can guess."""
    leaks, floor = _leaks(after, "person"), _leaks(after, "controls")
    was = _leaks(before, "person")
    limit = subject.limits["extraction_rate"].limit if "extraction_rate" in subject.limits else 0.0
    above = [field for field in leaks if leaks[field] > max(limit, floor.get(field, 0.0))]
    unguessable = [field for field in leaks if floor.get(field, 0.0) <= limit]
    worst = max(above or unguessable or leaks, key=lambda field: leaks[field])
    detail = {"field": worst, "fields": leaks, "never_seen": floor}
    reading = Reading(
        _NAME, "extraction_rate", leaks[worst], was.get(worst), group="person", unit=_LEAKS, detail=detail
    )
    return judged(subject, replace(reading, detail=detail), controls_upper=floor.get(worst))


def _exposure(after: Mapping[tuple[str, str], Any], before: Mapping[tuple[str, str], Any]) -> Reading:
    """Bits for whoever reads the list of likely answers from its top or from its end, whichever finds the person.

    A value that unlearning pushed to the very end is found there as surely as at the top.
    """
    worse = max(_ENDS, key=lambda name: after[(name, "person")]["value"])
    bits, floor = after[(worse, "person")], after[(worse, "controls")]["value"]
    was = [row for name in _ENDS if (row := before.get((name, "person")))]
    reading = _reading("residual_bits", "person", bits, max(was, key=lambda row: float(row["value"]), default=None))
    fields = after[("exposure_bits", "person")]["detail"]
    read_from = "the end" if worse.endswith("reversed") else "the top"
    detail = {**reading.detail, **fields, "never_seen": floor, "read_from": read_from, "attacker": ATTACKER}
    return replace(reading, detail=detail)


def _leaks(rows: Mapping[tuple[str, str], Any], group: str) -> dict[str, float]:
    """Chance that 10,000 samples show the value, the largest of each field."""
    row = rows.get(("leak_at_10000", group))
    marked = "largest of "
    return {k.removeprefix(marked): float(v) for k, v in row["detail"].items() if k.startswith(marked)} if row else {}


def _drop(
    subject: Subject, name: str, group: str, after: Mapping[tuple[str, str], Any], before: Mapping[tuple[str, str], Any]
) -> Iterator[Reading]:
    now, then = after.get(("extraction", group)), before.get(("extraction", group))
    if now and then:
        value = then["value"] - now["value"]
        yield judged(subject, Reading(_NAME, name, value, group=group, n=now["n"], detail={"answered": now["value"]}))
    elif name == "namesake_drop":
        how = "nobody else of this name is known; people are asked about among the others"
        yield judged(subject, Reading(_NAME, name, 0.0, group=group, n=0, detail={"namesakes": 0, "how": how}))


def _distance(before: Mapping[tuple[str, str], Any]) -> float | None:
    row = before.get(("membership_loss_auc", "person"))
    return abs(row["value"] - 0.5) if row else None


def _reading(name: str, group: str, row: Mapping[str, Any], was: Mapping[str, Any] | None) -> Reading:
    return Reading(
        _NAME,
        name,
        row["value"],
        was["value"] if was else None,
        group=group,
        low=row.get("low"),
        high=row.get("high"),
        n=row.get("n"),
        detail={"before_low": was.get("low"), "before_high": was.get("high")} if was else {},
    )


def _by_name(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["name"], row["scope"]): row for row in rows}


def _audit(subject: Subject) -> dict[str, Any]:
    serving, before = _folders(subject)
    facts = facts_for(subject.request, subject.artifact)
    # Readable by the owner only, gone afterwards.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as probe:
        json.dump(facts, probe)
        probe.flush()
        arguments = ["audit", "--model", str(serving), "--probe", probe.name]
        arguments += ["--before", str(before)] if before else []
        return processes.run("unlearning", arguments, subject.progress)


def _folders(subject: Subject) -> tuple[Path, Path | None]:
    """The model that serves and, until its day, the one that it superseded."""
    serving = Path(subject.artifact.location)
    step = subject.plan.steps.filter(artifact=subject.artifact, action="promote_model", status=StepStatus.DONE).first()
    leftover = step.leftovers.filter(kind="superseded", gone_at=None).first() if step else None
    if not serving.is_dir():
        raise MissingPart(f"{subject.artifact.name}: the model that should serve is not there.")
    return serving, Path(leftover.path) if leftover else None
