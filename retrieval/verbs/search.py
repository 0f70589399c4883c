"""``search``: ask an index by text."""

from argparse import ArgumentParser, Namespace

from retrieval.verbs import given as take

HELP = "search an index folder by text"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the question, how many answers, and the embedder."""
    take.folder(parser)
    parser.add_argument("query")
    take.answers(parser)
    parser.add_argument("--who", nargs="+", metavar="NAME", help="who asks, where the folder has permissions")
    take.embedding(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Return the nearest chunks."""
    from retrieval.indexes import load

    hits = load("faiss").open(given.folder, embedder=take.embedder(given)).search(given.query, k=given.k, who=given.who)
    rows = [
        {"id": hit.id, "score": round(hit.score, 4), "document": hit.chunk.document, "text": hit.chunk.text}
        for hit in hits
    ]
    return rows, 0
