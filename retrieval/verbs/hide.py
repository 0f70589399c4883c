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
    """Hide them; the exit code is 1 when some of them are not in the index (they are hidden all the same)."""
    from retrieval import erase

    done = erase.hide(given.folder, given.ids)
    if done.unknown:
        take.say(f"{done.unknown} of {len(set(given.ids))} ids are not in this index: written wrong, or erased before")
    return asdict(done), 1 if done.unknown else 0
