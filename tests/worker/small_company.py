"""The small sample company, built once for a test session and copied for each test, with a worker that runs inline."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core import mail
from django.utils import timezone

from compliance.accounts.models import LegalEntity, User
from compliance.evidence import services as evidence
from compliance.intake import decisions, services
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Step
from compliance.provenance import registration
from compliance.provenance.models import Trace
from compliance.rules.terms import Ground, JobStatus, State, Work
from compliance.worker import staff, tasks
from compliance.worker.sample.build import build
from compliance.worker.sample.people import Person, demo_person
from tests.once import once

RECORDS_ONLY = ("tickets", "customers", "training-set", "evaluation", "conversations", "answers")


@dataclass
class House:
    """One installation with one registered company: take its case up, break things, look at the rows."""

    folder: Path
    person: Person
    users: dict[str, User] = field(default_factory=dict)
    _case: ErasureRequest | None = None

    @property
    def case(self) -> ErasureRequest:
        """The case as it is in the database now."""
        assert self._case is not None
        return ErasureRequest.objects.select_related("entity").get(pk=self._case.pk)

    def state(self) -> State:
        """Where the case stands."""
        return State(self.case.state)

    @property
    def systems(self) -> Path:
        """The company's ``systems.yaml``."""
        return self.folder / "systems.yaml"

    def keep_only(self, artifacts: Collection[str]) -> None:
        """Leave other artifacts out of ``systems.yaml``: what a test does not need costs no time."""
        content = yaml.safe_load(self.systems.read_text("utf-8"))
        content["artifacts"] = [a for a in content["artifacts"] if a["id"] in artifacts]
        content["derivations"] = _within(content["derivations"], artifacts)
        self.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    def register(self) -> None:
        """Register what ``systems.yaml`` says, and give the demonstration staff their roles."""
        registration.register(self.systems, by="test")
        self.users = staff.ensure_demo_staff()

    def begin(self) -> None:
        """The person's request, confirmed by the code from the letter."""
        entity = LegalEntity.objects.get(slug="aurora-gmbh")
        form = services.Submission(entity=entity, email=self.person.email, name=self.person.name)
        receipt = services.submit(form)
        tasks.post_letters()
        self._case = services.confirm(receipt.reference, code_of(receipt.reference))

    def accept(self) -> None:
        """The officer accepts: the trace is due."""
        reasons = decisions.Reasons(ground=Ground.CONSENT_WITHDRAWN, reason="test")
        decisions.accept(self.case, by=self.users["olga.demo"], reasons=reasons)

    def planned(self) -> None:
        """Register, request, accept, search, plan; candidates that only a name supports are not the person."""
        self.register()
        self.begin()
        self.accept()
        self.work()
        waiting = Trace.objects.current(self.case).waiting()
        mitigation.answer_candidates(
            self.case, dict.fromkeys((row.pk for row in waiting), False), by=self.users["olga.demo"]
        )

    def approve(self) -> None:
        """Two people approve the plan: mitigation is due."""
        for who in ("olga.demo", "pavel.demo"):
            plan = mitigation.current_plan(self.case)
            assert plan is not None
            digest = plan.digest
            decisions.approve(self.case, by=self.users[who], plan_digest=digest, current_digest=digest)

    def sign_off(self) -> None:
        """The officer signs the evidence off."""
        evidence.sign_off(self.case, by=self.users["olga.demo"])

    def work(self) -> None:
        """Do what is due, and wait for no pause: a job that waits to be tried again is tried when it is asked again."""
        self.hurry()
        tasks.look()

    def hurry(self) -> None:
        """Make every queued job of the case due now."""
        Job.objects.filter(status=JobStatus.QUEUED, case_id=self.case.pk).exclude(work=Work.FOLLOW_UP).update(
            due_at=timezone.now()
        )

    def exhaust(self) -> None:
        """Try until the work is a person's turn."""
        for _ in range(10):
            if self.stopped() is not None:
                return
            self.work()

    def job(self, work: Work) -> Job:
        """The newest job of a work."""
        return Job.objects.of(self.case.pk).filter(work=work)[0]

    def stopped(self) -> Job | None:
        """The job that needs a person."""
        return Job.objects.of(self.case.pk).filter(status=JobStatus.FAILED).first()

    def steps(self, **which: Any) -> list[Step]:
        """Steps of the present plan."""
        plan = mitigation.current_plan(self.case)
        return list(plan.steps.filter(**which)) if plan else []


def _within(derivations: list[dict[str, Any]], artifacts: Collection[str]) -> list[dict[str, Any]]:
    kept = []
    for entry in derivations:
        sources = entry["from"] if isinstance(entry["from"], list) else [entry["from"]]
        left = [source for source in sources if source in artifacts]
        if left and entry["to"] in artifacts:
            kept.append({**entry, "from": left})
    return kept


def code_of(reference: str) -> str:
    """The single-use code from the letter about a reference."""
    texts = [str(letter.body) for letter in mail.outbox if reference in str(letter.body)]
    found = re.search(r"code[^\n]*?:\s*([2-9A-HJ-NP-Z]{8})|[?&]code=([2-9A-HJ-NP-Z]{8})", texts[-1])
    assert found is not None
    return found.group(1) or found.group(2)


@pytest.fixture(scope="session")
def built_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sample company, built once; copy it, never change it."""
    return once(tmp_path_factory, "small-company", lambda folder: build(folder / "aurora", small=True)) / "aurora"


@pytest.fixture
def installation(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Folders of the test's own; a lease so long that no heartbeat meets a test's transaction."""
    var = tmp_path / "var"
    for name in ("mail", "evidence", "undo", "suppressions", "broker"):
        setattr(settings, f"OUBLI_{name.upper()}", var / name)
    settings.OUBLI_VAR = var
    settings.OUBLI_KEYS = var / "keys"
    settings.OUBLI_LEASE_SECONDS = 600
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    var.mkdir()
    yield var


@pytest.fixture
def house(built_company: Path, tmp_path: Path, installation: Path, transactional_db: None) -> House:
    """A copy of the whole small company, nothing registered yet."""
    folder = tmp_path / "aurora"
    shutil.copytree(built_company, folder)
    return House(folder, demo_person(small=True))


@pytest.fixture
def records(house: House) -> House:
    """The same without index and model: a case in seconds."""
    house.keep_only(RECORDS_ONLY)
    return house


Break = Callable[[House], None]
