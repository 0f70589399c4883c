"""A search divided among workers: each part is a job of its own, and whoever leads the search reads parts too.

1. A pass is divided when the registered files hold more than two parts' worth; else the leader reads alone.
2. Every part is a row (order and result sealed under the case's key) and a job with its own lease and fence.
3. The leader takes parts like every other worker, so that one worker is enough. A worker that dies costs its part: the
   lease runs out, and the part is taken over. A leader that dies is followed by another, who keeps the finished parts.
4. An answer names what it answers, under the case's key: one that lies in another part's row is refused and read anew.
5. A part that fails is read by the leader itself, so that the case's job fails with the cause.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.jobs.progress import Progress, Unattended
from compliance.provenance import scanning
from compliance.provenance.models import Artifact, ScanShard
from compliance.provenance.scanning import Answer, Part, Piece, Question
from compliance.rules.errors import LeaseLost, OubliError, ProofFailed
from compliance.rules.terms import Work
from retrieval.types import Needle

PAUSE: Final = 0.1  # seconds between two looks at what the others have done
KEPT: Final = timedelta(minutes=15)  # how long a dead leader's result is taken of a store that shows no time of change


class Shared:
    """The scan of one case, divided among workers."""

    def __init__(self, request: ErasureRequest) -> None:
        self._request = request
        self._key = vault.case_key(request)

    def __call__(self, artifacts: Sequence[Artifact], question: Question, progress: Progress) -> dict[str, Answer]:
        """The answer of each artifact, by its slug."""
        size = int(settings.OUBLI_SHARD_MEGABYTES * 1_000_000)
        pieces = {artifact.slug: scanning.split(artifact, size) for artifact in artifacts}
        if all(len(parts) == 1 for parts in pieces.values()):
            return scanning.alone(artifacts, question, progress)
        order = _order(question)
        with transaction.atomic():
            shards = {a.slug: [self._shard(a, piece, order) for piece in pieces[a.slug]] for a in artifacts}
        self._work([shard.pk for own in shards.values() for shard in own], progress)
        return {
            artifact.slug: scanning.joined(
                artifact,
                [
                    (piece, self._found(shard, {**order, "piece": asdict(piece)}))
                    for piece, shard in zip(pieces[artifact.slug], shards[artifact.slug], strict=True)
                ],
                question,
            )
            for artifact in artifacts
        }

    def tidy(self) -> None:
        """Remove the parts, once the trace is written down."""
        with transaction.atomic():
            mine = ScanShard.objects.filter(request=self._request)
            jobs.discard(list(mine.values_list("pk", flat=True)), Work.SCAN)
            mine.delete()

    def _shard(self, artifact: Artifact, piece: Piece, order: dict[str, Any]) -> ScanShard:
        """The row of a part with its job; one that an earlier leader left is kept while the place is as it was."""
        content = {**order, "piece": asdict(piece)}
        stamp = self._stamp(content, piece)
        known = ScanShard.objects.filter(request=self._request, round=self._request.round, stamp=stamp)
        if not piece.files:
            known.filter(created_at__lt=timezone.now() - KEPT).delete()
        shard, fresh = known.get_or_create(
            defaults={
                "request": self._request,
                "artifact": artifact,
                "round": self._request.round,
                "stamp": stamp,
                "order": vault.encrypt(self._key, content),
            }
        )
        if fresh:
            jobs.enqueue(shard.pk, Work.SCAN)
        return shard

    def _stamp(self, content: dict[str, Any], piece: Piece) -> str:
        """Keyed digest of the order and its files' size and time: what an earlier leader's result must agree with."""
        seen = [(name, *_seen(Path(name))) for name in piece.files]
        return hmac.new(self._key, json.dumps([content, seen], sort_keys=True).encode(), "sha256").hexdigest()

    def _work(self, ids: Sequence[uuid.UUID], progress: Progress) -> None:
        """Read parts until every one is read, by whomever."""
        while waiting := set(ScanShard.objects.filter(pk__in=ids, found=None).values_list("pk", flat=True)):
            progress(1 - len(waiting) / len(ids), f"Searching: {len(ids) - len(waiting)} of {len(ids)} parts")
            job = jobs.claim(f"{socket.gethostname()}:{os.getpid()}", among=waiting)
            if job is not None:
                _take(job)
            elif failed := _failed(waiting):
                run(failed, Unattended())
            else:
                time.sleep(PAUSE)

    def _found(self, shard: ScanShard, asked: dict[str, Any]) -> Part:
        """The part's result, if it answers what this part was asked: one that was put there from elsewhere goes."""
        shard.refresh_from_db(fields=["found"])
        content = vault.decrypt(self._key, bytes(shard.found or b""))
        if not hmac.compare_digest(str(content.get("answers")), _asked(self._key, asked)):
            with transaction.atomic():
                jobs.discard([shard.pk], Work.SCAN)
                shard.delete()
            raise ProofFailed(
                "Putting a search together: a part holds the answer to another question; it was thrown away.",
                next_action="Try the case again: it is read anew. If this happens twice, find out who writes there.",
            )
        return Part.read(content)


def run(shard_id: uuid.UUID, progress: Progress) -> None:
    """Read one part; nothing when its search was given up, or somebody has read it."""
    shard = ScanShard.objects.select_related("artifact__entity", "request__entity").filter(pk=shard_id).first()
    if shard is None or shard.found is not None or shard.request.stage.work != Work.TRACE:
        return
    key = vault.case_key(shard.request)
    content = vault.decrypt(key, shard.order)
    given = content["piece"]
    window = tuple(given["window"]) if given["window"] else None
    piece = Piece(given["artifact"], tuple(given["files"]), window)
    part = scanning.read(piece, shard.artifact, _question(content))
    with progress.commit():
        sealed = vault.encrypt(key, {**part.content(), "answers": _asked(key, content)})
        ScanShard.objects.filter(pk=shard_id).update(found=sealed, worker=f"{socket.gethostname()}:{os.getpid()}")


def _asked(key: bytes, content: dict[str, Any]) -> str:
    """Keyed digest of what a part was asked, and of which part: what its answer must say that it answers."""
    return hmac.new(key, json.dumps(content, sort_keys=True).encode(), "sha256").hexdigest()


def _take(job: Job) -> None:
    """What a worker does with a part's job, in the middle of the leader's own."""
    try:
        with jobs.Heartbeat(job) as progress:
            run(job.case_id, progress)
            with jobs.fenced(job):
                jobs.finish(job)
    except LeaseLost:
        return
    except OubliError as error:
        with transaction.atomic():
            jobs.fail(job, error)
        raise


def _failed(waiting: set[uuid.UUID]) -> uuid.UUID | None:
    """A part that a worker could not read, or whose job is gone."""
    own = Job.objects.filter(case_id__in=waiting, work=Work.SCAN)
    fine = set(own.live().filter(attempts=0).values_list("case_id", flat=True))
    return next(iter(sorted(waiting - fine, key=str)), None)


def _order(question: Question) -> dict[str, Any]:
    return {
        "needles": [{"kind": n.kind, "value": n.value, "key": n.key} for n in question.needles],
        "keys": sorted(question.keys),
        "region": question.region,
        "describe": question.describe,
    }


def _question(content: dict[str, Any]) -> Question:
    needles = [Needle(**known) for known in content["needles"]]
    return Question(needles, frozenset(content["keys"]), content["region"], describe=content["describe"])


def _seen(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
