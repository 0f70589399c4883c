"""The library from a shell: ``python -m retrieval COMMAND``; the commands are in ``retrieval.verbs``.

Exit codes: 0 done and nothing found that should not be there, 1 found (``scan``, ``probe``), 2 an error.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from retrieval.errors import RetrievalError
from retrieval.verbs import VERBS, load


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval", description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in VERBS:
        verb = load(name)
        command = commands.add_parser(name, help=verb.HELP, description=verb.HELP)
        command.add_argument("--json", action="store_true", help="print JSON")
        verb.arguments(command)
        command.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
