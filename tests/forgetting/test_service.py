"""A machine orders a model to forget, follows the job, and takes what came out."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.accounts import tokens
from compliance.accounts.models import ScopedToken
from compliance.api import client as library
from compliance.api.limits import Knocking
from compliance.audit import services as audit
from compliance.audit.models import Event
from compliance.evidence import signing
from compliance.forgetting.models import UnlearningJob
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.rules.errors import NotAllowed
from compliance.rules.terms import JobStatus, Role, Work
from compliance.worker import tasks, telling
from tests.api.building import client, company
from tests.forgetting.conftest import Customer

MODEL = {"slug": "support", "kind": "language-model", "location": "model", "inputs": {"retain": "retain.jsonl"}}
ORDER = {"model": "support", "forget": {"rows": "forget.jsonl"}, "method": "gradient_difference"}


def post(caller: Client, path: str, body: Any, **headers: str) -> Any:
    """POST JSON to the service."""
    return caller.post(f"/api/v1/unlearning/{path}", body, content_type="application/json", headers=headers)


def registered(customer: Customer) -> Client:
    """The outside machine, with the model registered."""
    assert post(customer.outside, "models/", MODEL).status_code == 201
    return customer.outside


def ordered(customer: Customer) -> str:
    """A job that waits."""
    return str(post(registered(customer), "jobs/", ORDER).json()["id"])


def row_of(number: str) -> Job:
    """Its job row."""
    return Job.objects.get(case_id=number)


@pytest.mark.django_db(transaction=True)
def test_the_client_orders_follows_and_downloads_a_model_that_is_another_one(
    customer: Customer, live_server: Any, tmp_path: Path
) -> None:
    service = library.Oubli(live_server.url, token=customer.token)
    service.register("support", kind="language-model", location="model", inputs={"retain": "retain.jsonl"})
    job = service.forget("support", rows="forget.jsonl", method="gradient_difference")
    assert job.state()["status"] == "queued"
    tasks.look()
    points = list(job.follow())
    state = job.wait(seconds=5)
    assert state["status"] == "done" and state["fraction"] == 1.0, state
    assert points and [p["fraction"] for p in points] == sorted(p["fraction"] for p in points)
    found = {path.name: path for path in job.download(tmp_path / "new")}
    weights = found["model.safetensors"].read_bytes()
    assert weights != (customer.folder / "model" / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in {line["sha256"] for line in state["artifacts"]}
    assert str(customer.folder) not in json.dumps(state)


def test_a_done_job_left_its_model_alone_is_in_the_log_tells_its_events_and_serves_only_its_files(
    customer: Customer,
) -> None:
    before = (customer.folder / "model" / "model.safetensors").read_bytes()
    number = ordered(customer)
    tasks.look()
    assert row_of(number).status == JobStatus.DONE
    assert (customer.folder / "model" / "model.safetensors").read_bytes() == before
    assert Event.objects.get(kind="unlearning.ordered").actor == "token partner"
    serves_only_its_files(customer, number)
    tells_from_where_the_listener_was(customer, number)


def serves_only_its_files(customer: Customer, number: str) -> None:
    """A name that is not in the list is not here."""
    base = f"/api/v1/unlearning/jobs/{number}/artifacts"
    assert customer.outside.get(f"{base}/model.safetensors/").status_code == 200
    for name in ("../trained.json", "..%2f..%2fdb", "model.safetensors/..", "nothing"):
        assert customer.outside.get(f"{base}/{name}/").status_code == 404


def tells_from_where_the_listener_was(customer: Customer, number: str) -> None:
    """A listener that comes back hears what it has not heard."""
    address = f"/api/v1/unlearning/jobs/{number}/events/"
    whole = b"".join(customer.outside.get(address).streaming_content).decode()
    assert whole.endswith('event: end\ndata: {"status": "done"}\n\n')
    last = [line[4:] for line in whole.splitlines() if line.startswith("id: ")][-1]
    rest = b"".join(customer.outside.get(address, headers={"Last-Event-ID": last}).streaming_content)
    assert b"event: point" not in rest and b"event: end" in rest


def test_the_same_key_orders_once_and_another_body_under_it_is_a_conflict(customer: Customer) -> None:
    machine = registered(customer)
    first = post(machine, "jobs/", ORDER, **{"Idempotency-Key": "k1"})
    again = post(machine, "jobs/", ORDER, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert post(machine, "jobs/", {**ORDER, "seed": 5}, **{"Idempotency-Key": "k1"}).status_code == 409
    assert UnlearningJob.objects.count() == 1


def test_a_quota_says_wait_and_takes_more_when_a_job_has_ended(customer: Customer, settings: Any) -> None:
    settings.OUBLI_UNLEARNING_LIVE = 1
    number = ordered(customer)
    refused = post(customer.outside, "jobs/", ORDER)
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 0
    assert post(customer.outside, f"jobs/{number}/cancel/", {}).json()["status"] == "cancelled"
    assert post(customer.outside, "jobs/", ORDER).status_code == 201


def test_a_machine_that_calls_too_often_is_told_to_wait_and_another_companys_is_not(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Knocking.THROTTLE_RATES, "unlearning", "3/hour")
    asked = [customer.outside.get("/api/v1/unlearning/jobs/") for _ in range(4)]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 429] and int(asked[-1]["Retry-After"]) > 0
    key = tokens.issue(company("boreal").entity, name="partner", scopes=["unlearning"], days=1)
    other = Client(headers={"Authorization": f"Bearer {key}"})
    assert other.get("/api/v1/unlearning/jobs/").status_code == 200


def test_a_cancelled_job_never_starts_and_a_running_one_stops_at_its_next_word(customer: Customer) -> None:
    number = ordered(customer)
    post(customer.outside, f"jobs/{number}/cancel/", {})
    assert tasks.look() == 0
    number = str(post(customer.outside, "jobs/", ORDER).json()["id"])
    job = jobs.claim("test")
    assert job is not None
    assert post(customer.outside, f"jobs/{number}/cancel/", {}).json()["status"] == "cancelled"
    assert tasks.perform(job) is False
    row = row_of(number)
    assert row.status == JobStatus.FAILED and row.permanent and "Cancelled" in row.error_message
    assert not (Path(customer.folder).parents[1] / "var" / "unlearned" / number / "model").exists()


def test_a_job_whose_worker_died_is_taken_over_and_finished_once(customer: Customer) -> None:
    number = ordered(customer)
    dead = jobs.claim("dead")
    assert dead is not None
    Job.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert tasks.look() == 1
    assert row_of(number).status == JobStatus.DONE
    assert UnlearningJob.objects.get(pk=number).artifacts


def test_a_model_that_is_gone_when_its_turn_comes_fails_with_a_remedy(customer: Customer) -> None:
    number = ordered(customer)
    (customer.folder / "model").rename(customer.folder / "elsewhere")
    tasks.look()
    state = customer.outside.get(f"/api/v1/unlearning/jobs/{number}/").json()
    assert state["status"] == "failed" and "reference" in state["problem"] and state["next_action"]


@pytest.mark.parametrize(
    "location",
    ["../boreal/model", "/etc", "model/../../x", "", "nowhere", "out", "a\0b", "model/config.json", "~", "%2e%2e",
     "loop", "loop/x", "a" * 300, "model/" + "b" * 290, "x/" * 149],
)  # fmt: skip
def test_a_reference_stays_in_the_companys_folder(customer: Customer, location: str) -> None:
    (customer.folder / "out").symlink_to(customer.folder.parent)
    (customer.folder / "loop").symlink_to(customer.folder / "loop")
    answer = post(customer.outside, "models/", {**MODEL, "location": location})
    assert answer.status_code in (400, 422), answer.content
    assert str(customer.folder) not in answer.content.decode()


@pytest.mark.parametrize(
    "retain", ["loop", "a" * 300, "x" * 70_000, "\ud800", ["retain.jsonl"], {"a": 1}, None, "pipe"]
)
def test_inputs_that_name_no_file_are_refused_in_words(customer: Customer, retain: Any) -> None:
    (customer.folder / "loop").symlink_to(customer.folder / "loop")
    answer = post(customer.outside, "models/", {**MODEL, "inputs": {"retain": retain}})
    assert answer.status_code in (400, 422) and answer.json()["next_action"]


def test_a_classifier_whose_architecture_is_code_is_refused_when_it_is_registered(customer: Customer) -> None:
    home = customer.folder / "net"
    home.mkdir()
    (customer.folder / "digits").mkdir()
    (home / "model.safetensors").write_bytes(b"")
    model = {"slug": "own", "kind": "classifier", "location": "net", "inputs": {"data": "digits"}}
    for build, status in (("nets.py:resnet@0123456789abcdef", 422), ("strided_cnn", 201)):
        (home / "classifier.json").write_text(json.dumps({"build": build}))
        answer = post(customer.outside, "models/", model)
        assert answer.status_code == status and ("--module" in answer.content.decode()) == (status == 422)


def test_another_companys_jobs_and_models_are_not_here(customer: Customer) -> None:
    number = ordered(customer)
    other = client(company("boreal").staff[Role.ENGINEER])
    assert other.get(f"/api/v1/unlearning/jobs/{number}/").status_code == 404
    assert other.get("/api/v1/unlearning/models/").json()["count"] == 0
    assert post(other, "jobs/", ORDER).status_code == 404
    assert post(other, f"jobs/{number}/cancel/", {}).status_code == 404


def test_a_token_ends_by_its_day_by_revocation_and_opens_no_other_door(customer: Customer) -> None:
    assert customer.outside.get("/api/v1/unlearning/jobs/").status_code == 200
    assert customer.outside.get("/api/v1/cases/").status_code == 401
    assert Client().get("/api/v1/unlearning/jobs/").status_code == 401
    ScopedToken.objects.update(expires_at=timezone.now())
    assert customer.outside.get("/api/v1/unlearning/jobs/").status_code == 401
    renewed = tokens.issue(customer.company.entity, name="partner", scopes=["unlearning"], days=1)
    fresh = Client(headers={"Authorization": f"Bearer {renewed}"})
    assert fresh.get("/api/v1/unlearning/jobs/").status_code == 200
    assert tokens.revoke(customer.company.entity, name="partner")
    assert fresh.get("/api/v1/unlearning/jobs/").status_code == 401
    assert not ScopedToken.objects.filter(digest__contains=renewed).exists()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.APPROVER])
def test_only_engineers_and_machines_order(customer: Customer, role: Role) -> None:
    assert client(customer.company.staff[role]).get("/api/v1/unlearning/jobs/").status_code == 403


def test_row_ids_are_blanked_when_the_job_has_ended(customer: Customer) -> None:
    number = ordered(customer)
    held = UnlearningJob.objects.get(pk=number)
    held.forget = {"ids": ["alice@example.org", "2"]}
    held.save()
    post(customer.outside, f"jobs/{number}/cancel/", {})
    held.refresh_from_db()
    assert held.forget == {"ids": [], "count": 2}
    assert Job.objects.filter(work=Work.UNLEARN).count() == 1


def test_the_methods_that_are_offered_are_those_of_the_library() -> None:
    import unlearning.classifiers.methods
    import unlearning.methods
    from compliance.forgetting import kinds

    for kind, table in (
        ("language-model", unlearning.methods.TABLE),
        ("classifier", unlearning.classifiers.methods.TABLE),
    ):
        offered = set(kinds.load(kind).METHODS) - {"auto"}
        assert offered <= set(table), offered - set(table)
        assert set(table) - offered <= {"tru"}, set(table) - offered  # tru wants targets that somebody has read


def test_the_owner_is_called_once_and_can_check_who_called(customer: Customer, settings: Any) -> None:
    heard: list[tuple[dict[str, str], bytes]] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503 if len(heard) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/ended"
    assert post(registered(customer), "jobs/", {**ORDER, "callback": url}).status_code == 422
    settings.OUBLI_CALLBACK_HOSTS = ["127.0.0.1"]
    number = str(post(customer.outside, "jobs/", {**ORDER, "callback": url}).json()["id"])
    assert telling.tell_due() == 0 and not heard
    post(customer.outside, f"jobs/{number}/cancel/", {})
    assert telling.tell_due() == 0 and len(heard) == 1  # it did not answer well: again, but later
    assert telling.tell_due() == 0 and len(heard) == 1
    UnlearningJob.objects.update(tell_at=timezone.now())
    assert telling.tell_due() == 1 and telling.tell_due() == 0
    server.shutdown()
    headers, body = heard[-1]
    assert json.loads(body) == {"type": "unlearning.ended", "job": number, "status": "cancelled"}
    key = base64.b64encode(audit.public_key().public_bytes_raw()).decode()
    signature, uid, at = (headers[f"webhook-{name}"] for name in ("signature", "id", "timestamp"))
    signing.check_webhook(public_key=key, uid=uid, at=at, signature=signature, body=body)
    with pytest.raises(NotAllowed):
        signing.check_webhook(public_key=key, uid=uid, at=at, signature=signature, body=body + b" ")
    assert library.check_call(body, headers, key=key) == json.loads(body)


@pytest.mark.django_db
def test_what_is_kept_of_an_order_does_not_let_row_ids_be_tried(customer: Customer) -> None:
    ordered(customer)
    job = UnlearningJob.objects.get()
    body = json.dumps({"model": job.model_id, "forget": job.forget, "spec": job.spec}, sort_keys=True)
    assert job.body_digest != hashlib.sha256(body.encode()).hexdigest()
    again = post(customer.outside, "jobs/", ORDER, **{"Idempotency-Key": "k"})
    assert post(customer.outside, "jobs/", ORDER, **{"Idempotency-Key": "k"}).json()["id"] == again.json()["id"]
