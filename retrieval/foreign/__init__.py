"""Index folders of other people's frameworks, read and written as they are: the framework opens them afterwards.

To add one: write ``retrieval/foreign/<name>.py`` with ``is_one``, ``read`` and ``without``, and add a line here.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, cast

from retrieval.errors import IndexUnreadable

FOLDERS: Final = {"langchain": "retrieval.foreign.langchain", "llamaindex": "retrieval.foreign.llamaindex"}


@dataclass(frozen=True)
class Entry:
    """One text of such a folder: its own name there, where its vector is, and which document it was cut from."""

    name: str
    position: int
    document: str
    text: str = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Content:
    """A folder as it was read: entries by name, its faiss index, and whatever else its writer needs."""

    entries: Mapping[str, Entry] = field(repr=False)
    index: Any
    rest: Any = field(repr=False)


class Framework(Protocol):
    """How one framework lays out its folder."""

    def is_one(self, folder: Path) -> bool:
        """Say whether a folder is this framework's."""

    def read(self, folder: Path) -> Content:
        """Read it; raises ``IndexUnreadable`` or ``StoreOutOfStep``."""

    def without(self, content: Content, names: frozenset[str], index: Any, target: Path) -> None:
        """Write the folder's files without some names into ``target``; ``index`` has lost their vectors already."""


def load(folder: Path) -> Framework:
    """Return the framework that a folder belongs to; raises ``IndexUnreadable`` when it is nobody's."""
    for dotted in FOLDERS.values():
        framework = cast(Framework, pkgutil.resolve_name(dotted))
        if framework.is_one(folder):
            return framework
    raise IndexUnreadable(f"Opening {folder}: it is no folder of {', '.join(FOLDERS)}; check the location.")
