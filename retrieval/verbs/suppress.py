"""``suppress``: what a suppression list is, and building it (again)."""

import argparse
from pathlib import Path

HELP = "say what a suppression list is, or build it again from plain entries (also over an older format)"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the list, its key, and the entries."""
    parser.add_argument("list", type=Path, help="the list's file; a name ending in .bin is the packed form")
    parser.add_argument("--key-file", type=Path, required=True, help="the list's key, 16 to 64 bytes")
    parser.add_argument(
        "--entries",
        type=argparse.FileType(encoding="utf-8"),
        metavar="FILE",
        help="who is withheld, in plain text: a JSON object a line with kind, value, group, until (- for standard "
        "input); without it only look",
    )
    parser.add_argument("--region", help="country of phone numbers without country code, for instance DE")
    parser.add_argument(
        "--forget-others",
        action="store_true",
        help="do not compare with the list that is there: whoever is not given goes",
    )


def run(given: argparse.Namespace) -> tuple[object, int]:
    """Build it, or look; the exit code is 1 for a list that this version cannot serve from."""
    from retrieval import relisting

    key = given.key_file.read_bytes()
    if given.entries is not None:
        entries = relisting.read_entries(given.entries)
        rows = relisting.rebuild(given.list, entries, key, region=given.region, compare=not given.forget_others)
        return {"list": str(given.list), "entries": len(entries), "rows": rows}, 0
    seen = relisting.look(given.list, key)
    about = {"format": seen.format, "rows": seen.rows, "groups": len({group for group, *_ in seen.details})}
    if seen.is_current:
        return {**about, "state": "current"}, 0
    return {**about, "state": "older: it holds hashes only; build it again with --entries, in plain text"}, 1
