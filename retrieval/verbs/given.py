"""What several commands take in the same way: progress, an embedder, ids, identifiers."""

import argparse
import json
import sys
from pathlib import Path
from typing import IO, Any

from retrieval.types import Needle, Progress


def say(message: str) -> None:
    """Tell whoever reads along; the result alone goes to standard output."""
    print(message, file=sys.stderr)


def progress(given: argparse.Namespace) -> Progress:
    """Return a teller that writes to a terminal only, and never beside JSON."""

    def tell(fraction: float, message: str) -> None:
        if sys.stderr.isatty() and not given.json:
            print(f"\r{fraction:4.0%} {message}\033[K", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)

    return tell


def folder(parser: argparse.ArgumentParser) -> None:
    """Take the index folder."""
    parser.add_argument("folder", type=Path, help="an index folder: index.faiss with its documents beside it")


def ids(parser: argparse.ArgumentParser) -> None:
    """Take chunk ids."""
    parser.add_argument("--ids", type=int, nargs="+", required=True, help="chunk ids")


def answers(parser: argparse.ArgumentParser) -> None:
    """Take how many answers."""
    parser.add_argument("-k", type=int, default=10, help="answers to a question (10)")


def embedding(parser: argparse.ArgumentParser) -> None:
    """Take the embedder's name."""
    parser.add_argument(
        "--embedder",
        choices=("minilm", "hashed-words"),
        help="what makes vectors of texts (what the index names, or minilm)",
    )


def embedder(given: argparse.Namespace) -> Any:
    """Return the embedder that was named, or the one that the index in ``given.folder`` was built with."""
    from retrieval.embedders import HashedWords, MiniLM
    from retrieval.indexes import layout

    if given.embedder is None and layout.exists(given.folder):
        manifest = layout.current(given.folder, damaged_too=True).manifest
        if manifest.get("embedder") == HashedWords.name:
            return HashedWords(int(manifest.get("dimension", HashedWords().dimension)))
    return HashedWords() if given.embedder == "hashed-words" else MiniLM()


def texts(parser: argparse.ArgumentParser, name: str, *, required: bool = False) -> None:
    """Take erased texts from a file."""
    parser.add_argument(
        name, type=argparse.FileType(encoding="utf-8"), required=required, metavar="FILE",
        help="erased texts, one a line (- for standard input); .jsonl: a JSON string, or an object with text, a line",
    )  # fmt: skip


def read_texts(file: IO[str]) -> list[str]:
    """Return the texts of a file; raises ``ValueError`` for a line of JSON that holds none."""
    lines = [line for line in file.read().splitlines() if line.strip()]
    if not str(file.name).endswith((".jsonl", ".ndjson")):
        return lines
    try:
        rows = [json.loads(line) for line in lines]
        return [str(row["text"]) if isinstance(row, dict) else str(row) for row in rows]
    except (ValueError, KeyError):
        raise ValueError(
            f"Reading texts of {file.name}: write a JSON string, or an object with text, a line."
        ) from None


def identifiers(parser: argparse.ArgumentParser) -> None:
    """Take identifiers, from the line or from a file, so that they need not stand in the shell's history."""
    parser.add_argument("--identifier", action="append", default=[], metavar="KIND:VALUE")
    parser.add_argument("--identifiers", type=argparse.FileType(encoding="utf-8"), metavar="FILE")
    parser.add_argument("--region", help="country of phone numbers without country code, for instance DE")


def needles(given: argparse.Namespace) -> list[Needle]:
    """Return the identifiers that were given; raises ``ValueError`` for none, or for one without a kind."""
    lines = list(given.identifier)
    if given.identifiers:
        lines += given.identifiers.read().splitlines()
    found = []
    for number, line in enumerate((line for line in lines if line.strip()), start=1):
        kind, colon, value = line.partition(":")
        if not colon:
            raise ValueError(
                f"Reading identifier {number}: write it as KIND:VALUE, for instance email:somebody@example.org."
            )
        found.append(Needle(kind.strip(), value.strip(), f"{kind.strip()}-{number}"))
    if not found:
        raise ValueError(
            "Looking for nobody: give --identifier KIND:VALUE or --identifiers FILE (- for standard input)."
        )
    return found


def exclusions(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Take an exclusion list and its key."""
    parser.add_argument("--list", type=Path, required=required, help="an exclusion list (manage.py exclusions)")
    parser.add_argument("--key-file", type=Path, required=required, help="the list's key, 16 bytes or more")


def gate(given: argparse.Namespace) -> Any:
    """Return the gate of the list that was named, or None; raises ``ValueError`` for a list without its key."""
    from retrieval.exclusion import Exclusions
    from retrieval.gate import Gate

    if given.list is None:
        return None
    if given.key_file is None:
        raise ValueError("Opening an exclusion list: give its key with --key-file.")
    key = given.key_file.read_bytes()
    return Gate(Exclusions.read(given.list, key), key)
