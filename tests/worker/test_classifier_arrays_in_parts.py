"""A classifier of IDX files that was trained in parts forgets exactly; its files are rewritten without the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compliance.rules.terms import ClaimLevel, State, Verdict
from tests.worker.small_company import House
from tests.worker.test_classifier_case import add, claim_of, home_of, step_of, trained, weights_of
from tests.worker.test_classifier_mitigated import HERS, TRAIN, write_noisy


@pytest.fixture
def in_parts(records: House, settings: Any) -> House:
    """A company whose pictures are IDX files, and whose classifier was trained in three parts."""
    settings.OUBLI_MODELS = records.folder / "models"
    home = home_of(records)
    write_noisy(home / "photos", records.person.customer_id)
    trained(home / "photos", home / "sorter", shards=3, epochs=2)
    records.keep_only(("customers",))
    add(records)
    return records


@pytest.mark.slow
def test_parts_of_idx_files_are_trained_again_and_equal_a_training_that_never_saw_the_rows(
    in_parts: House, tmp_path: Path
) -> None:
    home = home_of(in_parts)
    in_parts.planned()
    assert "was trained in 3 parts" in step_of(in_parts, "replay_model").reason
    in_parts.approve()
    in_parts.work()
    stopped = in_parts.stopped()
    assert in_parts.state() is State.VALIDATED, stopped and stopped.error_message
    made = step_of(in_parts, "replay_model").receipt or {}
    assert (made["method"], made["exactness"]) == ("sisa", "exact")
    measured = in_parts.case.measurements.get(artifact__slug="sorter", name="equals_a_retraining")
    assert measured.verdict == Verdict.PASSED
    assert claim_of(in_parts).level is ClaimLevel.ERASED
    assert claim_of(in_parts, "photos").level is ClaimLevel.ERASED
    kept = (home / "photos/train-ids.txt").read_text().splitlines()
    assert len(kept) == TRAIN - HERS
    pixels = (home / "photos/train-images-idx3-ubyte").read_bytes()
    assert int.from_bytes(pixels[4:8], "big") == TRAIN - HERS
    trained(home / "photos", tmp_path / "never-saw", shards=3, epochs=2)
    assert weights_of(home / "sorter") == weights_of(tmp_path / "never-saw")
