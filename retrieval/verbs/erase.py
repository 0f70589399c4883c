"""``erase``: out of the files."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "remove ids from the index's files"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the ids, and where to keep the way back."""
    take.folder(parser)
    take.ids(parser)
    parser.add_argument("--keep-undo", type=Path)


def run(given: Namespace) -> tuple[object, int]:
    """Erase them, and return the receipt."""
    from retrieval import erase

    told = take.progress(given)
    return asdict(erase.erase(given.folder, given.ids, progress=told, keep_undo=given.keep_undo)), 0
