"""`python -m unlearning VERB …`: the same verbs for another process.

Progress goes to standard error as JSON lines `{"fraction", "message"}`, the result to `--json FILE`, written whole,
and its figures in words to standard output.
Exit code 0: done; 1: refused, with one line `{"error", "message"}` on standard error; 2: wrong arguments.
"""

from __future__ import annotations

import os
import sys


def _threads(arguments: list[str]) -> str:
    """The thread count must be in the environment before torch is loaded."""
    for index, word in enumerate(arguments):
        if word.startswith("--threads="):
            return word.partition("=")[2]
        if word == "--threads" and index + 1 < len(arguments):
            return arguments[index + 1]
    return "1"


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = _threads(sys.argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from unlearning.cli import main

    sys.exit(main(sys.argv[1:]))
