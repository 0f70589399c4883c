"""``absent``: the proof on bytes that texts and vectors are gone."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "search every file of a folder for the exact bytes of texts and vectors"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, texts and vectors."""
    take.folder(parser)
    take.texts(parser, "--texts")
    parser.add_argument("--vectors", type=Path, help="vectors as they were stored (.npy, a row each)")


def run(given: Namespace) -> tuple[object, int]:
    """Look for them, also in what formats hide; the exit code is 1 when something is left."""
    import numpy as np

    from retrieval.absence import absent

    texts = take.read_texts(given.texts) if given.texts else []
    rows = np.load(given.vectors, allow_pickle=False) if given.vectors else []
    if not texts and not len(rows):
        raise ValueError("Proving an absence of nothing: give --texts or --vectors.")
    report = absent(given.folder, vectors=rows, texts=texts)
    return {**asdict(report), "absent": report.absent}, 0 if report.absent else 1
