"""Model work in a process of its own: memory is given back, a kill stays inside, and it dies with its worker."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compliance.rules.errors import (
    DamagedArtifact,
    DimensionMismatch,
    InvalidInput,
    ModelUnreadable,
    NoSpace,
    OubliError,
    ProofFailed,
    SourceUnreachable,
)

_PR_SET_PDEATHSIG = 1


class ModelRefused(ProofFailed):
    """The new model lost what it should keep, or its numbers broke off; nothing was saved, the old one serves."""

    usual_action = (
        "Send the case back to its plan, and ask an engineer for another method or dose; until then the model serves "
        "as it was, with the person's details suppressed."
    )


_BY_NAME: Mapping[str, type[OubliError]] = {
    "ModelError": ModelUnreadable,
    "PickledWeights": ModelUnreadable,
    "QuantizedWeights": ModelUnreadable,
    "RemoteCode": ModelUnreadable,
    "MissingWeights": ModelUnreadable,
    "NotFinite": ModelUnreadable,
    "Refused": ModelRefused,
    "Diverged": ModelRefused,
    "NotWritten": NoSpace,
    "Waiting": SourceUnreachable,
    "DimensionMismatch": DimensionMismatch,
    "IndexUnreadable": DamagedArtifact,
    "LedgerError": InvalidInput,
    "RowsChanged": InvalidInput,
}


class ModelWorkFailed(OubliError):
    """A model process ended without a result; trying again may help."""

    retryable = True
    usual_action = "It is tried again by itself; if it lasts, look at the memory and disk of the worker's machine."


def run(
    module: str,
    arguments: Sequence[str],
    progress: Callable[[float, str], None],
    *,
    hear: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run ``python -m module arguments --json FILE``; progress is read from its stderr, the result from the file.

    ``hear`` is given each whole line of progress first: it may carry figures beside fraction and words.
    """
    with tempfile.TemporaryDirectory(prefix="oubli-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", module, *arguments, "--json", str(result)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - only a prctl call between fork and exec
            env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        try:
            complaint = _follow(process, progress, hear)
        finally:
            _end(process)
        if process.returncode != 0 or not result.exists():
            raise _error(module, process.returncode, complaint)
        content: dict[str, Any] = json.loads(result.read_text())
        return content


def _follow(
    process: subprocess.Popen[str],
    progress: Callable[[float, str], None],
    hear: Callable[[Mapping[str, Any]], None] | None,
) -> Mapping[str, str]:
    complaint: Mapping[str, str] = {}
    for line in process.stderr or ():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a library's own words
        if not isinstance(said, dict):
            continue
        if "error" in said:
            complaint = said
        elif "fraction" in said:
            if hear:
                hear(said)
            progress(float(said["fraction"]), str(said.get("message", "")))
    process.wait()
    return complaint


def _end(process: subprocess.Popen[str]) -> None:
    """Whatever happened, nothing of the process group is left."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stderr:
        process.stderr.close()


def _error(module: str, code: int, complaint: Mapping[str, str]) -> OubliError:
    words = str(complaint.get("message", ""))
    name = str(complaint.get("error", ""))
    if "No space left" in words or "ENOSPC" in words:
        return NoSpace("The disk filled up while a model was being worked on.")
    if name in _BY_NAME:
        return _BY_NAME[name](words)
    if name:
        return InvalidInput(words)
    return ModelWorkFailed(f"The process {module} ended with code {code} and no result.")


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the worker dies (Linux)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
