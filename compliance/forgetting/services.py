"""Register a model, order it to forget, cancel an order, read what came out."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from compliance.accounts import master_key
from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.forgetting import folders, kinds
from compliance.forgetting.models import ModelReference, UnlearningJob
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.rules.errors import InvalidInput, NotFoundHere, OubliError
from compliance.rules.terms import JobStatus, Work

MOST_TRIES = 8
CANCELLED = "Cancelled by whoever ordered it."


class QuotaReached(OubliError):
    """The company has ordered as much as it may for now."""

    usual_action = "Wait until a job has ended, or ask the operator for a higher quota."


class KeyUsedOtherwise(OubliError):
    """An idempotency key came back with another body."""

    usual_action = "Send a new key with a new order, or the first body with this key."


def register(entity: LegalEntity, *, slug: str, kind: str, location: str, inputs: Mapping[str, Any]) -> ModelReference:
    """Make a model known by reference; asking again with the same words changes nothing, with others it is refused."""
    chosen = kinds.load(kind)
    try:
        chosen.check(folders.resolve(entity, location), resolved(entity, inputs, chosen.PATHS))
    except OSError:
        raise InvalidInput(
            "This model or its data cannot be read.", next_action="Ask the operator to let the service read the folder."
        ) from None
    held = ModelReference.objects.filter(entity=entity, slug=slug).first()
    if held is None:
        try:
            with transaction.atomic():
                return ModelReference.objects.create(
                    entity=entity, slug=slug, kind=kind, location=location, inputs=dict(inputs)
                )
        except IntegrityError:  # somebody registered it between the two lines
            held = ModelReference.objects.get(entity=entity, slug=slug)
    if (held.kind, held.location, held.inputs) != (kind, location, dict(inputs)):
        raise KeyUsedOtherwise(
            "Another model is registered under this name.",
            next_action="Choose another slug; a reference never changes.",
        )
    return held


def resolved(entity: LegalEntity, given: Mapping[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """``given`` with every reference among it replaced by the path it names."""
    found = dict(given)
    for name in paths:
        if name in found:
            found[name] = folders.resolve(entity, str(found[name]))
    return found


def order(
    model: ModelReference,
    *,
    forget: Mapping[str, Any],
    spec: Mapping[str, Any],
    by: str,
    idempotency_key: str = "",
    callback: str = "",
) -> tuple[UnlearningJob, bool]:
    """Order a model to forget; returns the job, and whether this call made it (a key answers twice alike)."""
    body = json.dumps({"model": model.pk, "forget": forget, "spec": spec, "to": callback}, sort_keys=True)
    digest = _digest(body)
    if known := _ordered_before(model.entity, idempotency_key, digest):
        return known, False
    chosen = kinds.load(model.kind)
    if spec["method"] not in chosen.METHODS:
        raise InvalidInput(f"A {chosen.LABEL.lower()} has no such method; it has: {', '.join(chosen.METHODS)}.")
    chosen.check_forget(forget)
    resolved(model.entity, forget, ("rows",))
    _may_be_called(callback)
    try:
        with transaction.atomic():
            LegalEntity.objects.select_for_update().get(pk=model.entity_id)  # quotas are counted one at a time
            _within_quota(model.entity)
            made = UnlearningJob.objects.create(
                entity=model.entity,
                model=model,
                ordered_as=by,
                forget=dict(forget),
                spec=dict(spec),
                idempotency_key=idempotency_key,
                callback=callback,
                body_digest=digest,
            )
            jobs.enqueue(made.pk, Work.UNLEARN)
            _log("unlearning.ordered", made, {"kind": model.kind, "method": spec["method"]})
    except IntegrityError:
        known = _ordered_before(model.entity, idempotency_key, digest)
        if known is None:
            raise
        return known, False
    return made, True


def _may_be_called(callback: str) -> None:
    """Only hosts that the operator named: an order must not make this server call an address of somebody's choice."""
    if callback and urlsplit(callback).hostname not in settings.OUBLI_CALLBACK_HOSTS:
        raise InvalidInput(
            "This address may not be called.",
            next_action="Ask the operator to add its host to OUBLI_CALLBACK_HOSTS, or follow the job instead.",
        )


def untold(now: datetime) -> list[UnlearningJob]:
    """Ended jobs whose owner asked to be called and was not reached yet."""
    ended = Job.objects.filter(work=Work.UNLEARN, status__in=[JobStatus.DONE, JobStatus.FAILED]).values("case_id")
    waiting = UnlearningJob.objects.filter(pk__in=ended, told_at=None, tries__lt=MOST_TRIES).exclude(callback="")
    due = waiting.filter(Q(tell_at=None) | Q(tell_at__lte=now))
    return list(due.select_related("model", "entity")[:20])


def _digest(body: str) -> str:
    """Keyed: the digest outlives the row ids in the body, and whoever reads it must not be able to try ids."""
    return hmac.new(master_key.hashing("unlearning order"), body.encode(), "sha256").hexdigest()


def _ordered_before(entity: LegalEntity, key: str, digest: str) -> UnlearningJob | None:
    if not key:
        return None
    known = UnlearningJob.objects.filter(entity=entity, idempotency_key=key).select_related("model", "entity").first()
    if known and known.body_digest != digest:
        raise KeyUsedOtherwise("This idempotency key was used with another body.")
    return known


def _within_quota(entity: LegalEntity) -> None:
    mine = UnlearningJob.objects.filter(entity=entity)
    live = Job.objects.live().filter(case_id__in=mine.values("id"), work=Work.UNLEARN).count()
    if live >= settings.OUBLI_UNLEARNING_LIVE:
        raise QuotaReached(f"{live} jobs of this company wait or run; more are taken when one has ended.")
    today = mine.filter(created_at__gte=timezone.now() - timedelta(days=1)).count()
    if today >= settings.OUBLI_UNLEARNING_DAILY:
        raise QuotaReached(f"{today} jobs were ordered by this company in 24 hours; that is its quota.")


def cancel(ordered: UnlearningJob) -> UnlearningJob:
    """Take the order back: a queued job never starts, a running one stops at its next word; ended ones stay."""
    with transaction.atomic():
        if row(ordered).status in (JobStatus.QUEUED, JobStatus.RUNNING) and ordered.cancelled_at is None:
            ordered.cancelled_at = timezone.now()
            ordered.save(update_fields=["cancelled_at"])
            if jobs.cancel_live(ordered.pk, reason=CANCELLED):
                blank(ordered)
            _log("unlearning.cancelled", ordered, {})
    return ordered


def blank(ordered: UnlearningJob) -> None:
    """Row ids may name a person: when the job has ended, only how many there were is kept."""
    if "ids" in ordered.forget:
        ordered.forget = {"ids": [], "count": len(ordered.forget["ids"])}
        ordered.save(update_fields=["forget"])


def tidy() -> None:
    """Blank the row ids of jobs that ended a day ago without a result: nobody will try them again."""
    ended = Job.objects.filter(
        work=Work.UNLEARN, status=JobStatus.FAILED, finished_at__lt=timezone.now() - timedelta(days=1)
    )
    for left in UnlearningJob.objects.filter(pk__in=ended.values("case_id"), forget__has_key="ids"):
        if left.forget["ids"]:
            blank(left)


def row(ordered: UnlearningJob) -> Job:
    """The job row that carries lease, progress and failures."""
    return Job.objects.get(case_id=ordered.pk, work=Work.UNLEARN)


def of(entities: list[LegalEntity]) -> Any:
    """The orders of these companies, newest first."""
    found = UnlearningJob.objects.filter(entity__in=entities)
    return found.select_related("model", "entity").order_by("-created_at")


def artifact(ordered: UnlearningJob, name: str) -> Path:
    """A file that the job made; NotFoundHere for every other name."""
    if name not in {str(line["name"]) for line in ordered.artifacts}:
        raise NotFoundHere("This job made no file of that name.")
    path = folders.workplace(ordered.pk) / "model" / name
    if not path.is_file():
        raise NotFoundHere("The file is no longer on the disk.")
    return path


def status(ordered: UnlearningJob, job: Job) -> str:
    """queued, running, done, failed, or cancelled."""
    return "cancelled" if ordered.cancelled_at and job.status != JobStatus.DONE else str(job.status)


def _log(kind: str, ordered: UnlearningJob, detail: dict[str, Any]) -> None:
    audit.record(
        kind, case="", entity=ordered.entity.slug, by=ordered.ordered_as, detail={"job": str(ordered.pk), **detail}
    )
