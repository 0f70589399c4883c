"""Builds the company's folder beside its place and moves it there whole; a killed build leaves nothing that counts."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread

from compliance.rules.errors import InvalidInput, OubliError
from compliance.worker.sample import lineage, systems
from compliance.worker.sample.steps import DATA, HEAVY, Recipe, Step

MARKER = "built.json"
Report = Callable[[str, float, str], None]
_PROJECT = Path(__file__).resolve().parents[3]


class BuildFailed(OubliError):
    """A run of the build ended badly; the folder that was there before is untouched."""

    usual_action = "Read the cause, then run the build again: it starts anew."


@dataclass(frozen=True)
class Built:
    """Where the company lies, whether it was made just now, and how long each run took (seconds)."""

    folder: Path
    fresh: bool
    seconds: dict[str, float]


def silent(job: str, fraction: float, message: str) -> None:
    """A report that tells nobody."""


def build(out: Path, *, seed: int = 7, small: bool = False, force: bool = False, report: Report = silent) -> Built:
    """Make the company in ``out``; returns at once when it is there, made by the same recipe, unless forced.

    Errors: ``InvalidInput`` when something else lies there, ``BuildFailed`` when a run fails.
    """
    out, recipe = Path(out).absolute(), Recipe(seed, small)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        _clear_what_kills_left(out)
        if not force and _is_there(out, recipe):
            return Built(out, False, {})
        folder = out.with_name(f".{out.name}.building-{os.getpid()}")
        folder.mkdir()
        seconds = _make(folder, recipe, report)
        _swap(folder, out)
    return Built(out, True, seconds)


def _make(folder: Path, recipe: Recipe, report: Report) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for step in DATA:
        started, clock = lineage.now(), time.monotonic()
        assert step.work is not None  # noqa: S101 - a data step always has its work
        step.work(folder, recipe)
        _finish(folder, step, started)
        seconds[step.job] = time.monotonic() - clock
        report("data", len(seconds) / len(DATA), step.job)
    seconds.update(_run_side_by_side(folder, recipe, report))
    systems.write(folder)
    _write_durably(folder / MARKER, json.dumps(asdict(recipe)))
    return seconds


def _run_side_by_side(folder: Path, recipe: Recipe, report: Report) -> dict[str, float]:
    runs = [_Run(step, folder, recipe, report) for step in HEAVY]
    try:
        return {run.step.job: run.finish() for run in runs}
    finally:
        for run in runs:
            run.stop()


class _Run:
    """One subprocess: one thread of computation, progress as JSON lines on stderr."""

    def __init__(self, step: Step, folder: Path, recipe: Recipe, report: Report) -> None:
        self.step, self._folder, self._report = step, folder, report
        self._started, self._clock, self._last = lineage.now(), time.monotonic(), ""
        self._ended, self._seconds = self._started, 0.0
        command = step.command(recipe) if step.command else ()
        paths = [str(_PROJECT), os.environ.get("PYTHONPATH", "")]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        settings = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HF_HUB_OFFLINE": "1", **threads}
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,  # its result in words; its progress comes on the other
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def finish(self) -> float:
        """Wait for the end, record the run, and return its seconds."""
        code = self._process.wait()
        self._reader.join()
        if code:
            raise BuildFailed(f"{self.step.job} ended with code {code}: {self._last or 'it said nothing'}")
        _finish(self._folder, self.step, self._started, self._ended)
        return self._seconds

    def stop(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._process.kill()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            try:
                told = json.loads(line)
                self._report(self.step.job, float(told["fraction"]), str(told["message"]))
            except (ValueError, KeyError, TypeError):
                self._last = line.strip() or self._last
        self._ended, self._seconds = lineage.now(), time.monotonic() - self._clock


def _finish(folder: Path, step: Step, started: str, ended: str = "") -> None:
    missing = [name for name in step.outputs if not (folder / name).exists()]
    if missing:
        raise BuildFailed(f"{step.job} did not write {', '.join(missing)}.")
    lineage.record(folder, job=step.job, inputs=step.inputs, outputs=step.outputs, started=started, ended=ended)


def _is_there(out: Path, recipe: Recipe) -> bool:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        made_by = json.loads((out / MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        raise InvalidInput(
            f"{out.name} holds something that build_sample did not make.",
            next_action="Choose another --out, or move that folder away.",
        ) from None
    if made_by != asdict(recipe):
        raise InvalidInput(
            f"{out.name} was made with other settings: seed {made_by.get('seed')}, small {made_by.get('small')}.",
            next_action="Give the same settings, another --out, or --force to make it anew.",
        )
    return True


def _swap(folder: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.old-{os.getpid()}")
    if out.exists():
        os.replace(out, old)
    os.replace(folder, out)
    shutil.rmtree(old, ignore_errors=True)


def _clear_what_kills_left(out: Path) -> None:
    old = sorted(out.parent.glob(f".{out.name}.old-*"))
    if old and not out.exists():
        os.replace(old.pop(), out)
    for left in [*old, *out.parent.glob(f".{out.name}.building-*")]:
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out.parent / f".{out.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
