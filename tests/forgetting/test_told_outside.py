"""What a job says to a machine outside the company, whether it came to its end or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compliance.worker import tasks
from tests.forgetting.conftest import Customer
from tests.forgetting.test_service import ORDER, ordered, post


def test_what_a_machine_outside_is_told_names_no_folder_of_the_operator(
    customer: Customer, settings: Any, tmp_path: Path
) -> None:
    done = ordered(customer)
    tasks.look()
    failed = str(post(customer.outside, "jobs/", {**ORDER, "seed": 3}).json()["id"])
    (customer.folder / "model/model.safetensors").unlink()
    tasks.look()
    for number, status in ((done, "done"), (failed, "failed")):
        said = customer.outside.get(f"/api/v1/unlearning/jobs/{number}/").content.decode()
        assert json.loads(said)["status"] == status
        assert str(tmp_path) not in said and str(settings.OUBLI_VAR) not in said, said
        assert str(tmp_path) not in customer.outside.get(f"/api/v1/unlearning/jobs/{number}/curve/").content.decode()
