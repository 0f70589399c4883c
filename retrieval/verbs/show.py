"""``show``: the way back from ``hide``."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from retrieval.verbs import given as take

HELP = "take ids off the hidden list again, as long as nothing is erased"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder and the ids."""
    take.folder(parser)
    take.ids(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Show them to searches again; ``hidden`` says how many are still hidden."""
    from retrieval import erase

    return asdict(erase.show(given.folder, given.ids)), 0
