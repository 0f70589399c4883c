"""``search``: ask an index by text."""

from argparse import ArgumentParser, Namespace

from retrieval.verbs import given as take

HELP = "search an index folder by text"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the question, how many answers, and the embedder."""
    take.folder(parser)
    parser.add_argument("query")
    parser.add_argument("-k", type=int, default=10)
    take.embedding(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Return the nearest chunks."""
    from retrieval.indexes import load

    hits = load("faiss").open(given.folder, embedder=take.embedder(given)).search(given.query, k=given.k)
    return [{"id": hit.id, "score": round(hit.score, 4), "text": hit.chunk.text} for hit in hits], 0
