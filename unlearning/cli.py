"""Arguments to verbs, and their results to JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unlearning import verbs
from unlearning.errors import InputError, UnlearningError
from unlearning.files import write_json
from unlearning.verbs.words import shared


def main(arguments: Sequence[str]) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _alone()
        result = verbs.load(options.verb).run(options, progress=_progress)
        if options.json:
            write_json(options.json, asdict(result))
    except Exception as error:
        _say({"error": type(error).__name__, "message": _message(error)})
        return 1
    return 0


def _alone() -> None:
    """Several processes would write the same folder: `accelerate launch` may start one."""
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise InputError("starting: launched as several processes; launch one (accelerate launch --num_processes 1)")


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
