"""``build``: chunks into an index folder."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "embed chunks (JSON lines: id, document, text) into an index folder"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the chunks, the kind of index, the embedder, and what may not come in."""
    take.folder(parser)
    parser.add_argument("chunks", type=Path, help="JSON lines with id (a whole number), document and text")
    parser.add_argument("--kind", choices=("flat", "ivf", "hnsw"), default="flat", help="of index (flat)")
    take.embedding(parser)
    take.exclusions(parser, required=False)


def run(given: Namespace) -> tuple[object, int]:
    """Build the next generation; with a list, chunks that hold what was erased stop it before anything is written."""
    from retrieval.indexes import chunks, load

    wanted = chunks.read(given.chunks).values()
    told, gate = take.progress(given), take.gate(given)
    if gate is not None:
        gate.require_clean((asdict(chunk) for chunk in wanted), into=f"the index {given.folder}")
    about = load("faiss").build(given.folder, wanted, take.embedder(given), kind=given.kind, progress=told)
    return asdict(about), 0
