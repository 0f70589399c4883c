"""The library from a shell: find a person, hide and erase them, prove it, and keep them out of answers.

Exit codes: 0 done and nothing found that should not be there; 1 found, or not all could be done (each command says
when); 2 an error, with a sentence on standard error. ``--json`` prints one JSON value on standard output.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from retrieval.errors import RetrievalError
from retrieval.verbs import VERBS, load, printing

_INTERRUPTED: Final = 130
_EXAMPLE: Final = """in the order in which they are used:
  python -m retrieval locate docs/ --identifier email:ana@example.org --region DE
  python -m retrieval hide index/ --ids 3 4
  python -m retrieval about index/ --ids 3 4
  python -m retrieval erase index/ --ids 3 4
  python -m retrieval probe index/ --ids 3 4 --queries texts.jsonl
  python -m retrieval absent index/ --texts texts.jsonl
  python -m retrieval COMMAND --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        result, code = given.run(given)
    except (RetrievalError, ValueError, OSError, LookupError, ImportError) as error:
        return _failed(_words(error))
    except (MemoryError, RecursionError):
        return _failed("There is not enough memory for this, or something is nested too deep; nothing more was done.")
    except KeyboardInterrupt:
        print("stopped; a change that was begun is finished by whoever opens the folder next", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:  # a defect of ours: said without its own words, which may quote what was read
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(at.filename).name}, line {at.lineno}"
        return _failed(f"{type(error).__name__} in {where}: this should not happen; report it with the command.")
    printing.show(result, as_json=given.json)
    return int(code)


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 2


def _words(error: Exception) -> str:
    if isinstance(error, RetrievalError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeError):  # its own words hold what could not be read
        return "A text file that was named is not UTF-8; save it as UTF-8."
    return str(error)


def _parser() -> argparse.ArgumentParser:
    about, _, codes = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m retrieval",
        description=about,
        epilog=f"{_EXAMPLE}\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in VERBS:
        verb = load(name)
        command = commands.add_parser(
            name,
            help=verb.HELP,
            description=f"{verb.HELP}\n\n{verb.run.__doc__}",
            epilog=getattr(verb, "EXAMPLE", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--json", action="store_true", help="print JSON")
        verb.arguments(command)
        command.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
