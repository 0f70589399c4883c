"""``locate``: find people in records."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "find people in JSON lines, CSV, Parquet, HTML, web archives or text files, in one pass"


def arguments(parser: ArgumentParser) -> None:
    """Take identifiers and files."""
    take.identifiers(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads that filter; the finds are the same")
    parser.add_argument("files", type=Path, nargs="+")


def run(given: Namespace) -> tuple[object, int]:
    """Return every occurrence."""
    from retrieval.sweep import sweep

    needles, told = take.needles(given), take.progress(given)
    found = sweep(given.files, needles, region=given.region, threads=given.threads, progress=told)
    return [asdict(one) for one in found], 0
