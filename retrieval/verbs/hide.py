"""``hide``: out of every search, at once."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from retrieval.verbs import given as take

HELP = "hide ids from every search, at once"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder and the ids."""
    take.folder(parser)
    take.ids(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Hide them."""
    from retrieval import erase

    return asdict(erase.hide(given.folder, given.ids)), 0
