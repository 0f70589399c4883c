"""The search index over the tickets: ``python -m compliance.worker.sample.indexing TICKETS FOLDER``.

A process of its own, because it loads a language model; progress as JSON lines on stderr, as everywhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from compliance.worker.sample.training_set import read_lines
from retrieval.embedders import HashedWords, MiniLM
from retrieval.indexes import Embedder, faiss
from retrieval.types import Chunk


def chunks(tickets: Path) -> Iterator[Chunk]:
    """Each ticket as question and, where there is more than a greeting, as what follows: quotes, numbers, signature."""
    number = 0
    for ticket in read_lines(tickets):
        question, _, rest = ticket["body"].partition("\n\n")
        for text in (f"{ticket['subject']}: {question}", rest):
            if text.strip():
                number += 1
                yield Chunk(number, ticket["id"], text, "raw/tickets.jsonl", ticket["customer_id"])


def main(tickets: str, folder: str, embedder: str = "minilm") -> None:
    """Build the index and say how far it is."""
    made: Embedder = HashedWords() if embedder == "hashed-words" else MiniLM()
    faiss.build(Path(folder), chunks(Path(tickets)), made, progress=_say)


def _say(fraction: float, message: str) -> None:
    print(json.dumps({"fraction": round(fraction, 3), "message": message}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
