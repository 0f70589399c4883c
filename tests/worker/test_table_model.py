"""A case reaches a model of a table: an unlearning job fits it anew, its gate judges, it is swapped in and audited."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import shutil
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance.accounts.models import LegalEntity
from compliance.evidence import services as evidence
from compliance.evidence import verify
from compliance.forgetting import folders
from compliance.forgetting.models import UnlearningJob
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.jobs.progress import Unattended
from compliance.mitigation import refitting
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Step
from compliance.provenance.models import Artifact
from compliance.rules.terms import ClaimLevel, JobStatus, State, StepStatus, Verdict, Work
from compliance.validation import claiming
from tests.worker.small_company import House
from unlearning.classifiers.tables import commands
from unlearning.types import silent

COLUMNS = ("row_id", "customer_id", "city", "visits", "spend", "churned")
TOWN = "Kirchberg-Unterhausen"  # only the person lives there: the model's vocabulary keeps it


@pytest.fixture
def shop(records: House, settings: Any) -> House:
    """The small company with a table of visits and a model of who leaves."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = records.folder / "models" / "aurora-gmbh"
    write_table(home / "churn", records.person.customer_id)
    fitted(home / "churn", home / "churn-model")
    records.keep_only(("customers",))
    add(records, *ENTRIES)
    return records


def write_table(folder: Path, person: str) -> None:
    """Two hundred rows of a hundred customers, three of them the person's, and the schema beside."""
    chance = random.Random(3)
    folder.mkdir(parents=True)
    rows = [(f"R-{n}", f"X-{n % 100:05}", chance.choice(("Ulm", "Bonn"))) for n in range(200)]
    rows += [(f"R-{900 + n}", person, TOWN) for n in range(3)]
    with (folder / "train.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(COLUMNS)
        for key, customer, city in rows:
            visits = chance.randint(0, 9)
            leaves = "yes" if visits + chance.random() * 4 < 6 else "no"
            table.writerow((key, customer, city, visits, round(chance.random() * 90, 2), leaves))
    (folder / "schema.json").write_text(json.dumps({"target": "churned", "identifiers": ["row_id", "customer_id"]}))


def fitted(data: Path, out: Path) -> None:
    """The model, by the library's own command."""
    options = Namespace(data=data, out=out, estimator="logistic", shards=1, seed=0)
    commands.COMMANDS["train"](options, silent)


_COMMON = {"entity": "aurora-gmbh", "purpose": "Keep customers", "lawful_basis": "contract", "retention": "1 year"}
ENTRIES: tuple[dict[str, Any], ...] = (
    {
        **_COMMON,
        "id": "visits",
        "name": "Visits",
        "kind": "dataset",
        "connector": "files",
        "location": "models/aurora-gmbh/churn/train.csv",
        "key_field": "row_id",
        "subject_fields": ["customer_id"],
    },
    {
        **_COMMON,
        "id": "churn",
        "name": "Churn model",
        "kind": "model",
        "connector": "table_model",
        "location": "models/aurora-gmbh/churn-model",
    },
)


def add(house: House, *entries: Mapping[str, Any]) -> None:
    """Write artifacts into ``systems.yaml``, the model derived from the table."""
    content = yaml.safe_load(house.systems.read_text("utf-8"))
    content["artifacts"] += [dict(entry) for entry in entries]
    content["derivations"].append(
        {"from": "visits", "to": "churn", "run": "fit.py", "how": "fitted", "at": "2026-01-05T09:00:00Z"}
    )
    house.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def weights_of(house: House) -> bytes:
    """What serves."""
    return (house.folder / "models/aurora-gmbh/churn-model/model.pickle").read_bytes()


def step_of(house: House, action: str) -> Step:
    """The step of that name on the model."""
    (found,) = house.steps(artifact__slug="churn", action=action)
    return found


def claim_of(house: House) -> Any:
    """What may be said of the model."""
    plan = mitigation.current_plan(house.case)
    assert plan is not None
    return next(claim for artifact, claim in claiming.claims_of(house.case, plan) if artifact.slug == "churn")


def test_a_whole_case_fits_the_model_anew_and_may_call_it_erased(shop: House, tmp_path: Path) -> None:
    before = weights_of(shop)
    shop.planned()
    assert TOWN.encode() in before
    order = [step.action for step in shop.steps() if step.action in ("replay_model", "erase_records")]
    assert order[0] == "replay_model"  # while the rows that it was fitted on are still there
    shop.approve()
    shop.work()
    assert shop.state() is State.VALIDATED, shop.stopped() and shop.stopped().error_message
    serving = weights_of(shop)
    fitted(shop.folder / "models/aurora-gmbh/churn", tmp_path / "never-saw")
    assert serving == (tmp_path / "never-saw/model.pickle").read_bytes() != before
    assert TOWN.encode() not in serving
    (job,) = UnlearningJob.objects.all()
    assert job.forget == {"ids": [], "count": 3}
    assert Job.objects.get(case_id=job.pk).status == JobStatus.DONE
    measured = shop.case.measurements.get(artifact__slug="churn", name="equals_a_fit_without")
    assert (measured.verdict, measured.value) == (Verdict.PASSED, 1.0)
    assert shop.case.measurements.filter(artifact__slug="churn", name="held_out_accuracy", n__gt=0).exists()
    assert claim_of(shop).level is ClaimLevel.ERASED
    shop.sign_off()
    shop.work()
    assert shop.state() is State.ANSWERED
    report = evidence.latest(shop.case)
    assert report is not None
    assert verify.verify(evidence.pack_path(report).read_bytes(), key=evidence.fingerprint())


@pytest.mark.slow
def test_a_gate_that_decides_nothing_promotes_nothing_and_tells_the_officer_why(shop: House) -> None:
    before = weights_of(shop)
    shop.planned()
    shop.approve()
    task = mitigation.Task(shop.case, step_of(shop, "replay_model"), mitigation_progress())
    finish_undecided(task)
    shop.exhaust()
    stopped = shop.stopped()
    assert stopped is not None
    assert "could not be decided" in stopped.error_message
    assert "Too few references" in stopped.error_message
    assert step_of(shop, "replay_model").status == StepStatus.WAITING
    assert weights_of(shop) == before
    assert shop.state() is State.APPROVED
    rows = (shop.folder / "models/aurora-gmbh/churn/train.csv").read_text()
    assert shop.person.customer_id not in rows  # the rows do not wait for the model
    assert claim_of(shop).level is ClaimLevel.NOT_SHOWN


def mitigation_progress() -> Any:
    """Nobody listens."""
    return Unattended()


def finish_undecided(task: Any) -> None:
    """The step's job, ended, with the gate's word as an approximate route gives it when references are too few."""
    ordered = refitting._seen_to_its_end(task, refitting._ordered(task))
    assert ordered.result is not None
    reasons = ["Too few references (0) or strangers (0) to judge rows."]
    ordered.result = {**ordered.result, "gate": "inconclusive", "reasons": reasons}
    ordered.save(update_fields=["result"])


@pytest.mark.slow
def test_after_an_undecided_gate_a_model_that_the_engineer_fits_anew_ends_the_case(shop: House) -> None:
    shop.planned()
    shop.approve()
    finish_undecided(mitigation.Task(shop.case, step_of(shop, "replay_model"), mitigation_progress()))
    shop.exhaust()
    home = shop.folder / "models/aurora-gmbh"
    shutil.rmtree(home / "churn-model")
    fitted(home / "churn", home / "churn-model")
    jobs.retry(shop.job(Work.MITIGATE))
    shop.work()
    assert shop.state() is State.VALIDATED, shop.stopped()
    assert claim_of(shop).level is ClaimLevel.ERASED


@pytest.mark.slow
def test_a_step_that_runs_again_finds_its_job_and_makes_the_same_model(shop: House) -> None:
    shop.planned()
    shop.approve()
    task = mitigation.Task(shop.case, step_of(shop, "replay_model"), mitigation_progress())
    first = refitting._seen_to_its_end(task, refitting._ordered(task))
    Step.objects.filter(pk=task.step.pk).update(intent={})  # killed before it could remember the order
    shop.work()
    assert shop.state() is State.VALIDATED
    assert [job.pk for job in UnlearningJob.objects.all()] == [first.pk]
    digest = hashlib.sha256(weights_of(shop)).hexdigest()
    assert digest in {row["sha256"] for row in first.artifacts}


def test_a_model_outside_the_companys_folder_is_refused_in_words_before_a_row_is_touched(
    shop: House, settings: Any
) -> None:
    settings.OUBLI_MODELS = shop.folder / "elsewhere"
    shop.planned()
    shop.approve()
    shop.work()
    stopped = shop.stopped()
    assert stopped is not None
    assert "OUBLI_MODELS" in stopped.next_action
    assert shop.person.customer_id in (shop.folder / "models/aurora-gmbh/churn/train.csv").read_text()
    assert Artifact.objects.filter(slug="churn").exists()
    assert folders.root(LegalEntity.objects.get(slug="aurora-gmbh")) == shop.folder / "elsewhere/aurora-gmbh"
