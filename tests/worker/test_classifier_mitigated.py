"""A person's rows of IDX files, by the approximate route: told in the old model, not in the new, and so mitigated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from compliance.rules.terms import ClaimLevel, State, Verdict
from tests.provenance.test_arrays_of_pictures import idx_bytes
from tests.worker.small_company import House
from tests.worker.test_classifier_case import add, claim_of, home_of, ran, step_of, trained, weights_of

SIDE, CLASSES, TRAIN, HELD, HERS, WRONG, HIS = 12, 4, 400, 1100, 120, 30, 25
NOISE = 0.8


def write_noisy(folder: Path, her: str) -> None:
    """Four kinds of picture under much noise, which a small network learns by heart; some of hers have wrong labels."""
    chance = np.random.default_rng(12)
    shown = chance.integers(0, 256, (CLASSES, SIDE, SIDE)).astype(float)

    def some(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = chance.integers(0, CLASSES, count)
        noise = chance.integers(0, 256, (count, SIDE, SIDE))
        return (shown[labels] * (1 - NOISE) + noise * NOISE).astype(np.uint8), labels.astype(np.uint8)

    (learned, labels), (held, truth) = some(TRAIN), some(HELD)
    hers = chance.permutation(TRAIN)[:HERS]
    labels[hers[:WRONG]] = (labels[hers[:WRONG]] + chance.integers(1, CLASSES, WRONG)) % CLASSES
    folder.mkdir(parents=True)
    for name, array in (("train-images-idx3", learned), ("train-labels-idx1", labels), ("t10k-images-idx3", held),
                        ("t10k-labels-idx1", truth)):  # fmt: skip
        (folder / f"{name}-ubyte").write_bytes(idx_bytes(array))
    lines = [f"row-{n},{her if n in hers else f'X-{n:05d}'}\n" for n in range(TRAIN)]
    (folder / "train-ids.txt").write_text("".join(f"row-{n}\n" for n in range(TRAIN)))
    (folder / "test-ids.txt").write_text("".join(f"held-{n}\n" for n in range(HELD)))
    (folder / "people.csv").write_text("".join(lines))


@pytest.fixture
def noisy(records: House, settings: Any) -> House:
    """A company whose classifier was trained with out-of-fold models, and that has no time to train it again."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = home_of(records)
    write_noisy(home / "photos", records.person.customer_id)
    trained(home / "photos", home / "sorter", folds=5, people=home / "photos/people.csv", epochs=40)
    records.keep_only(("customers",))
    add(records, budget_seconds=0)
    return records


@pytest.mark.slow
def test_what_told_the_persons_rows_before_tells_them_no_longer_and_that_is_mitigated(
    noisy: House, tmp_path: Path
) -> None:
    home, before = home_of(noisy), weights_of(home_of(noisy) / "sorter")
    noisy.planned()
    made = step_of(noisy, "unlearn_model")
    assert (made.exact, made.planned["parameters"]["method"]) == (False, "oof_match")
    noisy.approve()
    noisy.work()
    stopped = noisy.stopped()
    assert noisy.state() is State.VALIDATED, stopped and stopped.error_message
    attacked = (step_of(noisy, "unlearn_model").receipt or {})["attacked"]
    assert attacked["fired"] and attacked["before"]["membership AUC"]["low"] > 0.6
    assert abs(attacked["after"]["membership AUC"]["value"] - 0.5) <= 0.07
    verdicts = {m.name: m.verdict for m in noisy.case.measurements.filter(artifact__slug="sorter")}
    for name in ("membership_auc_distance", "found_at_one_percent", "accuracy_lost"):
        assert verdicts[name] == Verdict.PASSED
    assert weights_of(home / "sorter") != before
    assert claim_of(noisy).level is ClaimLevel.MITIGATED
    assert claim_of(noisy, "photos").level is ClaimLevel.ERASED
    assert noisy.person.customer_id not in (home / "photos/people.csv").read_text()
    assert "classifier folds" in step_of(noisy, "unlearn_model").reason
    again_without_folds(home, tmp_path)


@pytest.mark.slow
def test_a_second_person_finds_out_of_fold_models_that_never_saw_the_first(noisy: House, tmp_path: Path) -> None:
    home, content = home_of(noisy), yaml.safe_load(noisy.systems.read_text("utf-8"))
    content["artifacts"][-1]["options"]["renew_folds"] = True
    noisy.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    noisy.planned()
    assert "trained anew without the person" in step_of(noisy, "unlearn_model").reason
    noisy.approve()
    noisy.work()
    assert noisy.state() is State.VALIDATED, noisy.stopped() and noisy.stopped().error_message
    assert (step_of(noisy, "unlearn_model").receipt or {})["folds"] == 5
    ran("folds", data=home / "photos", model=home / "sorter", people=home / "photos/people.csv", out=tmp_path / "never",
        folds=5)  # fmt: skip
    for number in range(5):
        assert weights_of(home / f"sorter/fold-{number}") == weights_of(tmp_path / f"never/fold-{number}")
    his = [line.split(",")[0] for line in (home / "photos/people.csv").read_text().splitlines()[:HIS]]
    (tmp_path / "ids").write_text("".join(f"{row}\n" for row in his))
    asked = {"data": home / "photos", "model": home / "sorter", "people": home / "photos/people.csv"}
    asked |= {"forget_ids": tmp_path / "ids", "budget": "0s"}
    assert ran("plan", **asked).choices[0].method == "oof_match"
    assert ran("unlearn", method="auto", out=tmp_path / "second", **asked).method == "oof_match"


def again_without_folds(home: Path, tmp_path: Path) -> None:
    """A second person asks the promoted model, whose out-of-fold models are gone: it says so, and an audit works."""
    asked = {"data": home / "photos", "model": home / "sorter", "forget_ids": tmp_path / "ids"}
    lines = (home / "photos/people.csv").read_text().splitlines()
    (tmp_path / "ids").write_text("".join(f"{line.split(',')[0]}\n" for line in lines[:HIS]))
    chosen = ran("plan", budget="0s", **asked).choices[0]
    assert chosen.method == "neggrad_plus" and "no out-of-fold models are there" in chosen.reason
    ran("unlearn", method="neggrad_plus", out=tmp_path / "second", **asked)
    found = ran("audit", out=tmp_path / "second", shadows=4, seed=0, **asked)
    assert {"membership AUC", "found at 1 % false alarms"} <= {one.name for one in found.figures}
    assert found.gate in ("fail", "inconclusive")  # twenty-five rows show too little to pass
