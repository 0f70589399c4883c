"""One case in an installation of its own, its worker killed at the planned moments; what it became, as JSON.

Started by ``chaos.py``, which sets the environment (folder, lease) before Django reads it. The worker and the scheduler
run as ``manage.py run`` has them; the killer sends SIGKILL to the worker's whole group.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")
ORDER = ("TRACE", "PLAN", "MITIGATE", "VALIDATE", "REPORT", "FOLLOW_UP")
LOOK = 0.02  # seconds between two looks at the job rows
COUNTS: tuple[str, ...] = (
    "removed",
    "redacted",
    "remaining",
    "records_after",
    "digest_after",
    "hidden",
    "entries",
    "contents",
)
COUNTS += ("identifiers", "weights", "serving", "level", "recipients", "requested", "by_hand", "destroyed", "kept")


@dataclass
class Kill:
    """One SIGKILL: at which work, during what and how many seconds into it; and after how many seconds work went on."""

    work: str
    during: str
    seconds: float
    at: float
    resumed: float | None = None


class Watcher(threading.Thread):
    """Follows one case by what it does (a label); kills the worker at the planned seconds into the planned labels.

    A label is the work and, in it, the step or the words of its progress. After a kill the same label begins anew. A
    moment whose label went by too fast falls into what comes next.
    """

    def __init__(self, moments: list[tuple[str, float]], processes: Any) -> None:
        super().__init__(daemon=True, name="killer")
        self.moments, self.processes = list(moments), processes
        self.case: Any = None
        self.kills: list[Kill] = []
        self.timeline: dict[str, float] = {}
        self._stop_now = threading.Event()
        self._fence: dict[str, int] = {}
        self._label, self._within, self._late = "", 0.0, 0.0
        self._last = time.monotonic()

    def finish(self) -> None:
        """Stop looking."""
        self._stop_now.set()
        self.join(timeout=5)

    def run(self) -> None:
        """Look, add up seconds per label, kill."""
        from django.db import connection

        while not self._stop_now.wait(LOOK):
            now, passed = time.monotonic(), time.monotonic() - self._last
            self._last = now
            if self.case is not None:
                self._look(now, passed)
        connection.close()

    def _look(self, now: float, passed: float) -> None:
        from compliance.jobs.models import Job

        for job in Job.objects.filter(case_id=self.case.request.pk):
            if job.fence > self._fence.get(job.work, 0):
                self._fence[job.work] = job.fence
                self._label = ""
                self._resumed(job.work, now)
            if job.status == "running" and not self._waits(job.work):
                self._follow(job, passed)

    def _follow(self, job: Any, passed: float) -> None:
        label = self._label_of(job)
        if label != self._label:
            self._label, self._within = label, 0.0
            self._late = 0.3 * random.random()
        self._within += passed
        self.timeline[label] = self.timeline.get(label, 0.0) + passed
        if not self.moments:
            return
        wanted, seconds = self.moments[0]
        reached = self._within >= seconds if label.startswith(wanted) else self._within >= self._late
        if reached and (label.startswith(wanted) or self._went_by(wanted, job.work)):
            self.moments.pop(0)
            self._kill(job)

    def _went_by(self, wanted: str, work: str) -> bool:
        earlier = ORDER.index(wanted.partition(":")[0]) < ORDER.index(work)
        return earlier or any(label.startswith(wanted) for label in self.timeline)

    def _label_of(self, job: Any) -> str:
        from compliance.mitigation.models import Step

        step = Step.objects.filter(plan__request=self.case.request, status="running").select_related("artifact").first()
        if job.work in ("PLAN", "MITIGATE") and step:
            return f"{job.work}: {step.action} {step.artifact.slug if step.artifact else ''}"
        return f"{job.work}: {re.sub('[0-9]+', '#', job.message)}"

    def _waits(self, work: str) -> bool:
        return any(kill.work == work and kill.resumed is None for kill in self.kills)

    def _resumed(self, work: str, now: float) -> None:
        for kill in self.kills:
            if kill.work == work and kill.resumed is None:
                kill.resumed = now - kill.at

    def _kill(self, job: Any) -> None:
        pid = self.processes.pid("worker")
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills.append(Kill(job.work, self._label.partition(": ")[2], self._within, time.monotonic()))


def main() -> int:
    """Run the case and write what it became."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=Path, required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--moments", default="[]", help="JSON: [label, seconds into it] of each kill")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    import django

    django.setup()
    options.json.write_text(json.dumps(_run(options), indent=1, default=str))
    return 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    from django.core.management import call_command
    from rich.console import Console

    from compliance.accounts.models import LegalEntity
    from compliance.provenance import registration
    from compliance.rules.errors import OubliError
    from compliance.worker import demo, staff
    from compliance.worker.supervise import Processes, commands

    call_command("migrate", verbosity=0)
    registration.register(options.systems, by="benchmark")
    users, entity = staff.ensure_demo_staff(), LegalEntity.objects.get(slug="aurora-gmbh")
    started, stopped, verified, words = time.monotonic(), "", False, ""
    with Processes(commands(port=0, serve=False)) as processes:
        watcher = Watcher(json.loads(options.moments), processes)
        watcher.start()
        case = demo.begin(demo.Subject(email=options.email), entity, users, Console(stderr=True))
        watcher.case = case
        try:
            verified, words = demo.verify(demo.climb(case))
        except OubliError as error:
            stopped = str(error)
        _settle(case)
        watcher.finish()
    return {
        "seconds": round(time.monotonic() - started, 2),
        "stopped": stopped,
        "verified": verified,
        "verifier": words.splitlines()[-1:],
        "timeline": watcher.timeline,
        "kills": [asdict(kill) for kill in watcher.kills],
        **_became(case),
    }


def _settle(case: Any) -> None:
    """Letters owed and the sweep's first visit: wait until nothing is due any more."""
    from django.utils import timezone

    from compliance.intake.models import Notice
    from compliance.jobs.models import Job

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        jobs = Job.objects.filter(case_id=case.request.pk)
        running = jobs.filter(status="running").exists() or jobs.due(timezone.now()).exists()
        if not running and not Notice.objects.filter(sent_at=None, due_at__lte=timezone.now()).exists():
            return
        time.sleep(0.2)


def _became(case: Any) -> dict[str, Any]:
    from compliance.audit import services as audit
    from compliance.evidence.models import Report
    from compliance.intake.models import Notice
    from compliance.mitigation.models import Leftover, Suppression
    from compliance.mitigation.services import current_plan
    from compliance.provenance.models import Exclusion, Trace
    from compliance.validation.models import Measurement

    audit.sequence()
    found, plan = audit.verify_all(), current_plan(case.now)
    steps = list(plan.steps.select_related("artifact")) if plan else []
    reference = case.request.reference
    return {
        "reference": reference,
        "state": case.now.state,
        "log": {"holds": found.holds, "problems": list(found.problems), "lines": found.lines},
        "steps": [_step(step) for step in steps],
        "leftovers": sorted(Leftover.objects.values_list("path", flat=True)),
        "rows": {
            "traces": Trace.objects.filter(request=case.request).count(),
            "exclusions": Exclusion.objects.filter(case=reference).count(),
            "suppressions": Suppression.objects.filter(request=case.request).count(),
            "measurements": Measurement.objects.filter(request=case.request).count(),
            "reports": Report.objects.filter(request=case.request).count(),
            "letters": Notice.objects.filter(request=case.request).count(),
            "letters unsent": Notice.objects.filter(request=case.request, sent_at=None).count(),
        },
    }


def _step(step: Any) -> dict[str, Any]:
    receipt = {name: value for name, value in (step.receipt or {}).items() if name in COUNTS}
    said = bool(step.receipt) if step.status == "done" else bool(step.scheduled_for or step.receipt or step.error)
    return {
        "action": step.action,
        "artifact": step.artifact.slug if step.artifact else "",
        "status": str(step.status),
        "receipt": receipt,
        "said": said,
    }


def moments(timeline: dict[str, float], kills: int, seed: int) -> list[tuple[str, float]]:
    """Random moments, one in each of ``kills`` equal slices of an undisturbed case's time: label, seconds into it."""
    draw, whole = random.Random(seed), sum(timeline.values())
    found = []
    for number in range(kills):
        at = (number + draw.random()) * whole / kills
        for label, seconds in timeline.items():
            if at < seconds:
                found.append((label, at))
                break
            at -= seconds
    return found


if __name__ == "__main__":
    sys.exit(main())
