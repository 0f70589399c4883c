"""Words that several verbs share, and small files that they read."""

from __future__ import annotations

import argparse
from pathlib import Path

from unlearning.errors import RowsError


def shared(parser: argparse.ArgumentParser) -> None:
    """What every verb takes."""
    parser.add_argument("--json", type=Path, help="write the whole result to this file")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computation (1 repeats bytes)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--context", type=int, help="tokens of a row at most (what the model itself sees)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or mps; bytes repeat on the same one")


def lines_of(path: Path | None) -> list[str]:
    """Lines of a UTF-8 text file with their ends, none without a file; raises RowsError."""
    if path is None:
        return []
    try:
        return path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise RowsError(f"reading {path}: {type(error).__name__}; give a readable UTF-8 text file") from None
