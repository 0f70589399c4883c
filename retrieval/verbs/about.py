"""``about``: what an index folder is, and what erasing from it would be."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from retrieval.verbs import given as take

HELP = "say what an index folder is, and what an erase would do, while nothing is changed"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, and ids where it is about them."""
    take.folder(parser)
    parser.add_argument("--ids", type=int, nargs="+", default=[], help="chunk ids that would be erased")


def run(given: Namespace) -> tuple[object, int]:
    """Describe it; the exit code is 1 when an erase would be refused, or would leave what was learned (``partial``)."""
    from retrieval.foreseeing import can_erase
    from retrieval.indexes import load

    outlook = can_erase(given.folder, given.ids)
    about = asdict(load("faiss").open(given.folder).describe())
    erase = {"erase_would_be": outlook.level, "because": outlook.why, "can_be_undone": outlook.undo}
    return {**about, **erase}, 1 if outlook.level in {"refused", "partial"} else 0
