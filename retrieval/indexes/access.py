"""Who may read which document: a folder's ``access.json``, applied inside the index, so that nothing else leaves it.

::

    {"documents": {"contract-7": ["group:legal", "olga"]}, "others": ["*"]}

``others`` says who may read documents that are not named; without it nobody may. ``*`` is everybody who says who they
are. A folder without the file has no permissions, and answers as it always did.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable, NotPermitted
from retrieval.indexes.documents import Documents
from retrieval.indexes.searching import Chosen

NAME: Final = "access.json"
OWNER: Final[frozenset[str]] = frozenset({"(whoever owns the folder)"})
"""Who asks when the folder's owner looks for what was erased: known by being this very object, not by its name."""
_EVERYBODY: Final = "*"
_KEPT: Final = 64  # askers whose selections are kept
Who = Collection[str] | None
_Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Rules:
    """Readers by document, and of all documents that are not named."""

    documents: Mapping[str, frozenset[str]]
    others: frozenset[str]

    def readers(self, document: str) -> frozenset[str]:
        """Return who may read a document."""
        return self.documents.get(document, self.others)


def write(folder: Path, documents: Mapping[str, Collection[str]], *, others: Collection[str] | None = None) -> None:
    """Set a folder's permissions; every open index applies them from its next search on.

    Raises ``ValueError`` for a name where a list of names is wanted: its letters would be taken for names.
    """
    if any(isinstance(names, str) for names in (*documents.values(), others)):
        raise ValueError(
            f"Setting who may read {folder}: give readers as a list of names; one of them is a single name."
        )
    content = {"documents": {name: sorted(readers) for name, readers in documents.items()}, "others": [*(others or ())]}
    write_whole(folder / NAME, json.dumps(content, ensure_ascii=False).encode())


class Permissions:
    """A folder's permissions, read again when their file changes; asked by many threads at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._read: tuple[_Stamp, Rules] | None = None  # one value: no thread sees rules under the stamp of others
        self._table: _Table | None = None
        self._making = threading.Lock()

    def restrict(self, who: Who) -> frozenset[str] | None:
        """Return the names under which somebody asks, or nothing for whoever may read everything.

        Raises ``NotPermitted`` when the folder has permissions and nobody is named.
        """
        if who is OWNER or self._current() is None:
            return None
        return self._named(who)

    def permits(self, who: Who, document: str) -> bool:
        """Say whether a document may be read."""
        rules = self._current()
        return rules is None or who is OWNER or _may(self._named(who), rules.readers(document))

    def chosen(self, who: Who, held: Documents, stamp: _Stamp, unseen: frozenset[int]) -> Chosen | None:
        """Return the rows that may be read and are not ``unseen``, or nothing where there are no permissions."""
        table = self._made(who, held, stamp)
        return None if table is None else table.chosen(self._named(who), unseen)

    def allowed(self, who: Who, held: Documents, stamp: _Stamp) -> npt.NDArray[np.int64] | None:
        """Return the ids that may be read, or nothing where there are no permissions."""
        table = self._made(who, held, stamp)
        return None if table is None else table.ids(self._named(who))

    def _made(self, who: Who, held: Documents, stamp: _Stamp) -> "_Table | None":
        """Return who reads which rows: every document is looked at once, however many people ask."""
        rules = self._current()
        if rules is None or who is OWNER:
            return None
        self._named(who)  # nobody's question is worth the reading
        with self._making:
            table = self._table
            if table is None or table.rules is not rules or table.stamp != stamp:
                table = self._table = _Table(rules, stamp, held)
            return table

    def _named(self, who: Who) -> frozenset[str]:
        if who is None:
            raise NotPermitted(
                f"Searching {self._path.parent}: it has permissions, and the query does not say who asks; pass who=."
            )
        return frozenset({who} if isinstance(who, str) else who)

    def _current(self) -> Rules | None:
        try:
            seen = os.stat(self._path)
        except FileNotFoundError:
            self._read = None
            return None
        stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size)
        known = self._read
        if known is None or known[0] != stamp:
            known = self._read = (stamp, _read(self._path))
        return known[1]


class _Table:
    """Rows by who may read them: each set of readers is compared with whoever asks once. No document's name is kept."""

    def __init__(self, rules: Rules, stamp: _Stamp, held: Documents) -> None:
        self.rules, self.stamp = rules, stamp
        sets: dict[frozenset[str], int] = {}
        rows = [(chunk.id, sets.setdefault(rules.readers(chunk.document), len(sets))) for chunk in held.values()]
        self._ids, self._set_of = np.array(rows, np.int64).reshape(-1, 2).T.copy()
        self._sets = list(sets)
        self._kept: OrderedDict[tuple[frozenset[str], frozenset[int]], Chosen] = OrderedDict()
        self._keeping = threading.Lock()

    def ids(self, names: frozenset[str]) -> npt.NDArray[np.int64]:
        """Return the ids that somebody under one of these names may read."""
        may = np.array([_may(names, readers) for readers in self._sets], bool)
        return np.asarray(self._ids[may[self._set_of]] if len(may) else self._ids)

    def chosen(self, names: frozenset[str], unseen: frozenset[int]) -> Chosen:
        """Return the same as a search takes it, without ``unseen``; that of the last askers is kept."""
        key = (names, unseen)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        ids = self.ids(names)
        made = Chosen.only(ids[~np.isin(ids, np.fromiter(unseen, np.int64, len(unseen)))] if unseen else ids)
        with self._keeping:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def _may(names: frozenset[str], readers: frozenset[str]) -> bool:
    return _EVERYBODY in readers or not names.isdisjoint(readers)


def _read(path: Path) -> Rules:
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_each_once)
        documents = {str(name): _names(readers) for name, readers in content["documents"].items()}
        return Rules(documents, _names(content.get("others", [])))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise IndexUnreadable(
            f"Reading {path}: these are no permissions (each document once, with a list of names); restore the file "
            "before serving."
        ) from None


def _names(readers: Any) -> frozenset[str]:
    if not isinstance(readers, list):  # the letters of a single name would be taken for names, and one of them may be *
        raise TypeError
    return frozenset(map(str, readers))


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; one in which a name stands twice says two things."""
    every = list(pairs)
    if len(dict(every)) < len(every):
        raise ValueError
    return dict(every)
