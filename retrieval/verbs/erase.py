"""``erase``: out of the files."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "remove chunks from an index folder's files: ours, or LangChain's or LlamaIndex's with --names or --documents"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, what is to go, and where to keep the way back."""
    take.folder(parser)
    parser.add_argument("--ids", type=int, nargs="+", default=[], help="chunk ids of an index folder")
    parser.add_argument("--names", nargs="+", default=[], help="names of texts in a framework's folder")
    parser.add_argument("--documents", nargs="+", default=[], help="documents whose texts go from a framework's folder")
    parser.add_argument("--keep-undo", type=Path, metavar="FOLDER", help="keep what is removed there, with a way back")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--vectors", type=Path, help="original vectors (.npy, .fvecs, .parquet) of an index of codes")
    again.add_argument("--embedder", choices=("minilm", "hashed-words"), help="embed those who stay instead")


def run(given: Namespace) -> tuple[object, int]:
    """Erase them, and return the receipt; the exit code is 1 when what was learned from them is kept (``partial``)."""
    from retrieval import erase, frameworks

    told = take.progress(given)
    if bool(given.ids) == bool(given.names or given.documents):
        raise ValueError("Erasing: give either --ids, or --names and --documents.")
    if given.names or given.documents:
        if given.vectors or given.embedder:
            raise ValueError("Erasing: --vectors and --embedder are for index folders, not for a framework's.")
        names = {"names": given.names, "documents": given.documents}
        return asdict(frameworks.erase(given.folder, **names, progress=told)), 0
    originals = take.embedder(given) if given.embedder else given.vectors
    done = erase.erase(given.folder, given.ids, progress=told, keep_undo=given.keep_undo, originals=originals)
    return asdict(done), 1 if done.level == "partial" else 0
