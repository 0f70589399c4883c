"""``scan``: search bytes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from retrieval.verbs import given as take

HELP = "search every byte below a folder"


def arguments(parser: ArgumentParser) -> None:
    """Take identifiers and the folder."""
    take.identifiers(parser)
    parser.add_argument("folder", type=Path)


def run(given: Namespace) -> tuple[object, int]:
    """Count occurrences by file; the exit code is 1 when there are any."""
    from retrieval.scan import scan_tree
    from retrieval.text import byte_patterns
    from retrieval.walking import links_below

    needles, told = take.needles(given), take.progress(given)
    patterns = [pattern for needle in needles for pattern in byte_patterns(needle.kind, needle.value, given.region)]
    counts = scan_tree(given.folder, list(dict.fromkeys(patterns)), ignore_case=True, progress=told)
    if links := links_below(given.folder):
        take.say(f"{len(links)} links were not followed, the first: {links[0]}; what they lead to was not searched")
    return [{"path": path, "count": count} for path, count in counts.items()], 1 if counts else 0
