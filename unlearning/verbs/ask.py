"""`ask`: put questions to a model, as people typed them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from unlearning.errors import RowsError
from unlearning.types import Progress

HELP = "put questions to a model, as people typed them"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, required=True, help="a JSON list of texts")
    parser.add_argument("--drawn", type=int, default=8, help="answers drawn per prompt, beside the likeliest")
    parser.add_argument("--longest", type=int, default=60, help="tokens of an answer")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.ask import ask

    return ask(
        options.model,
        prompts=_prompts(options.prompts),
        progress=progress,
        drawn=options.drawn,
        longest=options.longest,
        seed=options.seed,
        threads=options.threads,
    )


def _prompts(path: Path) -> list[str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(prompt, str) for prompt in found):
        raise RowsError(f'reading {path}: not a JSON list of texts; write ["first question", …]')
    return found
