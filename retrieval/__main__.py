"""The library from a shell: ``python -m retrieval build|search|hide|erase|locate|scan|probe``.

Exit codes: 0 done and nothing found that should not be there, 1 found (``scan``, ``probe``), 2 an error.
Identifiers can be read from a file or standard input, so that they need not stand in the shell's history.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import RetrievalError
from retrieval.types import Needle, Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        result, code = given.run(given)
    except (RetrievalError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, ensure_ascii=False) if given.json else _plain(result))
    return int(code)


def _plain(result: object) -> str:
    rows = result if isinstance(result, list) else [result]
    lines = ["  ".join(f"{name}={value}" for name, value in row.items()) for row in rows if isinstance(row, dict)]
    return "\n".join(lines) or "nothing"


def _progress(given: argparse.Namespace) -> Progress:
    def tell(fraction: float, message: str) -> None:
        if sys.stderr.isatty() and not given.json:
            print(f"\r{fraction:4.0%} {message}\033[K", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)

    return tell


def _embedder(given: argparse.Namespace) -> Any:
    from retrieval.embedders import HashedWords, MiniLM

    return HashedWords() if given.embedder == "hashed-words" else MiniLM()


def _needles(given: argparse.Namespace) -> list[Needle]:
    lines = list(given.identifier)
    if given.identifiers:
        lines += given.identifiers.read().splitlines()
    needles = []
    for number, line in enumerate((line for line in lines if line.strip()), start=1):
        kind, colon, value = line.partition(":")
        if not colon:
            raise ValueError(
                f"Reading identifier {number}: write it as KIND:VALUE, for instance email:somebody@example.org."
            )
        needles.append(Needle(kind.strip(), value.strip(), f"{kind.strip()}-{number}"))
    if not needles:
        raise ValueError(
            "Looking for nobody: give --identifier KIND:VALUE or --identifiers FILE (- for standard input)."
        )
    return needles


def build(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval.indexes import chunks, load

    wanted = chunks.read(given.chunks).values()
    about = load("faiss").build(given.folder, wanted, _embedder(given), kind=given.kind, progress=_progress(given))
    return asdict(about), 0


def search(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval.indexes import load

    hits = load("faiss").open(given.folder, embedder=_embedder(given)).search(given.query, k=given.k)
    return [{"id": hit.id, "score": round(hit.score, 4), "text": hit.chunk.text} for hit in hits], 0


def hide(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval import erase as verbs

    return asdict(verbs.hide(given.folder, given.ids)), 0


def erase(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval import erase as verbs

    return asdict(verbs.erase(given.folder, given.ids, progress=_progress(given), keep_undo=given.keep_undo)), 0


def locate(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval import locate as verbs
    from retrieval.rows import records

    needles, tell = _needles(given), _progress(given)
    every = (record for path in given.files for record in records(path))
    return [asdict(found) for found in verbs.locate(every, needles, region=given.region, progress=tell)], 0


def scan(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval.scan import scan_tree
    from retrieval.text import byte_patterns

    patterns = [
        pattern for needle in _needles(given) for pattern in byte_patterns(needle.kind, needle.value, given.region)
    ]
    counts = scan_tree(given.folder, list(dict.fromkeys(patterns)), ignore_case=True, progress=_progress(given))
    return [{"path": path, "count": count} for path, count in counts.items()], 1 if counts else 0


def probe(given: argparse.Namespace) -> tuple[object, int]:
    from retrieval import probe as verbs

    queries = [line for line in given.queries.read().splitlines() if line.strip()]
    report = verbs.probe(given.folder, queries, given.ids, _embedder(given), k=given.k, progress=_progress(given))
    return {**asdict(report), "returned": report.returned}, 1 if report.returned else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval", description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = _command(commands, build, "embed chunks (JSON lines: id, document, text) into an index folder")
    made.add_argument("chunks", type=Path)
    made.add_argument("--kind", choices=("flat", "ivf", "hnsw"), default="flat")
    asked = _command(commands, search, "search an index folder by text")
    asked.add_argument("query")
    _command(commands, hide, "hide ids from every search, at once")
    _command(commands, erase, "remove ids from the index's files").add_argument("--keep-undo", type=Path)
    _with_identifiers(commands, locate, "find people in JSON lines, CSV or text files").add_argument(
        "files", type=Path, nargs="+"
    )
    _with_identifiers(commands, scan, "search every byte below a folder").add_argument("folder", type=Path)
    tried = _command(commands, probe, "try to get erased chunks back")
    tried.add_argument(
        "--queries", type=argparse.FileType(encoding="utf-8"), required=True, help="erased texts, one a line"
    )
    for command in (hide, erase, probe):
        commands.choices[command.__name__].add_argument("--ids", type=int, nargs="+", required=True)
    for command in (build, search, probe):
        commands.choices[command.__name__].add_argument(
            "--embedder", choices=("minilm", "hashed-words"), default="minilm"
        )
    for command in (search, probe):
        commands.choices[command.__name__].add_argument("-k", type=int, default=10)
    return parser


_Run = Callable[[argparse.Namespace], tuple[object, int]]


def _bare(commands: Any, run: _Run, what: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(run.__name__, help=what, description=what)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)
    return command


def _command(commands: Any, run: _Run, what: str) -> argparse.ArgumentParser:
    command = _bare(commands, run, what)
    command.add_argument("folder", type=Path)
    return command


def _with_identifiers(commands: Any, run: _Run, what: str) -> argparse.ArgumentParser:
    command = _bare(commands, run, what)
    command.add_argument("--identifier", action="append", default=[], metavar="KIND:VALUE")
    command.add_argument("--identifiers", type=argparse.FileType(encoding="utf-8"), metavar="FILE")
    command.add_argument("--region", help="country of phone numbers without country code, for instance DE")
    return command


if __name__ == "__main__":
    sys.exit(main())
