"""A YAML file as nodes that know their lines; bombs are refused: size, aliases, depth, encoding, doubled keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compliance.rules.errors import ConfigurationError

MOST_BYTES = 1024 * 1024
_DEEPEST = 20
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file: where, what, and what to do."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.what} {self.remedy}"


class CatalogueError(ConfigurationError):
    """Everything that is wrong in a file, in the order of its lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        first = self.problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first.what + more, file=first.file, line=first.line, remedy=first.remedy)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def read(path: Path) -> yaml.MappingNode:
    """The file's top mapping; ``CatalogueError`` when it cannot be read safely as one YAML document."""
    text = _text(path)
    try:
        _refuse_bombs(text, path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise wrong(path, line, f"not YAML: {error.problem}.", _yaml_remedy(str(error.problem))) from None
    except (yaml.YAMLError, RecursionError):
        raise wrong(
            path, 1, "not YAML, or nested too deeply.", "Start again from the example in docs/systems.md."
        ) from None
    if not isinstance(node, yaml.MappingNode):
        what = "empty." if node is None else "not a mapping of entities, artifacts and derivations."
        raise wrong(path, 1, what, "Start from the example in docs/systems.md.")
    return node


def line_of(node: yaml.Node) -> int:
    """The line, counted from 1, on which a node begins."""
    return int(node.start_mark.line) + 1


def plain(node: yaml.Node) -> Any:
    """The node as Python values, numbers and truth values included."""
    constructor = yaml.constructor.SafeConstructor()
    return constructor.construct_document(node)


def wrong(path: Path, line: int, what: str, remedy: str) -> CatalogueError:
    """An error with a single problem."""
    return CatalogueError([Problem(path.name, line, what, remedy)])


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise wrong(path, 0, f"larger than {MOST_BYTES} bytes.", "Describe places, not data, in this file.")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise wrong(
            path, 0, "there is no such file.", "Check the path, or copy the example in docs/systems.md."
        ) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise wrong(path, line, "not UTF-8.", "Save the file as UTF-8.") from None
    except OSError as error:
        raise wrong(path, 0, f"cannot be read ({error.strerror}).", "Make it a readable file.") from None


def _refuse_bombs(text: str, path: Path) -> None:
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _DEEPEST:
            what = f"nested deeper than {_DEEPEST} levels."
            raise wrong(path, token.start_mark.line + 1, what, "Write it flatter.")
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise wrong(path, token.start_mark.line + 1, "anchors (&) and aliases (*) are not read.", "Write it out.")


def _yaml_remedy(problem: str) -> str:
    if "\\t" in problem:
        return "Indent with spaces, not with tabs."
    return "Check indentation, colons and quotes there."
