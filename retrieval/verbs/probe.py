"""``probe``: try to get erased chunks back."""

from argparse import ArgumentParser, FileType, Namespace
from dataclasses import asdict

from retrieval.verbs import given as take

HELP = "try to get erased chunks back"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the ids and texts that were erased, how many answers, and the embedder."""
    take.folder(parser)
    parser.add_argument("--queries", type=FileType(encoding="utf-8"), required=True, help="erased texts, one a line")
    parser.add_argument("-k", type=int, default=10)
    take.ids(parser)
    take.embedding(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Ask in every way; the exit code is 1 when something came back."""
    from retrieval import probe

    queries = [line for line in given.queries.read().splitlines() if line.strip()]
    told = take.progress(given)
    report = probe.probe(given.folder, queries, given.ids, take.embedder(given), k=given.k, progress=told)
    return {**asdict(report), "returned": report.returned}, 1 if report.returned else 0
