"""Orders of ``hostile_calls.py``: an honest company's, whose worker is killed, and how all of them ended."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hostile_calls_house as house

ENDED = ("done", "failed", "cancelled")


class Honest:
    """The company that orders as it should, and whoever kills the worker in the middle of its jobs."""

    def __init__(self, port: int, token: str, processes: Any) -> None:
        self._call = {"port": port, "token": token}
        self._processes = processes
        inputs = {"data": "digits"}
        model = {"slug": house.HIDDEN, "kind": "classifier", "location": house.HIDDEN, "inputs": inputs}
        status, _ = house.asked(method="POST", target="models/", body=model, **self._call)
        assert status == 201, status
        self.kills = 0
        self.resumed: list[float] = []
        self.states: list[str] = []
        self.twice = 0
        self.first = self._ordered("k-first", 0)

    def _ordered(self, key: str, seed: int) -> str:
        """One order, sent twice at once with one key."""
        body = {"model": house.HIDDEN, "forget": {"class_label": "5"}, "method": "renew", "seed": seed}
        with ThreadPoolExecutor(2) as both:
            sent = [both.submit(house.asked, method="POST", target="jobs/", body=body, key=key, **self._call)
                    for _ in range(2)]  # fmt: skip
        answers = [one.result() for one in sent]
        self.twice += len({answer["id"] for _, answer in answers}) - 1
        return str(answers[0][1]["id"])

    def order(self, kills: int) -> None:
        """Order, kill the worker at the job, see it to its end; as many times as there are kills."""
        dice = random.Random(kills)
        numbers = [self.first, *(self._ordered(f"k-{n}", n) for n in range(1, kills))]
        for number in numbers:
            self._wait(number, ("running",))
            time.sleep(dice.random())
            killed = time.monotonic()
            if self._state(number) == "running":
                os.killpg(self._processes.pid("worker"), signal.SIGKILL)
                self.kills += 1
            self.states.append(self._wait(number, ENDED))
            self.resumed.append(time.monotonic() - killed)

    def _state(self, number: str) -> str:
        return str(house.asked(method="GET", target=f"jobs/{number}/", **self._call)[1]["status"])

    def _wait(self, number: str, wanted: tuple[str, ...], patience: float = 300.0) -> str:
        until = time.monotonic() + patience
        while (state := self._state(number)) not in (*wanted, *ENDED) and time.monotonic() < until:
            time.sleep(0.1)
        return state


def cancel_the_rest(port: int, token: str) -> None:
    """What the hostile company ordered and what waits still: it is taken back, so that the run ends."""
    page = house.asked(port, "GET", "jobs/?page_size=500", token=token)[1]
    for line in page["results"]:
        if line["status"] not in ENDED:
            house.asked(port, "POST", f"jobs/{line['id']}/cancel/", token=token)


def all_ended(port: int, keys: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Every order of both companies by id, once all have ended or five minutes are over."""
    until = time.monotonic() + 300
    while True:
        found: dict[str, dict[str, Any]] = {}
        for token in keys.values():
            number = 1
            while True:
                status, page = house.asked(port, "GET", f"jobs/?page_size=500&page={number}", token=token)
                if status != 200:
                    break
                found |= {line["id"]: line for line in page["results"]}
                number += 1
        if all(line["status"] in ENDED for line in found.values()) or time.monotonic() > until:
            return found
        time.sleep(0.5)
