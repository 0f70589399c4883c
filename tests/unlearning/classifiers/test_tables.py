"""Tables forget: certified by the gradient, equal to a refit, vocabulary and all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from unlearning.classifiers.tables.newton import CERTIFICATE, Logistic, Ridge
from unlearning.classifiers.tables.refit import fit, forget
from unlearning.classifiers.tables.schema import Schema, Table, read_table
from unlearning.errors import InputError, RowsError


def problem(rows: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels -1 or 1 that a line explains in part."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(rows, columns))
    noise = chance.normal(size=rows)
    return features, np.where(features @ chance.normal(size=columns) + noise > 0, 1, -1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 60), columns=st.integers(1, 12))
def test_forgetting_ends_at_the_optimum_without_the_rows(seed: int, count: int, columns: int) -> None:
    features, labels = problem(300, columns, seed)
    gone = np.random.default_rng(seed).choice(300, count, replace=False)
    model = Logistic(features, labels, penalty=0.5)
    found = model.forget(gone)
    fresh = Logistic(np.delete(features, gone, 0), np.delete(labels, gone), penalty=0.5)
    assert found.exactness == "certified" and found.certificate <= CERTIFICATE
    assert np.linalg.norm(model.weights - fresh.weights) <= found.distance + 1e-7


def test_the_first_order_answer_is_near_and_is_not_called_certified() -> None:
    features, labels = problem(2000, 10, 0)
    model = Logistic(features, labels)
    quick = model.forget(np.arange(20), exact=False)
    fresh = Logistic(features[20:], labels[20:])
    moved = np.linalg.norm(Logistic(features, labels).weights - fresh.weights)
    assert quick.exactness == "approximate"
    assert np.linalg.norm(quick.weights - fresh.weights) < 0.05 * moved


def test_many_requests_in_sequence_end_where_one_ends() -> None:
    features, labels = problem(500, 6, 1)
    one, many = Logistic(features, labels), Logistic(features, labels)
    one.forget(np.arange(30))
    for row in range(30):
        many.forget(np.array([row]))
    assert np.allclose(one.weights, many.weights, atol=1e-7)
    with pytest.raises(RowsError, match="forgotten before"):
        many.forget(np.array([3]))


def test_scikit_learns_refit_agrees() -> None:
    features, labels = problem(800, 5, 2)
    model = Logistic(features, labels, penalty=1.0)
    model.forget(np.arange(50))
    beside = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000, fit_intercept=False)
    beside.fit(np.c_[features[50:], np.ones(750)], labels[50:])
    assert np.allclose(model.weights, beside.coef_[0], atol=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_ridge_is_exact(penalty: float) -> None:
    chance = np.random.default_rng(0)
    features, targets = chance.normal(size=(200, 4)), chance.normal(size=200)
    model = Ridge(features, targets, penalty=penalty)
    assert model.forget(np.arange(15)).exactness == "certified"
    assert np.allclose(model.weights, Ridge(features[15:], targets[15:], penalty=penalty).weights, atol=1e-9)


def table(rows: int = 240) -> Table:
    """Numbers, a word column in which one person's word stands alone, labels."""
    chance = np.random.default_rng(0)
    words = np.array([f"town{n % 5}" for n in range(rows)], dtype=object)
    words[7] = "Xanadu-Silva"
    labels = np.array([f"c{n % 3}" for n in range(rows)])
    numbers = chance.normal(size=rows) + np.arange(rows) % 3
    return Table({"size": numbers, "town": words}, labels, tuple(f"r{n}" for n in range(rows)))


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(10, random_state=0), HistGradientBoostingClassifier(max_iter=10), KNeighborsClassifier()],
)
@pytest.mark.parametrize("shards", [1, 3])
def test_forgetting_equals_a_fit_that_never_saw_the_rows(estimator: object, shards: int) -> None:
    rows = table()
    found = forget(fit(estimator, rows, shards=shards), estimator, rows, ["r7", "r8"])
    fresh = fit(estimator, rows.without(["r7", "r8"]), shards=shards)
    assert (found.model.predict(rows) == fresh.predict(rows)).all()
    assert "Xanadu-Silva" not in found.model.encoder.vocabulary()
    assert "r7" not in found.model.shard_of


def test_ridge_without_a_certificate_is_not_called_certified() -> None:
    chance = np.random.default_rng(0)
    features, targets = chance.normal(size=(200, 4)), chance.normal(size=200)
    features[:9] *= 1e6  # what is taken out of the sums is so large that what stays drowns in its rounding
    found = Ridge(features, targets).forget(np.arange(9))
    assert (found.exactness, found.certificate > CERTIFICATE) == ("approximate", True)


def test_a_label_that_only_the_forgotten_bore_goes_too() -> None:
    rows = table()
    rows.labels[[7, 8]] = "c9"
    found = forget(fit(KNeighborsClassifier(), rows), KNeighborsClassifier(), rows, ["r7", "r8"])
    assert "c9" not in found.model.classes
    assert (found.model.classes == fit(KNeighborsClassifier(), rows.without(["r7", "r8"])).classes).all()


def test_a_scale_that_the_first_rows_do_not_show_is_fitted_anew_everywhere() -> None:
    rows = table()
    rows.columns["size"][:] = 0.0  # the erased rows cancel out: the mean stays, only the scale goes
    rows.columns["size"][[100, 101]] = 50.0, -50.0
    rows.columns["size"][[200, 201]] = 2.0, -2.0
    found = forget(fit(KNeighborsClassifier(), rows, shards=3), KNeighborsClassifier(), rows, ["r100", "r101"])
    assert (found.encoder_refitted, found.shards) == (True, (0, 1, 2))


def test_models_that_keep_rows_are_named() -> None:
    rows, estimator = table(), KNeighborsClassifier()
    assert "keeps training rows" in forget(fit(estimator, rows), estimator, rows, ["r1"]).notes[0]


def test_a_schema_keeps_identifiers_out_of_the_features(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("person,email,age,town,churned\n1,a@x.example,30,Ulm,yes\n2,b@x.example,40,Köln,no\n")
    found = read_table(path, Schema("churned", ("person", "email")))
    assert set(found.columns) == {"age", "town"} and found.ids == ("1", "2")
    for schema, words in ((Schema("gone", ()), "no column gone"), (Schema("churned", ("id",)), "no column id")):
        with pytest.raises(RowsError, match=words):
            read_table(path, schema)
    path.write_bytes(b"\x00\xff\x00")
    with pytest.raises(RowsError):
        read_table(path, Schema("churned", ()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,x,x,y\n1,2,3,a\n", "same name"),
        ("id,y\n1,a\n", "a column to learn from"),
        ("id,x,y\n1,2,0.5\n", "whole numbers"),
        ("id,x,y\n1,2,3\n2,3,\n", "in every row"),
        ("id,x,y\n,2,a\n3,3,b\n", "every row needs an id"),
    ],
)
def test_a_table_that_no_model_could_use_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(RowsError, match=words):
        read_table(tmp_path / "t.csv", Schema("y", ("id",)))


def test_wrong_tables_are_refused_in_words() -> None:
    features, labels = problem(20, 2, 0)
    with pytest.raises(InputError, match="penalty"):
        Logistic(features, labels, penalty=0)
    with pytest.raises(InputError, match="-1 and 1"):
        Logistic(features, np.zeros(20))
    with pytest.raises(RowsError, match="name no row"):
        table().without(["nobody"])
    with pytest.raises(InputError, match="no row would be left"):
        rows = table(20)
        forget(fit(KNeighborsClassifier(1), rows), KNeighborsClassifier(1), rows, rows.ids)


def test_identifiers_are_taken_as_they_are_written(tmp_path: Path) -> None:
    written = ["007", "07", "7", "1.50", "true", "2024-01-02", f"{10**30}", f"{10**30 + 1}", " 8 "]
    lines = [f"{i},{n},{'ab'[n % 2]}" for n, i in enumerate(written)]
    (tmp_path / "train.csv").write_text("\n".join(["id,age,y", *lines]))
    table = read_table(tmp_path / "train.csv", Schema("y", ("id",)))
    assert table.ids == tuple(i.strip() for i in written)
    assert table.without(["7"]).ids == tuple(i.strip() for i in written if i != "7")


def test_numbers_whose_squares_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("id,pay,y\na,1e308,x\nb,-1e308,z\n")
    with pytest.raises(RowsError, match="pay has numbers beyond"):
        read_table(tmp_path / "train.csv", Schema("y", ("id",)))
