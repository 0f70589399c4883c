"""One case from the form to verified evidence, decided by demonstration accounts, watched with progress bars."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from compliance.accounts.models import LegalEntity, User
from compliance.evidence import services as evidence
from compliance.evidence.models import Report
from compliance.intake import decisions, services
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.provenance.models import Trace
from compliance.rules.errors import OubliError
from compliance.rules.figures import plain
from compliance.rules.terms import Ground, JobStatus, Law, State, Support, Verdict, Work
from compliance.validation.models import Measurement

PATIENCE = 900.0  # seconds for one piece of work, restarts included


@dataclass(frozen=True)
class Subject:
    """Whose request it is: what the person types into the form."""

    email: str
    name: str = ""
    language: str = "en"


class CaseStopped(OubliError):
    """A job of the case needs a person; cause and next action are those of the job."""


@dataclass(frozen=True)
class Case:
    """A running demonstration."""

    request: ErasureRequest
    staff: dict[str, User]
    console: Console

    @property
    def now(self) -> ErasureRequest:
        """The case as it is in the database now."""
        return ErasureRequest.objects.select_related("entity").get(pk=self.request.pk)


def begin(subject: Subject, entity: LegalEntity, staff: dict[str, User], console: Console) -> Case:
    """Fill in the form and take the code out of the letter, as the person would."""
    form = services.Submission(entity=entity, email=subject.email, name=subject.name, language=subject.language)
    receipt = services.submit(form)
    console.print(
        f"[bold]{receipt.reference}[/] received by {entity.name}; answer promised by {receipt.request.promised_on}"
    )
    code = _wait(lambda: code_for(receipt.reference), 120, "the acknowledgement in the mail folder")
    services.confirm(receipt.reference, code)
    console.print("Identity confirmed by the single-use code from the letter")
    return Case(receipt.request, staff, console)


def code_for(reference: str) -> str | None:
    """The code in the newest letter about a reference in the mail folder."""
    folder = Path(settings.OUBLI_MAIL)
    for path in sorted(folder.glob("*.log"), key=lambda p: p.stat().st_mtime, reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        part = message.get_body(("plain",))
        text = part.get_content() if part else ""
        found = re.search(r"code[^\n]*?:\s*([2-9A-HJ-NP-Z]{8})|[?&]code=([2-9A-HJ-NP-Z]{8})", text)
        if reference in text and found:
            return found.group(1) or found.group(2)
    return None


def climb(case: Case) -> Report:
    """Take the case up all floors; a case that is already on its way goes on from where it stands."""
    olga, pavel = case.staff["olga.demo"], case.staff["pavel.demo"]
    if State(case.now.state) is State.VERIFIED:
        ground = Ground.LGPD_CONSENT if case.now.law == Law.LGPD else Ground.CONSENT_WITHDRAWN
        decisions.accept(case.now, by=olga, reasons=decisions.Reasons(ground=ground, reason="demonstration"))
    if State(case.now.state) in (State.ACCEPTED, State.TRACED):
        watch(case, [Work.TRACE, Work.PLAN], until=State.PLANNED)
    if State(case.now.state) is State.PLANNED:
        _answer_candidates(case, olga)
        _approve(case, olga, pavel)
    if State(case.now.state) in (State.APPROVED, State.MITIGATED):
        watch(case, [Work.MITIGATE, Work.VALIDATE], until=State.VALIDATED)
    if State(case.now.state) is State.VALIDATED:
        watch(case, [Work.REPORT], until=None)
        evidence.sign_off(case.now, by=olga, reason="demonstration")
        case.console.print("Signed off; the outcome letter is on its way")
    report = evidence.latest(case.now)
    if report is None:
        raise CaseStopped(f"The case stands in {case.now.state} and has no report.")
    return report


def _answer_candidates(case: Case, olga: User) -> None:
    """The demonstration's officer says no to every candidate; the plan then follows by itself."""
    waiting = list(Trace.objects.current(case.now).waiting().select_related("artifact", "request__entity"))
    if waiting:
        mitigation.answer_candidates(case.now, {row.pk: False for row in waiting}, by=olga)
        case.console.print(
            f"{len(waiting)} candidates ({_of_what(waiting)}): not ticked by {olga.username}, so they stay"
        )


def _of_what(waiting: Sequence[Trace]) -> str:
    near = sum(row.support == Support.NEAR for row in waiting)
    parts = [(len(waiting) - near, "only a name or an unproven identifier"), (near, "nearly the same text")]
    return ", ".join(f"{words}: {count}" for count, words in parts if count)


def _approve(case: Case, olga: User, pavel: User) -> None:
    for by in (olga, pavel):
        plan = mitigation.current_plan(case.now)
        if plan is None:
            raise CaseStopped("The case is planned but has no plan.")
        mitigation.approve(case.now, by=by, plan_digest=plan.digest)
        word = "endorsed" if by is olga else "approved"
        case.console.print(f"Plan {plan.digest[:12]} {word} by {by.username}")


def watch(case: Case, works: Sequence[Work], *, until: State | None) -> None:
    """Show the progress of the case's jobs until the state is reached (or, without one, until the last job is done)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.fields[words]}"), console=case.console) as bars:
        shown = {work: bars.add_task(work.label, total=1.0, words="", start=False) for work in works}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            jobs = {job.work: job for job in Job.objects.of(case.request.pk).order_by("created_at")}
            for work, bar in shown.items():
                if job := jobs.get(work):
                    bars.start_task(bar)
                    bars.update(bar, completed=job.fraction, words=job.message[:60])
            if _ended(case, jobs, works[-1], until):
                for bar in shown.values():
                    bars.update(bar, completed=1.0, words="")
                return
            time.sleep(0.3)
    raise CaseStopped(f"The case stands in {case.now.state} since too long.", next_action="Read var/log/worker.log.")


def _ended(case: Case, jobs: dict[str, Job], last: Work, until: State | None) -> bool:
    for job in jobs.values():
        if job.status == JobStatus.FAILED:
            raise CaseStopped(f"{Work(job.work).label}: {job.error_message}", next_action=job.next_action)
    if until is None:
        return last in jobs and jobs[last].status == JobStatus.DONE
    state = State(case.now.state)
    if state is State.PLANNED and until is State.VALIDATED:
        raise CaseStopped(
            f"A proof failed: the case went back to its plan. {_failed(case)}",
            next_action="Read the measurements on its page. What is left may stand in a place that is not mapped.",
        )
    return state is until


def _failed(case: Case) -> str:
    """The failed measurements of the case's newest plan, in words."""
    rows = Measurement.objects.filter(request=case.request, verdict=Verdict.FAILED).select_related("artifact")
    return " ".join(f"{row.artifact.name}: {row.name.replace('_', ' ')} {plain(row.value or 0.0)}." for row in rows)


def verify(report: Report) -> tuple[bool, str]:
    """Check the pack with the verifier that an auditor uses: a process of its own, no Django, no network."""
    from compliance.evidence import verify as verifier

    path = evidence.pack_path(report)
    command = [sys.executable, str(Path(verifier.__file__)), str(path), "--key", evidence.fingerprint()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).rstrip()


def _wait(look: Callable[[], str | None], seconds: float, what: str) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise CaseStopped(f"Waited {seconds:.0f} seconds for {what}.", next_action="Read var/log/worker.log.")
