"""``ingest``: hash records once, so that a later request costs what it finds."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from retrieval.verbs import given as take

HELP = "make or bring up to date the index of a folder: only changed files are read"


def arguments(parser: ArgumentParser) -> None:
    """Take the folder, the index and its key."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, required=True, help="folder of the index; made for its owner alone")
    parser.add_argument("--key-file", type=Path, required=True, help="the index's own key; made when it is not there")
    parser.add_argument("--no-near", action="store_true", help="keep no near-duplicate keys (a third of the size)")


def run(given: Namespace) -> tuple[object, int]:
    """Bring the index up to date; the exit code is 1 when a file could not be read (it is searched as a whole)."""
    from retrieval.ingest import ingest
    from retrieval.ingest.keyfile import key_of

    key = key_of(given.key_file, make=True)
    done = ingest(given.folder, given.index, key, near=not given.no_near, progress=take.progress(given))
    counts = {"files": done.files, "read": done.read, "unchanged": done.unchanged, "removed": done.removed}
    counts |= {"records": done.records, "entries": done.entries, "bytes": done.bytes, "unread": len(done.unread)}
    for name, why in done.unread:
        take.say(f"not in the index: {name}: {why}")
    return counts, 1 if done.unread else 0
