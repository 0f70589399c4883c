"""``exclude``: keep what was erased out of training data."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from retrieval.verbs import given as take

HELP = "say which rows of a file may not be used for training, and copy the others"


def arguments(parser: ArgumentParser) -> None:
    """Take the file, the list, and where the copy goes."""
    parser.add_argument("file", type=Path, help="JSON lines, CSV, plain lines or Parquet")
    take.exclusions(parser, required=True)
    parser.add_argument("--out", type=Path, help="copy the rows that may be used, byte for byte; without it only look")
    parser.add_argument("--rows", action="store_true", help="name each row that may not be used, counted from 1")


def run(given: Namespace) -> tuple[object, int]:
    """Look, and copy; the exit code is 1 when rows may not be used and no copy without them was written."""
    from retrieval.admission import admit

    gate = take.gate(given)
    found = admit(given.file, gate, out=given.out, progress=take.progress(given))
    if given.rows:
        rows: object = [
            {"row": each.number + 1, "kind": each.reason.kind, "field": each.reason.field} for each in found.refused
        ]
    else:
        rows = {"rows": found.rows, "refused": len(found.refused), **found.by_kind, "list": gate.size}
    return rows, 1 if found.refused and given.out is None else 0
