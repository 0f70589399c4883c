"""Classifiers and models of tables forget by order as language models do."""

from __future__ import annotations

import json

from compliance.forgetting.models import UnlearningJob
from compliance.worker import tasks
from tests.forgetting.conftest import Customer, digits_in
from tests.forgetting.test_service import post


def test_a_classifier_forgets_a_class_by_order(customer: Customer) -> None:
    from unlearning.cli import main

    home = customer.folder
    digits_in(home / "digits")
    train = ["classifier", "train", "--data", str(home / "digits"), "--out", str(home / "net"), "--epochs", "3"]
    assert main(train) == 0
    model = {"slug": "digits", "kind": "classifier", "location": "net", "inputs": {"data": "digits"}}
    assert post(customer.outside, "models/", model).status_code == 201
    order = {"model": "digits", "forget": {"class_label": "5"}, "method": "renew"}
    number = post(customer.outside, "jobs/", order).json()["id"]
    wrong = post(customer.outside, "jobs/", {**order, "forget": {"rows": "forget.jsonl"}})
    assert wrong.status_code == 422
    tasks.look()
    state = customer.outside.get(f"/api/v1/unlearning/jobs/{number}/").json()
    assert state["status"] == "done", state
    assert state["result"]["method"] == "renew" and state["result"]["gate"] in ("fail", "inconclusive")


def test_a_classifier_whose_folds_were_cut_by_person_needs_the_people_file_and_uses_it(customer: Customer) -> None:
    from unlearning.cli import main

    home = customer.folder
    digits_in(home / "digits")
    hers = [f"train-{n:05}" for n in range(0, 60, 4)]
    (home / "people.csv").write_text("".join(f"{row},P-1\n" for row in hers))
    train = ["classifier", "train", "--data", str(home / "digits"), "--out", str(home / "net"), "--epochs", "1"]
    assert main([*train, "--folds", "2", "--people", str(home / "people.csv")]) == 0
    model = {"slug": "digits", "kind": "classifier", "location": "net", "inputs": {"data": "digits"}}
    refused = post(customer.outside, "models/", model)
    assert (refused.status_code, "inputs.people" in refused.content.decode()) == (422, True)
    for wrong in ("people", "../people.csv", "digits"):
        inputs = {"data": "digits", "people": wrong}
        assert post(customer.outside, "models/", {**model, "inputs": inputs}).status_code == 422
    model["inputs"] = {"data": "digits", "people": "people.csv"}
    assert post(customer.outside, "models/", model).status_code == 201
    order = {"model": "digits", "forget": {"ids": hers}, "method": "oof_match"}
    number = post(customer.outside, "jobs/", order).json()["id"]
    tasks.look()
    state = customer.outside.get(f"/api/v1/unlearning/jobs/{number}/").json()
    assert state["status"] == "done", state
    assert (state["result"]["method"], state["result"]["exactness"]) == ("oof_match", "approximate")
    assert "P-1" not in json.dumps(state)
    assert UnlearningJob.objects.get(pk=number).forget == {"ids": [], "count": len(hers)}
    assert {line["name"] for line in state["artifacts"]} == {"classifier.json", "model.safetensors"}  # no fold stays


def test_a_tables_model_forgets_rows_by_order_exactly(customer: Customer) -> None:
    from unlearning.cli import main

    home = customer.folder / "customers"
    home.mkdir()
    lines = [
        f"p{n},{20 + n % 50},{'town' if n != 7 else 'Xanadu'},{'yes' if n % 50 > 25 else 'no'}" for n in range(100)
    ]
    (home / "train.csv").write_text("\n".join(["person,age,town,churned", *lines]))
    (home / "test.csv").write_text("\n".join(["person,age,town,churned", "t1,30,town,no", "t2,60,town,yes"]))
    (home / "schema.json").write_text(json.dumps({"target": "churned", "identifiers": ["person"]}))
    assert main(["classifier", "train", "--data", str(home), "--out", str(customer.folder / "churn")]) == 0
    model = {"slug": "churn", "kind": "table", "location": "churn", "inputs": {"data": "customers"}}
    assert post(customer.outside, "models/", model).status_code == 201
    order = {"model": "churn", "forget": {"ids": ["p7"]}, "method": "auto"}
    assert post(customer.outside, "jobs/", {**order, "forget": {"class_label": "yes"}}).status_code == 422
    number = post(customer.outside, "jobs/", order).json()["id"]
    tasks.look()
    state = customer.outside.get(f"/api/v1/unlearning/jobs/{number}/").json()
    assert state["status"] == "done", state
    assert state["result"]["exactness"] == "exact" and state["result"]["gate"] == "pass"
    assert "model.pickle" in {line["name"] for line in state["artifacts"]}
