"""A case reaches a classifier of images: trained again or approximated by a job, swapped in by its gate, and proven."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from compliance.evidence import services as evidence
from compliance.evidence import verify
from compliance.forgetting import folders
from compliance.forgetting.models import UnlearningJob
from compliance.jobs import services as jobs
from compliance.jobs.progress import Unattended
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Leftover, Step
from compliance.provenance.models import Trace
from compliance.rules.terms import ClaimLevel, Horizon, State, StepStatus, Verdict, Work
from compliance.validation import claiming
from tests.worker.small_company import House
from unlearning.classifiers import commands, networks
from unlearning.types import silent

HERS = ("ones/3.png", "ones/7.png", "twos/5.png")
_COMMON = {"entity": "aurora-gmbh", "purpose": "Sort photos", "lawful_basis": "contract", "retention": "1 year"}


def drawn(label: int, number: int) -> Image.Image:
    """Bright above or below, with noise of its own: easy to tell, and no two alike."""
    chance = np.random.default_rng(1000 * label + number)
    levels = chance.integers(0, 90, (32, 32), dtype=np.uint8)
    levels[16 * label : 16 * label + 16] += 120
    levels[4:12, 4:12] = np.kron(chance.integers(0, 255, (4, 4), dtype=np.uint8), np.ones((2, 2), dtype=np.uint8))
    return Image.fromarray(levels)


def write_pictures(
    folder: Path,
    lines: list[tuple[str, str]],
    *,
    each: int = 40,
    held: int = 20,
    names: tuple[str, ...] = ("ones", "twos"),
) -> None:
    """A folder a class below ``train/`` and ``test/``, and the people file."""
    for part, first, count in (("train", 0, each), ("test", 500, held)):
        for label, name in enumerate(names):
            home = folder / part / name
            home.mkdir(parents=True)
            for number in range(1, count + 1):
                drawn(label, first + number).save(home / f"{number}.png")
    (folder / "people.csv").write_text("".join(f"{row},{person}\n" for row, person in lines))


ASKED: dict[str, Any] = dict.fromkeys(
    ("people", "without_class", "forget_class", "forget_ids", "model", "module", "out")) | {
    "folds": 0, "shards": 1, "slices": 1, "epochs": 3, "seed": 4, "budget": "", "references": [], "shadows": 0,
}  # fmt: skip


def ran(verb: str, **given: Any) -> Any:
    """A verb of the library's own command."""
    return commands.COMMANDS[verb](Namespace(**{**ASKED, **given}), silent)


def trained(data: Path, out: Path, **given: Any) -> None:
    """The model, by the library's own command."""
    ran("train", data=data, out=out, **given)


def add(house: House, **options: Any) -> None:
    """Write pictures and classifier into ``systems.yaml``."""
    content = yaml.safe_load(house.systems.read_text("utf-8"))
    photos = {"id": "photos", "name": "Photos", "kind": "dataset", "connector": "images"}
    model = {"id": "sorter", "name": "Photo sorter", "kind": "model", "connector": "classifier", "options": options}
    for entry, where in ((photos, "photos"), (model, "sorter")):
        content["artifacts"].append({**_COMMON, **entry, "location": f"models/aurora-gmbh/{where}"})
    content["derivations"].append(
        {"from": "photos", "to": "sorter", "run": "fit.py", "how": "trained", "at": "2026-01-05T09:00:00Z"}
    )
    house.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


@pytest.fixture
def studio(records: House, settings: Any) -> House:
    """The small company with eighty training pictures, three of them the person's."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = records.folder / "models" / "aurora-gmbh"
    her = records.person.customer_id
    lines = [(row, her) for row in HERS] + [("test/ones/2.png", her), ("ones/8.png", "X-00001")]
    write_pictures(home / "photos", lines)
    trained(home / "photos", home / "sorter")
    records.keep_only(("customers",))
    add(records)
    return records


def home_of(house: House) -> Path:
    """Where the company's models and pictures lie."""
    return house.folder / "models/aurora-gmbh"


def weights_of(folder: Path) -> bytes:
    """What serves."""
    return (folder / "model.safetensors").read_bytes()


def step_of(house: House, action: str) -> Step:
    """The step of that name on the classifier."""
    (found,) = house.steps(artifact__slug="sorter", action=action)
    return found


def claim_of(house: House, slug: str = "sorter") -> Any:
    """What may be said of an artifact."""
    plan = mitigation.current_plan(house.case)
    assert plan is not None
    return next(claim for artifact, claim in claiming.claims_of(house.case, plan) if artifact.slug == slug)


@pytest.mark.slow
def test_a_whole_case_trains_the_classifier_again_and_may_call_it_erased(studio: House, tmp_path: Path) -> None:
    home, before = home_of(studio), weights_of(home_of(studio) / "sorter")
    studio.planned()
    made = step_of(studio, "replay_model")
    assert (made.exact, made.planned["parameters"]["method"]) == (True, "retrain")
    assert "s, of 3,600 s that it may" in made.reason
    studio.approve()
    studio.work()
    assert studio.state() is State.VALIDATED, studio.stopped() and studio.stopped().error_message
    trained(home / "photos", tmp_path / "never-saw")
    assert weights_of(home / "sorter") == weights_of(tmp_path / "never-saw") != before
    assert not [row for row in HERS if (home / "photos/train" / row).exists()]
    assert not (home / "photos/test/ones/2.png").exists()
    assert (home / "photos/people.csv").read_text() == "ones/8.png,X-00001\n"
    (job,) = UnlearningJob.objects.all()
    assert job.forget == {"ids": [], "count": 3}
    measured = studio.case.measurements.get(artifact__slug="sorter", name="equals_a_retraining")
    assert (measured.verdict, measured.value) == (Verdict.PASSED, 1.0)
    assert claim_of(studio).level is ClaimLevel.ERASED
    assert claim_of(studio, "photos").level is ClaimLevel.ERASED
    studio.sign_off()
    studio.work()
    assert studio.state() is State.ANSWERED
    report = evidence.latest(studio.case)
    assert report is not None
    assert verify.verify(evidence.pack_path(report).read_bytes(), key=evidence.fingerprint())


@pytest.fixture
def hurried(studio: House) -> House:
    """The same, but training again may take no time at all."""
    home = home_of(studio)
    with (home / "photos/people.csv").open("a") as handle:  # a household's picture, with somebody else on it
        handle.write(f"ones/8.png,{studio.person.customer_id}\n")
    content = yaml.safe_load(studio.systems.read_text("utf-8"))
    next(entry for entry in content["artifacts"] if entry["id"] == "sorter")["options"] = {
        "budget_seconds": 0,
        "references": 4,
    }
    studio.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return studio


@pytest.mark.slow
def test_an_approximate_route_that_shows_nothing_promotes_nothing_until_an_engineer_trains_again(
    hurried: House,
) -> None:
    home = home_of(hurried)
    before = weights_of(home / "sorter")
    hurried.planned()  # the picture with somebody else on it was proposed, and left as it is
    made = step_of(hurried, "unlearn_model")
    assert (made.exact, made.planned["parameters"]["method"]) == (False, "neggrad_plus")
    hurried.approve()
    hurried.exhaust()
    stopped = hurried.stopped()
    assert stopped is not None
    assert "could not be decided" in stopped.error_message
    made = step_of(hurried, "unlearn_model")
    assert made.status == StepStatus.WAITING
    assert made.receipt is not None
    assert made.receipt["attacked"]["after"]["membership AUC"]["n"] == 3
    assert weights_of(home / "sorter") == before
    assert {path.name for path in home.iterdir()} == {"photos", "sorter"}  # the model that nobody vouches for is gone
    assert not list(folders.workplace(made.receipt["job"]).rglob("*.safetensors"))
    assert not [row for row in HERS if (home / "photos/train" / row).exists()]  # they do not wait for the model
    assert (home / "photos/train/ones/8.png").exists()
    assert (home / "photos/people.csv").read_text() == "ones/8.png,X-00001\n"
    assert claim_of(hurried).level is ClaimLevel.NOT_SHOWN
    shutil.rmtree(home / "sorter")
    trained(home / "photos", home / "sorter", seed=9)
    jobs.retry(hurried.job(Work.MITIGATE))
    hurried.work()
    assert hurried.state() is State.VALIDATED, [(m.name, m.verdict) for m in hurried.case.measurements.all()]
    said = claim_of(hurried)  # it learned from the household's picture all the same
    assert (said.level, said.sentence_key) == (ClaimLevel.PARTLY, "erased_trained_except")


@pytest.fixture
def parted(records: House, settings: Any) -> House:
    """A company whose classifier was trained in parts; the person stands on one picture only, with somebody else."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = home_of(records)
    write_pictures(home / "photos", [("ones/8.png", records.person.customer_id), ("ones/8.png", "X-00001")], held=5)
    trained(home / "photos", home / "sorter", shards=3, epochs=2)
    records.keep_only(("customers",))
    add(records)
    return records


def answered(house: House, *, accept: bool) -> None:
    """The officer says whether the picture goes; every other candidate is somebody else's."""
    for row in Trace.objects.current(house.case).filter(candidate=True):
        ours = row.artifact.slug == "photos"
        mitigation.answer_candidate(row, by=house.users["olga.demo"], accept=accept and ours)


def test_a_model_of_a_shared_picture_is_planned_for_once_the_officer_says_that_it_goes(parted: House) -> None:
    parted.planned()
    assert not parted.steps(artifact__slug="sorter")
    (line,) = parted.steps(artifact__slug="photos", action="erase_records")
    assert line.count == 1  # the line that names the person goes in any case
    officer = Client()
    officer.force_login(parted.users["olga.demo"], backend="django.contrib.auth.backends.ModelBackend")
    page = officer.get(reverse("web:traces", args=[parted.case.reference])).content.decode()
    for words in ("A picture goes whole or stays", "ones/8.png", "X-00001", "people on it"):
        assert words in page, words
    answered(parted, accept=True)
    made = step_of(parted, "replay_model")
    assert "was trained in 3 parts" in made.reason
    assert made.planned["parameters"]["method"] == "auto"
    answered(parted, accept=False)
    assert not parted.steps(artifact__slug="sorter")


@pytest.mark.slow
def test_parts_that_saw_the_person_are_trained_again_and_equal_a_training_of_all_parts(parted: House) -> None:
    parted.planned()
    answered(parted, accept=True)
    parted.approve()
    parted.work()
    assert parted.state() is State.VALIDATED, parted.stopped()
    made = step_of(parted, "replay_model").receipt
    assert made is not None
    assert (made["method"], made["exactness"]) == ("sisa", "exact")
    measured = parted.case.measurements.get(artifact__slug="sorter", name="equals_a_retraining")
    assert (measured.verdict, measured.detail["files"]) == (Verdict.PASSED, 4)  # the whole, and each of three parts
    assert claim_of(parted).level is ClaimLevel.ERASED
    home = home_of(parted)
    assert not (home / "photos/train/ones/8.png").exists()
    assert (home / "photos/people.csv").read_text() == "ones/8.png,X-00001\n"
    old = Leftover.objects.get(step__artifact__slug="sorter", kind="superseded")
    assert Path(old.path).is_dir()
    with transaction.atomic():
        mitigation.bring_forward(parted.case, by="test", on=timezone.now().date())
    mitigation.carry_out(parted.case, Unattended(), horizons=(Horizon.LONG_TERM,))
    assert not Path(old.path).exists()


def test_pictures_held_out_by_their_number_are_refused_in_words_before_one_goes(parted: House) -> None:
    home = home_of(parted)
    shutil.rmtree(home / "photos/test")
    for name in ("ones", "twos"):
        (home / "photos/train" / name).rename(home / "photos" / name)
    (home / "photos/train").rmdir()
    parted.planned()
    answered(parted, accept=True)
    parted.approve()
    parted.work()
    stopped = parted.stopped()
    assert stopped is not None
    assert "train/ and test/" in stopped.next_action
    assert (home / "photos/ones/8.png").exists()


@pytest.fixture
def faces(records: House, settings: Any) -> House:
    """Three people, a class each; everything of the person's class is hers, and nobody else is on it."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = home_of(records)
    write_pictures(home / "photos", [], each=12, held=4, names=("ada", "hers", "zoe"))
    her = records.person.customer_id
    rows = [p.relative_to(home / "photos") for p in (home / "photos").glob("*/hers/*.png")]
    lines = [(row.as_posix().removeprefix("train/"), her) for row in rows]
    (home / "photos/people.csv").write_text("".join(f"{row},{who}\n" for row, who in lines))
    trained(home / "photos", home / "sorter", epochs=2)
    records.keep_only(("customers",))
    add(records, budget_seconds=0)  # no other route takes a class away, whatever training again may cost
    return records


@pytest.mark.slow
def test_a_class_that_was_the_persons_alone_goes_from_the_folder_and_from_the_model(
    faces: House, tmp_path: Path
) -> None:
    home = home_of(faces)
    faces.planned()
    made = step_of(faces, "replay_model")
    assert (made.exact, made.planned["parameters"]["method"]) == (True, "retrain")
    faces.approve()
    faces.work()
    assert faces.state() is State.VALIDATED, faces.stopped() and faces.stopped().error_message
    assert {path.name for path in (home / "photos").glob("*/*")} == {"ada", "zoe"}
    receipt = step_of(faces, "replay_model").receipt
    assert receipt is not None and "classes lose their last image" in receipt["reasons"][1]
    assert networks.open_recipe(home / "sorter")[0].options["classes"] == 2
    trained(home / "photos", tmp_path / "never-saw", epochs=2)
    assert weights_of(home / "sorter") == weights_of(tmp_path / "never-saw")
    assert claim_of(faces).level is ClaimLevel.ERASED
    assert claim_of(faces, "photos").level is ClaimLevel.ERASED
