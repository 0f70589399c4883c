"""``locate``: find people in records."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "find people in JSON lines, CSV or text files"


def arguments(parser: ArgumentParser) -> None:
    """Take identifiers and files."""
    take.identifiers(parser)
    parser.add_argument("files", type=Path, nargs="+")


def run(given: Namespace) -> tuple[object, int]:
    """Return every occurrence."""
    from retrieval import locate
    from retrieval.rows import records

    needles, told = take.needles(given), take.progress(given)
    every = (record for path in given.files for record in records(path))
    return [asdict(found) for found in locate.locate(every, needles, region=given.region, progress=told)], 0
