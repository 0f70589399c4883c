"""A company's pipeline tells what it made from what: this one file, the standard library, nothing else.

::

    from pipeline_client import Lineage
    lineage = Lineage("https://privacy.example.org", token="...")     # or Lineage("lineage.jsonl"), taken in later
    @lineage.step(reads=["raw/tickets.jsonl"], makes=["oubli:support-model"])
    def train() -> None: ...

What is read and made are paths, addresses such as ``s3://bucket/key``, or ``oubli:NAME`` with the registered name.
Of files and folders the digest is taken (sha256): of what is read before the step runs, of what is made after it. A
function that takes a parameter ``run`` is given the run: ``run.reached(1200)`` says how far a training got.

RunEvents of OpenLineage 2 are sent (START, then COMPLETE or FAIL). When the service refuses what was made, because its
inputs hold somebody who was erased, ``Refused`` is raised after the step. When the service cannot be reached, the step
goes on and the event waits in ``lineage-unsent.jsonl``: training is not stopped by a line that is down.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
PRODUCER = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
UNSENT = "lineage-unsent.jsonl"


class Refused(Exception):
    """The service said no; ``status`` is HTTP's, ``detail`` why, ``next_action`` what helps."""

    def __init__(self, status: int, detail: str, next_action: str) -> None:
        self.status, self.detail, self.next_action = status, detail, next_action
        super().__init__(f"{status}: {detail} {next_action}".strip())


class Run:
    """One execution of a step."""

    def __init__(self) -> None:
        self.id, self.step = str(uuid.uuid4()), -1

    def reached(self, step: int) -> None:
        """Say how far it got: the number of the last training step."""
        self.step = max(self.step, int(step))


class Lineage:
    """Where events go: a site with a token, or a file of JSON lines."""

    def __init__(self, to: str, *, token: str = "", namespace: str = "pipeline", timeout: float = 30) -> None:
        self._to, self._token, self._namespace, self._timeout = to, token, namespace, timeout
        self._remote = urllib.parse.urlsplit(to).scheme in ("http", "https")

    def step(
        self, *, reads: Sequence[str | Path] = (), makes: Sequence[str | Path] = (), job: str = ""
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate the function that makes ``makes`` out of ``reads``."""

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            wants = "run" in inspect.signature(function).parameters
            call: Callable[..., R] = function
            name = job or f"{function.__module__}.{function.__qualname__}"

            @functools.wraps(function)
            def traced(*args: P.args, **kwargs: P.kwargs) -> R:
                run = Run()
                inputs = [_dataset(item) for item in reads]
                self.tell("START", run, name, inputs, [])
                try:
                    result = call(*args, **({**kwargs, "run": run} if wants else kwargs))
                except BaseException:
                    self.tell("FAIL", run, name, inputs, [])
                    raise
                self.tell("COMPLETE", run, name, inputs, [_dataset(item, step=run.step) for item in makes])
                return result

            return traced

        return decorate

    def tell(self, state: str, run: Run, job: str, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        """Send or write one RunEvent."""
        event = {
            "eventType": state,
            "eventTime": datetime.now(UTC).isoformat(),
            "producer": PRODUCER,
            "schemaURL": f"{PRODUCER}#/$defs/RunEvent",
            "run": {"runId": run.id},
            "job": {"namespace": self._namespace, "name": job},
            "inputs": inputs,
            "outputs": outputs,
        }
        if not self._remote:
            _append(Path(self._to), event)
            return
        try:
            self._post(event)
        except urllib.error.HTTPError as error:
            if 400 <= error.code < 500 and state != "START":
                raise _refusal(error) from None
        except OSError:
            _append(Path(UNSENT), event)

    def _post(self, event: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - http and https only, checked when it was made
            f"{self._to.rstrip('/')}/api/v1/lineage",
            data=json.dumps(event).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - as above
            answer.read()


def _refusal(error: urllib.error.HTTPError) -> Refused:
    try:
        said = json.loads(error.read())
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    return Refused(error.code, str(said.get("detail", error.reason)), str(said.get("next_action", "")))


def _append(file: Path, event: dict[str, Any]) -> None:
    """One whole line, on the disk before the step goes on."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, json.dumps(event).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def _dataset(item: str | Path, *, step: int = -1) -> dict[str, Any]:
    text = str(item)
    facets: dict[str, Any] = {}
    if step >= 0:
        facets["oubli_step"] = {"_producer": PRODUCER, "_schemaURL": PRODUCER, "step": step}
    if text.startswith("oubli:"):
        return {"namespace": "oubli", "name": text.removeprefix("oubli:"), "facets": facets}
    if "://" in text:
        parts = urllib.parse.urlsplit(text)
        return {"namespace": f"{parts.scheme}://{parts.netloc}", "name": parts.path.lstrip("/"), "facets": facets}
    path = Path(text).absolute()
    if path.exists():
        version = f"sha256:{digest_of(path)}"
        facets["version"] = {"_producer": PRODUCER, "_schemaURL": PRODUCER, "datasetVersion": version}
    return {"namespace": "file", "name": str(path), "facets": facets}


def digest_of(path: Path) -> str:
    """sha256 of a file, or over the names and digests of all files of a folder."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    files = sorted(entry for entry in path.rglob("*") if entry.is_file())
    lines = "".join(f"{entry.relative_to(path)} {digest_of(entry)}\n" for entry in files)
    return hashlib.sha256(lines.encode()).hexdigest()
