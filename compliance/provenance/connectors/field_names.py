"""People in the names of fields: ``{"ana@post.example": {"seen": 3}}`` says who she is without any value doing so.

Only where a record brings its own names (JSON): the columns of a table are one set of names for everybody, and are
looked at with the place's other names (``names``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from compliance.provenance.connectors.rows import NAME_OF, Row, declared
from retrieval.locate import Locator
from retrieval.types import Needle

_MOST_KNOWN: Final = 200_000


class FieldNames:
    """Needles made ready once; names that hold none of them are remembered, so that most records cost one look."""

    def __init__(self, needles: Sequence[Needle], region: str) -> None:
        self._locator = Locator([each for each in needles if each.kind != "content"], region=region or None)
        self._plain: set[str] = set()

    def of(self, row: Row, within: Sequence[str] = ()) -> dict[str, str]:
        """Names in the record that hold a needle, by their path with ``NAME_OF`` before it.

        ``within`` are the declared fields that are searched; empty means all.
        """
        if not row.own_names or not self._holds(row.value):
            return {}
        found = {path: name for path, name in _named(row.value) if self._locator.spans(name)}
        wanted = (path for path in found if not within or declared(path, within) or _holds_one(path, within))
        return {f"{NAME_OF}{path}": found[path] for path in wanted}

    def _holds(self, value: Any) -> bool:
        held = False
        for fresh in _fresh(value, self._plain):
            if self._locator.spans(fresh):
                held = True
            else:
                self._plain.add(fresh)
        if len(self._plain) > _MOST_KNOWN:
            self._plain.clear()
        return held


def _holds_one(path: str, within: Sequence[str]) -> bool:
    """Whether a declared field lies inside the named one."""
    return any(name.startswith(f"{path}.") for name in within)


def _fresh(value: Any, known: set[str]) -> Iterator[str]:
    """Names that are not known to be nobody's, at any depth."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if not each.keys() <= known:
                yield from each.keys() - known
            waiting += [inner for inner in each.values() if inner.__class__ in (dict, list)]
        elif isinstance(each, list):
            waiting += [inner for inner in each if inner.__class__ in (dict, list)]


def _named(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every name with its dotted path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            yield here, str(name)
            yield from _named(inner, here)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _named(inner, f"{path}.{position}" if path else str(position))
