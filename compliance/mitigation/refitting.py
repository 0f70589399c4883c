"""A model that answers with a class forgets through the unlearning service: ordered, waited for, taken by its gate."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from compliance.forgetting import folders, running
from compliance.forgetting import services as forgetting
from compliance.forgetting.models import ModelReference, UnlearningJob
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation import folding, orders, telling_apart, turns, weights
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.errors import InvalidInput, LeaseLost, ProofFailed
from compliance.rules.terms import JobStatus
from compliance.rules.thresholds import CLASSIFIER

PAUSE: Final = 0.2  # seconds between two looks at a job that another worker does
_LAST = "Until then the model serves as it was."


def carry_out(task: Task) -> Outcome:
    """Make the new model by a job, once; what its gate does not pass waits for a person while other steps go on."""
    turns.turn(task)
    new = weights.fresh_folder(task)
    receipt = dict(task.step.intent.get("result", {}))
    if not (receipt and passed(receipt) and new.is_dir()):
        weights.clear_unclaimed(new)
        weights.need_space_for(Path(task.place.location))
        task.remember(made_from=weights.digest_of(task, Path(task.place.location)))
        receipt = refit(task, new) | {"made_from": task.step.intent["made_from"]}
        task.remember(result=receipt)
    receipt["weights"] = weights.digest_of(task, new)
    receipt["folder"] = new.name
    if not passed(receipt):  # nobody vouches for what it made: it may know the person still
        weights.clear_unclaimed(new)
        weights.clear_unclaimed(folders.workplace(receipt["job"]) / "model")
    return Outcome(receipt, words=f"Made anew by an unlearning job; gate: {receipt['gate']}", done=passed(receipt))


def refit(task: Task, new: Path) -> dict[str, Any]:
    """Order the job once, see it to its end, and put what it made beside the model that serves; returns the receipt."""
    ordered = _seen_to_its_end(task, _ordered(task))
    result, exact = ordered.result or {}, bool(task.step.exact)
    if exact and result["exactness"] != "exact":
        raise ProofFailed(f"{task.place.name}: the job took a route that is not exact; the plan promised an exact one.")
    if task.artifact.connector == CLASSIFIER and ordered.forget.get("count") and result["scope"] == "none":
        raise ProofFailed(
            f"{task.place.name}: {ordered.forget['count']} pictures were to be forgotten, and the job forgot none.",
            next_action="Have an engineer look whether pictures in train/ and test/ have the same names. " + _LAST,
        )
    made = folders.workplace(ordered.pk) / "model"
    if list(folders.listed(made)) != ordered.artifacts:
        raise ProofFailed(
            f"{task.place.name}: the files of the job are not those that it made.",
            next_action="Find out who changed them, send the case back to its plan, and have it approved again.",
        )
    partial = folding.beside(new)
    shutil.copytree(made, partial)
    folding.take(partial, new)
    kept = {name: result[name] for name in ("method", "exactness", "gate", "reasons", "figures", "parameters")}
    level = "rebuilt" if exact else "unlearned"
    receipt = {**kept, "job": str(ordered.pk), "seconds": result["cost"]["seconds"], "level": level}
    if task.artifact.connector == CLASSIFIER and result["scope"] == "rows":
        receipt |= telling_apart.judged(task, new, receipt)
        if passed(receipt):
            receipt |= folding.renewed(task, new)
    return receipt


def passed(receipt: Mapping[str, Any]) -> bool:
    """Whether nothing is known against what the job made; a receipt without a gate is not one of ours."""
    return str(receipt.get("gate", "pass")) == "pass"


def require_pass(task: Task, receipt: dict[str, Any]) -> dict[str, Any]:
    """Raise ProofFailed unless the job's gate let the new model through: what is not decided is not promoted."""
    gate, reasons = str(receipt.get("gate", "")), " ".join(receipt.get("reasons", ()))
    if gate != "pass":
        words = "could not be decided" if gate == "inconclusive" else "failed"
        raise ProofFailed(
            f"{task.place.name}: the gate of the unlearning job {words}. {reasons} The new model is not promoted.",
            next_action="Have an engineer read the job's figures and make the model again on the data as they are now, "
            f"then try the case again. {_LAST}",
        )
    return {"gate": gate}


def _ordered(task: Task) -> UnlearningJob:
    """The order of this step: remembered, or placed now; a second run finds it by its key.

    A job whose gate did not pass is followed by another when somebody tries the case again.
    """
    before = str(task.step.intent.get("job", ""))
    known = UnlearningJob.objects.filter(pk=before).first() if before else None
    if known is None or not passed(task.step.intent.get("result", {})):
        order = orders.of(task)
        known, _ = forgetting.order(
            _reference(task, order),
            forget={"ids": order.ids},
            spec=order.spec,
            by=f"case {task.request.reference}",
            idempotency_key=f"step-{task.step.pk}-{before}",
        )
        task.remember(job=str(known.pk), result={})
    elif known.cancelled_at is None and known.result is None:
        jobs.retry(forgetting.row(known))  # nothing unless it has failed
    return known


def _reference(task: Task, order: orders.Order) -> ModelReference:
    """The model as the service knows it; registered by the first case that needs it."""
    model = _below(task, Path(task.place.location))
    inputs = {name: _below(task, path) for name, path in order.inputs.items()}
    mark = hashlib.sha256("\n".join([model, *inputs.values()]).encode()).hexdigest()[:8]
    return forgetting.register(
        task.request.entity,
        slug=f"{task.artifact.slug[:50]}-{mark}",
        kind=order.kind,
        location=model,
        inputs=inputs,
    )


def _below(task: Task, path: Path) -> str:
    root = folders.root(task.request.entity).resolve()
    if not path.resolve().is_relative_to(root):
        raise InvalidInput(
            f"{task.place.name}: the model or its data do not lie in the company's model folder.",
            next_action="Ask the operator to put both there (OUBLI_MODELS in the operations guide) and register again.",
        )
    return path.resolve().relative_to(root).as_posix()


def _seen_to_its_end(task: Task, ordered: UnlearningJob) -> UnlearningJob:
    """Do the job here when no worker has it, wait for the one that has; raises what the job says when it failed."""
    while ordered.result is None:
        job = jobs.claim(f"{socket.gethostname()}:{os.getpid()}", among=[ordered.pk])
        if job is not None:
            _do(job)
        elif (row := forgetting.row(ordered)).status == JobStatus.FAILED:
            raise ProofFailed(
                f"{task.place.name}: the unlearning job ended without a model. {row.error_message}",
                next_action=row.next_action or f"Send the case back to its plan. {_LAST}",
            )
        else:
            task.progress(0.1, f"{task.place.name}: waiting for the unlearning job")
            time.sleep(PAUSE)
        ordered.refresh_from_db()
    return ordered


def _do(job: Job) -> None:
    """The job under its own lease; a failure becomes data on its row, for whoever waits."""
    try:
        with jobs.Heartbeat(job) as progress:
            running.run(job.case_id, progress)
            with jobs.fenced(job):
                jobs.finish(job)
    except LeaseLost:
        return  # somebody else has it now
    except Exception as error:
        with suppress(LeaseLost):
            jobs.fail(job, error)
