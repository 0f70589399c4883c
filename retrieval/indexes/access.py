"""Who may read which document: a folder's ``access.json``, applied inside the index, so that nothing else leaves it.

::

    {"documents": {"contract-7": ["group:legal", "olga"]}, "others": ["*"]}

``others`` says who may read documents that are not named; without it nobody may. ``*`` is everybody who says who they
are. A folder without the file has no permissions, and answers as it always did.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable, NotPermitted
from retrieval.indexes.documents import Documents

NAME: Final = "access.json"
_EVERYBODY: Final = "*"
Who = frozenset[str] | None


@dataclass(frozen=True)
class Rules:
    """Readers by document, and of all documents that are not named."""

    documents: Mapping[str, frozenset[str]]
    others: frozenset[str]

    def permit(self, who: frozenset[str], document: str) -> bool:
        """Say whether somebody under one of these names may read a document."""
        readers = self.documents.get(document, self.others)
        return _EVERYBODY in readers or bool(readers & who)


def write(folder: Path, documents: Mapping[str, list[str]], *, others: list[str] | None = None) -> None:
    """Set a folder's permissions; every open index applies them from its next search on."""
    content = {"documents": {name: sorted(readers) for name, readers in documents.items()}, "others": others or []}
    write_whole(folder / NAME, json.dumps(content, ensure_ascii=False).encode())


class Permissions:
    """A folder's permissions, read again when their file changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._stamp: tuple[int, int] | None = None
        self._rules: Rules | None = None
        self._cached: tuple[object, frozenset[int]] = (None, frozenset())

    def permits(self, who: Who, document: str) -> bool:
        """Say whether a document may be read."""
        rules = self._current()
        return rules is None or rules.permit(self._named(who), document)

    def allowed(self, who: Who, chunks: Documents, stamp: tuple[int, ...]) -> frozenset[int] | None:
        """Return the ids that may be read, or nothing where there are no permissions; kept until something changes."""
        rules = self._current()
        if rules is None:
            return None
        asked = (self._named(who), self._stamp, stamp)
        if self._cached[0] != asked:
            names = asked[0]
            permitted = frozenset(chunk.id for chunk in chunks.values() if rules.permit(names, chunk.document))
            self._cached = (asked, permitted)
        return self._cached[1]

    def _named(self, who: Who) -> frozenset[str]:
        if who is None:
            raise NotPermitted(
                f"Searching {self._path.parent}: it has permissions, and the query does not say who asks; pass who=."
            )
        return who

    def _current(self) -> Rules | None:
        try:
            seen = os.stat(self._path)
        except FileNotFoundError:
            self._stamp = self._rules = None
            return None
        if (seen.st_ino, seen.st_mtime_ns) != self._stamp:
            self._rules = _read(self._path)
            self._stamp = (seen.st_ino, seen.st_mtime_ns)
        return self._rules


def _read(path: Path) -> Rules:
    try:
        content = json.loads(path.read_bytes())
        documents = {str(name): frozenset(map(str, readers)) for name, readers in content["documents"].items()}
        return Rules(documents, frozenset(map(str, content.get("others", ()))))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise IndexUnreadable(f"Reading {path}: these are no permissions; restore the file before serving.") from None
