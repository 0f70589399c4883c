"""Some rows go: each looks as it does to a model that never saw it; attacks are calibrated and fire where they must."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from known_digits import Digits

from unlearning.classifiers.audit import audit
from unlearning.classifiers.examples import Examples, part_ids
from unlearning.classifiers.fitting import logits_of, train
from unlearning.classifiers.folds import fold_of, folds_by_person, people_of, train_folds, without
from unlearning.classifiers.measures.membership import clopper_pearson, judged, lira, phi, rmia, ulira
from unlearning.classifiers.methods import oof_match
from unlearning.classifiers.outcome import Recipe, Task, weights_digest
from unlearning.classifiers.shadows import train_references, train_shadows
from unlearning.classifiers.unlearning import unlearn
from unlearning.errors import InputError, RowsError

WIDE = Recipe("mlp", {"inputs": 64, "classes": 10, "hidden": 32}, epochs=80, learning_rate=5e-3, batch=32)


@pytest.fixture(scope="module")
def wrong(known: Digits) -> Examples:
    """300 training rows of which the first 20 carry a wrong label: they can only be known by heart."""
    rows = known.train.take(list(range(300)))
    labels = rows.labels.clone()
    labels[:20] = (labels[:20] + 3) % 10
    return Examples(rows.features.flatten(1), labels, rows.ids, 10)


def test_out_of_fold_matching_gives_mislabelled_rows_the_look_of_strangers(wrong: Examples) -> None:
    model, folds = train(WIDE, wrong, seed=0), train_folds(WIDE, wrong, seed=0)
    forget, retain = part_ids(wrong, wrong.ids[:20])
    stranger = phi(folds.out_of_fold(forget), forget.labels)
    before = phi(logits_of(model, forget.features), forget.labels)
    task = Task(copy.deepcopy(model), forget, retain, "rows", 0, WIDE, folds)
    after = phi(logits_of(oof_match.run(task, steps=80), forget.features), forget.labels)
    assert float((before - stranger).median()) > 3
    assert abs(float((after - stranger).median())) < 1.5


def test_a_fold_that_saw_a_deleted_row_is_trained_anew_without_it(wrong: Examples) -> None:
    short = replace(WIDE, epochs=10)
    folds = train_folds(short, wrong, count=3, seed=0)
    gone = wrong.ids[0]
    after = without(folds, short, wrong, [gone])
    mine = fold_of(gone, count=3, seed=0)
    same = [weights_digest(a) == weights_digest(b) for a, b in zip(folds.models, after.models, strict=True)]
    assert same == [number == mine for number in range(3)]
    assert gone not in after.of
    with pytest.raises(InputError, match="not trained beside"):
        after.out_of_fold(wrong.take([0]))


def test_a_persons_rows_share_a_fold_so_that_its_model_is_a_stranger_to_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("".join(f"d{n},p{n // 10}\n" for n in range(100)), encoding="utf-8")
    whose = people_of(path)
    found = folds_by_person([*whose, "alone"], whose, count=5, seed=0)
    for person in range(10):
        assert len({found[f"d{person * 10 + n}"] for n in range(10)}) == 1
    assert len(set(found.values())) > 1 and found["alone"] == fold_of("alone", count=5, seed=0)
    path.write_text("d1;p1\n", encoding="utf-8")
    with pytest.raises(RowsError, match="row id, a comma"):
        people_of(path)


def test_shadow_models_trained_together_know_their_own_rows_only(wrong: Examples) -> None:
    members = torch.rand(6, len(wrong), generator=torch.Generator().manual_seed(0)) < 0.5
    shadows = train_shadows(WIDE, wrong, members)
    values = phi(shadows.logits(wrong.features), wrong.labels)[:, :20]
    inside = members[:, :20]
    assert float(values[inside].mean()) > float(values[~inside].mean()) + 3
    one = phi(logits_of(shadows.model(2), wrong.features), wrong.labels)[:20]
    assert torch.allclose(one, values[2], atol=1e-3)


def test_attacks_find_nothing_where_nothing_is_and_something_where_something_is() -> None:
    chance = np.random.default_rng(0)
    centre, spread = chance.normal(3, 3, 200), chance.uniform(0.5, 2, 200)
    draw = lambda models, shift=0.0: centre + shift + spread * chance.normal(size=(models, 200))  # noqa: E731
    saw, absent = chance.random((24, 200)) < 0.3, chance.random((40, 200)) < 0.5
    null = judged(*ulira(draw(24), saw, draw(40), absent))
    assert abs(null.auc - 0.5) < 4 * null.standard_error and null.tpr < 0.03
    found = judged(*ulira(draw(24, 3.0), saw, draw(40), absent))
    assert found.auc > 0.8 and found.low > 0.02
    members = chance.random((16, 200)) < 0.5
    references = np.where(members, draw(16, 3.0), draw(16))
    held, free = draw(1, 3.0)[0], draw(1)[0]
    assert judged(lira(held, references, members), lira(free, references, members)).auc > 0.75
    population, of_population = chance.normal(3, 3, 400), chance.normal(3, 3, (16, 400))
    assert (
        judged(rmia(held, references, population, of_population), rmia(free, references, population, of_population)).auc
        > 0.55
    )
    with pytest.raises(InputError, match="RMIA"):
        lira(held, references[:3], members[:3])


def test_intervals_of_rates_are_exact() -> None:
    assert clopper_pearson(0, 100)[0] == 0 and clopper_pearson(0, 100)[1] == pytest.approx(0.0362, abs=1e-4)
    assert clopper_pearson(5, 100) == pytest.approx((0.0164, 0.1128), abs=1e-4)


def test_one_row_that_was_learned_by_heart_stands_out_and_one_that_was_not_is_inconclusive(wrong: Examples) -> None:
    model = train(WIDE, wrong, seed=0)
    forget, retain = part_ids(wrong, wrong.ids[3:4])
    shadows = train_references(WIDE, retain, count=8)
    references, held = tuple(shadows.model(n) for n in range(8)), retain.take(list(range(100, 200)))
    kept = audit(model, forget, retain=retain, holdout=held, references=references)
    assert kept.gate == "fail" and "surer of the row" in kept.reasons[0]
    stranger = audit(train(WIDE, retain, seed=3), forget, retain=retain, holdout=held, references=references)
    assert stranger.gate == "inconclusive" and "bounds no epsilon" in stranger.reasons[0], stranger
    few = audit(model, forget, retain=retain, holdout=held, references=references[:3])
    assert few.gate == "inconclusive" and "Too few references (3)" in few.reasons[0]
    exact = audit(model, forget, retain=retain, holdout=held, references=references, exactness="exact")
    assert exact.gate == "pass"


def test_few_references_are_inconclusive_and_one_row_says_so(known: Digits) -> None:
    forget, retain = part_ids(known.train, known.train.ids[:1])
    result = unlearn(known.model, forget, retain, method="neggrad_plus", parameters={"steps": 2}, holdout=known.test)
    assert result.gate != "pass" and any("One row" in reason for reason in result.reasons)
    found = audit(
        known.retrained, known.train.take(list(range(40))), retain=known.retain, holdout=known.test, scope="rows"
    )
    assert found.gate == "inconclusive" and "Too few references" in found.reasons[0]
