"""Arguments to verbs, and their results to JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unlearning import telling, verbs
from unlearning.errors import InputError, OutputExists, ProcessLost, UnlearningError
from unlearning.files import write_json
from unlearning.types import silent
from unlearning.verbs.words import shared


def main(arguments: Sequence[str]) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    started = int(os.environ.get("WORLD_SIZE") or 1)  # by `accelerate launch` or `torchrun`
    if started > 1 and not _is_divided(options):
        if int(os.environ.get("RANK") or 0):
            return 0
        _say({"message": f"{options.verb}: one process does it, the others have nothing to do"})
    try:
        if started > 1 and _is_divided(options):
            return _together(options)
        _use(options.device)
        with _limited(options.context):
            result = verbs.load(options.verb).run(options, progress=_progress)
        _hand_over(result, options.json)
    except Exception as error:
        if (
            isinstance(error, UnlearningError)
            and not isinstance(error, ProcessLost)
            and int(os.environ.get("RANK") or 0)
        ):
            return 1  # the first process meets the same and says it
        _say({"error": type(error).__name__, "message": _message(error)})
        return 1
    return 0


def _hand_over(result: Any, path: Path | None) -> None:
    """Write the whole result to the file that was named, and say in words what was found."""
    if path:
        write_json(path, asdict(result))
    print("\n".join(telling.told(result)), flush=True)


def _use(device: str) -> None:
    if device != "cpu":
        from unlearning.devices import use

        use(device)


def _limited(tokens: int | None) -> AbstractContextManager[None]:
    if tokens is None:
        return nullcontext()
    from unlearning.room import limited

    return limited(tokens)


def _is_divided(options: argparse.Namespace) -> bool:
    """Whether several processes can share the work: what must repeat to the byte, and what measures, stays with one."""
    return bool(options.verb == "unlearn" and options.method != "auto")


def _together(options: argparse.Namespace) -> int:
    """The same verb in every process; the first writes and speaks."""
    from unlearning import processes

    with processes.joined() as group, processes.room(options.out) as out:
        if group.shares and (options.adapter or options.method not in processes.IN_SHARES):
            raise InputError(
                "starting: with adapters or this method weights cannot be held in shares (FSDP); launch with "
                f"--multi_gpu, or choose one of {', '.join(sorted(processes.IN_SHARES))}"
            )
        if processes.agreed(out.exists()):  # before the others wait for what the first will not do
            raise OutputExists(f"writing {options.out}: it is already there; choose another folder or remove it first")
        options.out = out
        with _limited(options.context):
            result = verbs.load(options.verb).run(options, progress=_progress if group.is_first else silent)
        if group.is_first:
            _hand_over(result, options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unlearning", description="Make a language model forget a person.")
    found = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    for name in verbs.TABLE:
        verb = verbs.load(name)
        words = found.add_parser(name, help=verb.HELP, description=verb.HELP)
        shared(words)
        verb.arguments(words)
    return parser


def _message(error: Exception) -> str:
    """Our own words for our own errors; of others only where they happened, for their words may quote a row."""
    if isinstance(error, UnlearningError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}; make room or correct the path, then start again"
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"unexpected, in {Path(last.filename).name} line {last.lineno}; please report this line"


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content, ensure_ascii=False), file=sys.stderr, flush=True)


def _progress(fraction: float, message: str) -> None:
    _say({"fraction": round(fraction, 4), "message": message})
