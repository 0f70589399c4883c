"""``probe``: try to get erased chunks back."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "try to get erased chunks back"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the ids and texts that were erased, how many answers, and the embedder."""
    take.folder(parser)
    take.texts(parser, "--queries", required=True)
    take.answers(parser)
    take.ids(parser)
    parser.add_argument(
        "--caches", type=Path, nargs="+", default=[], help="answer caches, files or folders, to look into"
    )
    take.embedding(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Ask in every way; the exit code is 1 when something came back."""
    from retrieval import probe

    queries, told = take.read_texts(given.queries), take.progress(given)
    model, caches = take.embedder(given), given.caches
    report = probe.probe(given.folder, queries, given.ids, model, k=given.k, caches=caches, progress=told)
    return {**asdict(report), "returned": report.returned}, 1 if report.returned else 0
