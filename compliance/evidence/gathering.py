"""The dossier of a case, gathered from the rows of all floors; no identifier of a person goes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from compliance import __version__
from compliance.audit import checkpoint
from compliance.audit import services as audit
from compliance.audit.models import Head
from compliance.evidence import dossier
from compliance.evidence.dossier import Dossier
from compliance.evidence.facts import declined, left_by_name
from compliance.evidence.narrating import (
    deadlines,
    decisions_of,
    organisation,
    places,
    request_of,
    timeline,
    ways,
    whole_second,
)
from compliance.evidence.thresholds import Quantity, Threshold
from compliance.intake.ledgers import Recipient
from compliance.intake.models import ErasureRequest
from compliance.mitigation import carried
from compliance.mitigation.models import Leftover, Plan, Step
from compliance.provenance.models import Artifact
from compliance.rules import claims as claim_rules
from compliance.rules.figures import plain
from compliance.rules.terms import (
    ClaimLevel,
    Horizon,
    State,
    StepStatus,
    Told,
    Verdict,
)
from compliance.validation import claiming
from compliance.validation.models import Measurement


def gather(request: ErasureRequest, plan: Plan | None, *, signed_off_by: str = "") -> Dossier:
    """The facts of the case as they stand now."""
    head = Head.objects.order_by("-size").first()  # one head for the whole dossier: the log goes on growing
    found = claiming.claims_of(request, plan) if plan else []
    weakest = claim_rules.weakest(claim for _, claim in found)
    level = weakest.level if weakest else _UNSEARCHED.get(State(request.state), ClaimLevel.NOT_SHOWN)
    return Dossier(
        reference=request.reference,
        issued_at=whole_second(timezone.now()),
        product=f"Oubli {__version__}",
        organisation=organisation(request),
        request=request_of(request),
        weakest=level,
        summary=_summary(request, found, level),
        claims=tuple(_claim(plan, artifact, claim) for artifact, claim in found) if plan else (),
        signed_off_by=signed_off_by,
        decisions=tuple(decisions_of(request)),
        deadlines=deadlines(request),
        timeline=tuple(timeline(request, head)),
        places=tuple(places(request)),
        derivations=tuple(ways(request)),
        steps=tuple(_step(step) for step in _steps(plan)),
        measurements=tuple(_measured(plan)) if plan else (),
        recipients=tuple(_recipients(request, plan)),
        residuals=(*_residuals(plan, found), *_declined(request)),
        methods=tuple(_methods(plan)),
        log=_log(request, head),
    )


# Cases that end before anything is searched, and what may be said of them.
_UNSEARCHED = {State.REFUSED: ClaimLevel.KEPT, State.FORWARDED: ClaimLevel.FORWARDED}


def _steps(plan: Plan | None) -> list[Step]:
    """What earlier plans did on the way to this answer, then this plan."""
    own = list(plan.steps.select_related("artifact").order_by("order", "id")) if plan else []
    return [*carried.steps_before(plan), *own] if plan else own


def _step(step: Step) -> dossier.Step:
    receipt = step.receipt or {}
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"))
    return dossier.Step(
        artifact=step.artifact.slug if step.artifact else "",
        action=step.action,
        horizon=Horizon(step.horizon),
        status=StepStatus(step.status),
        reason=step.reason,
        count=step.count,
        finished_at=whole_second(step.finished_at) if step.finished_at else None,
        due_on=step.scheduled_for,
        level=str(receipt.get("level", "")),
        receipt_sha256=hashlib.sha256(text.encode()).hexdigest() if receipt else "",
        note=step.message,
    )


def _measurements(plan: Plan) -> list[Measurement]:
    return list(plan.measurements.exclude(name="checked").select_related("artifact").order_by("artifact_id", "id"))


def _measured(plan: Plan) -> Iterator[dossier.Measurement]:
    """Each by the limits of the plan that treated its place."""
    before = carried.treated_before(plan)
    for row in _measurements(plan):
        yield _measurement(before.get(row.artifact_id, plan), row)


def measurement_id(row: Measurement) -> str:
    """The name by which a sentence points to the number behind it."""
    return f"m{row.pk}"


def _measurement(plan: Plan, row: Measurement) -> dossier.Measurement:
    fixed = plan.thresholds.get(row.artifact.slug, {}).get(row.name)
    upper = row.detail.get("controls_upper")
    return dossier.Measurement(
        id=measurement_id(row),
        artifact=row.artifact.slug,
        name=row.name,
        group=row.group or "person",
        unit="rate" if row.name in _RATES else row.unit,
        before=_quantity(row.before, row.detail.get("before_low"), row.detail.get("before_high"), row.n),
        after=_quantity(row.value, row.low, row.high, row.n),
        threshold=Threshold.from_plan(fixed, controls_upper=upper) if fixed and row.verdict else None,
        threshold_text=row.threshold,
        powered=bool(row.detail.get("powered", True)),
        verdict=Verdict(row.verdict) if row.verdict else None,
        check=row.check_name,
        note=str(row.detail.get("how", "")),
    )


_RATES = ("extraction", "extraction_paraphrase", "extraction_prefill", "extraction_strength", "exact_memorization")


def _quantity(value: float | None, low: float | None, high: float | None, n: int | None) -> Quantity | None:
    return None if value is None else Quantity(value=value, low=low, high=high, n=n)


def _claim(plan: Plan, artifact: Artifact, claim: claim_rules.Claim) -> dossier.Claim:
    judged = plan.measurements.filter(artifact=artifact).exclude(verdict="")
    return dossier.Claim(
        artifact=artifact.slug,
        level=claim.level,
        sentence=" ".join(claim_rules.sentences(claim, "en")),
        reasons=tuple(claim.reasons),
        measurements=tuple(measurement_id(row) for row in judged),
    )


def _summary(request: ErasureRequest, found: list[tuple[Artifact, claim_rules.Claim]], level: ClaimLevel) -> str:
    if State(request.state) is State.REFUSED:
        return "The request was refused; reasons, article and remedies stand in the letter."
    if State(request.state) is State.FORWARDED:
        return "The request was forwarded to the controller, who decides; the letter says to whom and when."
    if not found:
        return "Every registered place was searched; the person was found in none of them."
    unread = sum(claim.sentence_key == "unread" for _, claim in found)
    where = _places(len(found) - unread) if len(found) > unread else "no registered place"
    open_ones = f" Of {_places(unread)} not everything could be read." if unread else ""
    weakest = "The case is described by its weakest place"
    return f"The person was found in {where}.{open_ones} {weakest}: {level.label.lower()}."


def _places(count: int) -> str:
    return "1 registered place" if count == 1 else f"{count} registered places"


def _recipients(request: ErasureRequest, plan: Plan | None) -> list[dossier.Recipient]:
    """Each recipient by number, as its row in the ledger says how far it is."""
    ledger = {(row.artifact, row.name): row for row in request.recipients.all()}
    steps = [step for step in _steps(plan) if step.action in ("notify_recipients", "forward_to_controller")]
    places = [
        (f"recipient {number} of {step.artifact.name}", ledger.get((step.artifact.slug, str(name)[:300])))
        for step in steps
        if step.artifact
        for number, name in enumerate(step.artifact.recipients, start=1)
    ]
    whole = [row for (artifact, _), row in ledger.items() if not artifact]
    places += [(f"recipient {number} of the case", row) for number, row in enumerate(whole, start=1)]
    return [_recipient(name, row) for name, row in places]


def _recipient(name: str, row: Recipient | None) -> dossier.Recipient:
    """One of several may have been written to while another waits to be told by hand."""
    if row is None or Told(row.state) is Told.TO_TELL:
        return dossier.Recipient(name=name, state="to be told by hand")
    return dossier.Recipient(name=name, state=Told(row.state).label.lower(), told_at=row.requested_at)


def _residuals(plan: Plan | None, found: list[tuple[Artifact, claim_rules.Claim]]) -> list[dossier.Residual]:
    left = Leftover.objects.filter(step__plan__request=plan.request_id if plan else None, gone_at=None)
    rows = left.select_related("step__artifact").order_by("id")  # of earlier rounds as well
    kinds = {"undo": "Encrypted undo copy", "superseded": "Superseded artifact, out of service"}
    said = [
        dossier.Residual(
            what=kinds[row.kind], until=row.goes_on, artifact=row.step.artifact.slug if row.step.artifact else ""
        )
        for row in rows
    ]
    for artifact, claim in found:
        notes = zip(claim.notes, claim_rules.sentences(claim, "en")[1:], strict=True)
        # The copies stand above, one by one and each with its day.
        said += [dossier.Residual(what=text, artifact=artifact.slug) for key, text in notes if key != "copies_until"]
    return list(dict.fromkeys(said))


def _declined(request: ErasureRequest) -> list[dossier.Residual]:
    """What looked like the person and stays: an officer looked, and said that it is somebody else's."""
    named = "records in which only a name, or a detail that was not proven to be the person's, stands"
    by_name = [f"{place}: {named} ({count}). {_LEFT}" for place, count in left_by_name(request)]
    return [dossier.Residual(what=text) for text in (*declined(request, "en"), *by_name)]


_LEFT = "An officer looked at them, found that they are somebody else's, and left them as they are."


def _methods(plan: Plan | None) -> list[dossier.Method]:
    methods = []
    for step in _steps(plan):
        receipt: dict[str, Any] = step.receipt or {}
        facts = {k: str(v) for k, v in sorted(flat(receipt).items())}
        if facts and step.artifact:
            methods.append(
                dossier.Method(
                    name=f"{step.action.replace('_', ' ').capitalize()}: {step.artifact.name}",
                    what=step.reason,
                    facts=facts,
                )
            )
    return methods


def flat(receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt as facts on one level, in words."""
    flat: dict[str, Any] = {}
    for name, value in receipt.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": v for inner, v in value.items()}
        elif isinstance(value, list):
            flat[name] = "; ".join(map(_worded, value))
        else:
            flat[name] = value
    return flat


def _worded(item: Any) -> str:
    """A figure of a list in words, as "shards learned again: 2 (n = 4)"; whatever else as it is."""
    if not isinstance(item, dict) or not {"name", "value"} <= item.keys():
        return str(item)
    value = item["value"]
    shown = plain(float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
    note = f" ({item['note']})" if item.get("note") else ""
    among = f" (n = {item['n']})" if item.get("n") else ""
    return f"{item['name']}{note}: {shown}{among}"


def _log(request: ErasureRequest, head: Head | None) -> dossier.LogProof | None:
    if head is None:
        return None
    proof = audit.log_proof(request.reference, size=head.size)
    entries = proof["entries"]
    return dossier.LogProof(
        origin=str(proof["origin"]),
        size=head.size,
        root=head.root,
        key=checkpoint.fingerprint(audit.public_key()),
        entries=len(entries) if isinstance(entries, list) else 0,
    )
