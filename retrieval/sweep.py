"""Find any number of people in whole files, in one pass: a compiled filter over the bytes, exact rules on what passes.

1. The filter (``retrieval.prefilter``) reads each block of bytes once and names rows and needles that may fit.
2. Only these rows are parsed, and only these needles' rules (``retrieval.matching``) are tried on their fields.

What is found, and how its spans count, is the same as ``locate`` finds in the same rows; the tests compare the two.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from retrieval.anchors import forms_of
from retrieval.charsets import known
from retrieval.formats import Block, Refused, Row, Texts
from retrieval.letters import Bytes
from retrieval.lines import NO_JSON
from retrieval.locate import spans_of
from retrieval.matching import Rule, rules_of
from retrieval.pages import Page
from retrieval.parts import Within, names_row
from retrieval.prefilter import Form, Prefilter
from retrieval.readers import assumed, blocks, layout_of, readable, size_of
from retrieval.rows import RecordsUnreadable
from retrieval.sieve import Sieve
from retrieval.stretches import searched
from retrieval.types import Found, Needle, Note, Progress, silent
from retrieval.unspaced import Pairs, is_unspaced
from retrieval.walking import files_below, links_below

_Item = TypeVar("_Item")
Wanted = dict[int, set[int]]


class Sweeper:
    """Needles made ready once, for any number of files."""

    def __init__(self, needles: Sequence[Needle], *, region: str | None = None) -> None:
        """Take a hundred thousand needles in about a second or two.

        Raises ``UnusableNeedle`` and ``UnknownKind`` before anything is read.
        """
        self._needles, self._region = list(needles), region
        self._behind_plus: list[int] = []
        self._owner: list[int] = []
        every: list[Form] = []
        for number, needle in enumerate(self._needles):
            forms, tagged = forms_of(needle, region)
            every += forms
            self._owner += [number] * len(forms)
            if tagged:
                self._behind_plus.append(number)
        self._unspaced = Pairs(
            [(n, each) for n, each in enumerate(self._needles) if is_unspaced(each.kind, each.value)]
        )
        self._filter = Prefilter(every, after_plus=bool(self._behind_plus))
        self._rules = lru_cache(maxsize=65_536)(self._rules_of)
        self.sieve = Sieve.of(self._needles, region)

    def _rules_of(self, number: int) -> tuple[Rule, ...]:
        return rules_of(self._needles[number], self._region)

    def _may_hold(self, content: Bytes, *, json: bool) -> list[tuple[int, list[int]]]:
        """Return (byte, needles) of every place worth a look."""
        places = self._unspaced.hits(content)
        hits = self._filter.hits(content, json=json).tolist() if self._owner else []
        return places + [(at, self._behind_plus if form < 0 else [self._owner[form]]) for at, form in hits]

    def rows(self, block: Block) -> list[tuple[int, set[int]]]:
        """Return (number of the row in the block, needles that it may hold), in order."""
        places = self._may_hold(block.content, json=block.json)
        if not places:
            return []
        numbers = block.row_numbers([at for at, _ in places])
        wanted: Wanted = {}
        for row, (_, needles) in zip(numbers, places, strict=True):
            wanted.setdefault(row, set()).update(needles)
        return sorted(wanted.items())

    def fields(self, fields: Mapping[str, str], needles: Iterable[int]) -> Iterator[tuple[str, int, int, Rule]]:
        """Yield (field, start, end, rule) of every find of some needles in one row."""
        rules = [rule for number in needles for rule in self._rules(number)]
        for name, text in fields.items():
            for start, end, rule in spans_of(text, rules):
                yield name, start, end, rule

    def text(self, text: str) -> list[tuple[int, int, Rule]]:
        """Return (start, end, rule) of every find in one text."""
        content = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        needles = {number for _, numbers in self._may_hold(content, json=False) for number in numbers}
        return spans_of(text, [rule for number in needles for rule in self._rules(number)]) if needles else []


def sweep(
    paths: Iterable[Path],
    needles: Sequence[Needle],
    *,
    region: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
    unread: Callable[[Path, str], None] | None = None,
    notes: Callable[[Note], None] | None = None,
    encoding: str = "",
) -> Iterator[Found]:
    """Yield every occurrence of every needle in files, and in their names, whatever ``retrieval.readers`` reads.

    ``start`` and ``end`` are characters of the field's text; for HTML, JSON documents and XML of the file's own source,
    so that it can be redacted there; in what lies packed of the part as it is decoded. A folder stands for all files in
    it. ``notes`` is told what was not read, or how: files and parts that are refused do not stop the search then.
    ``unread(path, record)`` is told of records of web archives whose body could not be unpacked: they are searched as
    they are stored. ``encoding`` is that of text that is not UTF-8 and names no other. ``threads`` filter, as many as
    there are cores if not given; what is found, and its order, is the same. Raises ``UnusableNeedle``, ``UnknownKind``
    and ``ValueError`` (an encoding that there is not) before a file is read, and without ``notes``
    ``RecordsUnreadable`` for files, or for rows in question, that are damaged or not read.
    """
    sweeper, files = Sweeper(needles, region=region), _files(paths, notes)
    if encoding and not known(encoding):
        raise ValueError(f"Reading files as {encoding!r}: there is no such encoding; write it as «koi8-r», «gbk».")
    search = _Search(sweeper, threads or _cores(), known(encoding), unread, notes)
    return _walk(search, files, progress)


def _files(paths: Iterable[Path], notes: Callable[[Note], None] | None) -> list[tuple[Path, str]]:
    """Return (path, the name to search) of each file; below a folder the folders' names belong to it."""
    files: list[tuple[Path, str]] = []

    def refuse(path: Path, why: str) -> None:
        if notes is not None:
            notes(Note(str(path), "", "refused", why))

    for path in paths:
        if path.is_dir():
            below = files_below(path, unreadable=refuse if notes else None)
            files += [(each, str(each.relative_to(path))) for each in below]
            for link in links_below(path) if notes else ():
                refuse(link, "it is a link, and links are not followed; name what it leads to")
        else:
            files.append((path, path.name))
    return files


def _cores() -> int:
    """Return how many cores this process may use, where the system says; else how many there are."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Search:
    """Who is looked for, and how files are read for it."""

    sweeper: Sweeper
    threads: int
    encoding: str
    unread: Callable[[Path, str], None] | None
    notes: Callable[[Note], None] | None

    def damaged(self, path: Path, row: Row) -> None:
        """Say of a row that it was read as text; without who hears it, it is an error before it comes here."""
        if self.notes is not None and NO_JSON in row.fields:
            self.notes(Note(str(path), row.record, "stored", "rows are no JSON and were searched as text"))

    def aside(self, path: Path, block: Block) -> None:
        """Say what is not read of a block, or only as it is stored; raises ``RecordsUnreadable`` where nobody hears."""
        if isinstance(block, Refused):
            if self.notes is None:
                raise RecordsUnreadable(f"Reading records of {path}: in {block.record}: {block.why}")
            self.notes(Note(str(path), block.record, "refused", block.why))
        inner = block.block if isinstance(block, Within) else block
        if isinstance(inner, Page) and inner.packed:
            if self.unread is not None:
                self.unread(path, inner.record)
            if self.notes is not None:
                self.notes(
                    Note(str(path), inner.record, "stored", "bodies could not be unpacked and were searched as stored")
                )


def _walk(search: _Search, files: list[tuple[Path, str]], progress: Progress) -> Iterator[Found]:
    whole, done = max(1, sum(size_of(path) for path, _ in files)), 0
    for path, name in files:
        yield from _in_name(search.sweeper, path, name)
        try:
            for read, rows in _searched(search, path):
                for row, wanted in rows:
                    search.damaged(path, row)
                    yield from _in_row(search.sweeper, path, row, wanted)
                progress(min(1.0, (done + read) / whole), f"{path.name} searched")
            if search.notes is not None and not search.encoding and (why := assumed(path)):
                search.notes(Note(str(path), "", "assumed", why))
        except RecordsUnreadable as error:
            if search.notes is None:
                raise
            search.notes(Note(str(path), "", "refused", str(error)))
        done += size_of(path)
    progress(1.0, f"{len(files)} files searched")


def _searched(search: _Search, path: Path) -> Iterator[tuple[int, list[tuple[Row, set[int]]]]]:
    """Yield (bytes read, rows that may hold somebody with the needles), stretch by stretch or block by block."""
    listens = search.notes is not None
    if layout := layout_of(path, search.encoding, damaged=listens):
        with readable(path):
            yield from searched(path, layout, search.sweeper, search.threads)
        return
    for block, rows in _ahead(search.sweeper, blocks(path, search.encoding, damaged=listens), search.threads):
        parsed = block.rows([number for number, _ in rows])
        yield block.read, [(row, wanted) for row, (_, wanted) in zip(parsed, rows, strict=True)]
        search.aside(path, block)


def _in_name(sweeper: Sweeper, path: Path, name: str) -> Iterable[Found]:
    block = Texts([names_row("", name)])
    return [found for at, wanted in sweeper.rows(block) for found in _in_row(sweeper, path, block.every[at], wanted)]


def _in_row(sweeper: Sweeper, path: Path, row: Row, needles: Iterable[int]) -> Iterable[Found]:
    return dict.fromkeys(
        Found(
            str(path), row.record, name, *row.place(name, start, end), rule.needle.key,
            rule.support_of(row.fields[name][start:end]),
        )
        for name, start, end, rule in sweeper.fields(row.fields, sorted(needles))
    )  # fmt: skip


def _ahead(
    sweeper: Sweeper, every: Iterator[Block], threads: int
) -> Iterator[tuple[Block, list[tuple[int, set[int]]]]]:
    """Filter blocks on several threads (the compiled loop holds no lock), and hand them out in order."""
    if threads <= 1:
        yield from ((block, sweeper.rows(block)) for block in every)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Block, Future[list[tuple[int, set[int]]]]]] = deque()
        for block in every:
            waiting.append((block, pool.submit(sweeper.rows, block)))
            if len(waiting) > threads:
                first, rows = waiting.popleft()
                yield first, rows.result()
        yield from ((block, rows.result()) for block, rows in waiting)
