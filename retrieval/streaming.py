"""One text on its way out: what may be said is handed on at once, what might still become a match waits.

A value that is listed blocks alone, except a name or another attribute: these block only when another kind of the same
person has been seen in the same text. What was said already cannot be taken back: of a name and an illness, the second
is withheld.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, is_possible_number

from retrieval import keyed
from retrieval.entries import ALLOWED, Table
from retrieval.skeleton import FILLERS, looks

_NUMBERED: Final = frozenset({"phone", "customer_id", "tax_id"})
STRONG: Final = frozenset({"email", "phone", "customer_id", "username", "tax_id", "content"})
BLOCKED_MARK: Final = "[withheld]"
_PIECE: Final = 512
_UNSEEN: Final = dict.fromkeys(FILLERS)
_JOINS: Final = ".+-_'"
_COUNTRY: Final = re.compile(r"(?:(?:[+＋]|00)[\s\-.]?\d{1,3}[\s\-./]{0,2}(?:\(0\)|0)?|\(?0)[\s\-./)]{0,2}$")


@dataclass(frozen=True, slots=True)
class Blocked:
    """One withheld span of the original text."""

    start: int
    end: int
    kind: str
    group: str


@dataclass(frozen=True, slots=True)
class Match:
    """A listed value in the text, before it is decided whether it blocks."""

    start: int
    end: int
    rows: tuple[tuple[str, str], ...]  # kind, group
    spoken: bool
    letters: int = 0  # of the listed value


@dataclass(slots=True)
class Seen:
    """What a text has shown so far: kinds by group, and counts by kind."""

    kinds: dict[str, set[str]] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    weak: int = 0


class Stream:
    """The filter's state for one text; ``feed`` and ``finish`` return what may be said."""

    def __init__(self, table: Table, keys: tuple[int, int], *, today: date, allow: Collection[str] = ()) -> None:
        self._table, self._today, self._allow = table, today, frozenset(allow)
        self._state = keyed.opened(keys, table.bloom, table.rows, table.longest)
        self._folds, self._words = looks(), table.words
        self._pending, self._base, self._before = "", 0, ""
        self._waiting: list[Match] = []
        self._spans: list[Blocked] = []
        self.seen = Seen()

    def feed(self, chunk: str) -> str:
        """Take in a piece of text and return what may be said now."""
        state = self._state
        upto = keyed.feed(chunk.encode("utf-8", "surrogatepass"), state, self._folds, self._words)
        if not (self._waiting or self._spans or state[keyed.FOUND]):
            keep = max(0, upto - self._base)  # what a withheld span has passed may still begin a longer number
            if self._pending:
                chunk = self._pending + chunk
            self._pending, self._base = chunk[keep:], self._base + keep
            if keep < len(chunk):
                chunk = chunk[:keep]
            if keep:
                self._before = chunk[-2:] if keep > 1 else self._before[-1:] + chunk
            return chunk
        self._pending += chunk
        return self._decide(upto, ended=False)

    def finish(self) -> str:
        """End the text and return the rest."""
        keyed.close(self._state, self._folds, self._words)
        return self._decide(self._base + len(self._pending), ended=True)

    def scan(self, text: str) -> list[Match]:
        """Return every match of a whole text, in order."""
        found: list[Match] = []
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            keyed.feed(piece.encode("utf-8", "surrogatepass"), self._state, self._folds, self._words)
            found += self.matches()
        keyed.close(self._state, self._folds, self._words)
        every = _ordered(found + self.matches())
        return [with_country(text, match, 0) for match in every if stands_alone(text, match, 0)]

    def matches(self) -> list[Match]:
        """Take the matches that the loop has noted since."""
        state = self._state
        found = int(state[keyed.FOUND])
        noted = state[keyed.EVENT : keyed.EVENT + 4 * found].reshape(-1, 4).tolist()
        state[keyed.FOUND] = 0
        made = (self._match(*event) for event in noted)
        return [match for match in made if match is not None]

    def _match(self, start: int, end: int, row: int, lane: int) -> Match | None:
        table, rows = self._table, []
        for each in table.rows_of(row):
            kind, group = table.kinds[table.kind[each]], table.group_of(each)
            if table.holds(each, self._today) and group not in self._allow:
                rows.append((kind, group))
        return Match(start, end, tuple(rows), bool(lane & 1), lane >> 1) if rows else None

    def _decide(self, upto: int, *, ended: bool) -> str:
        self._waiting += self.matches()
        text, base = self._pending, self._base
        undecided = []
        for match in _ordered(self._waiting):
            if self._continued(match, ended=ended):
                undecided.append(match)
                upto = min(upto, match.start)
            elif stands_alone(self._before + text, match, base - len(self._before)):
                self._spans += judged(with_country(text, match, base), self.seen)
        self._waiting = undecided
        upto = max([upto, *(span.end for span in self._spans if span.start < upto)])
        if undecided:
            upto = min(upto, undecided[0].start)
        said = marked(text[: max(0, upto - base)], self._spans, base)
        self._before = (self._before + text[: max(0, upto - base)])[-2:]
        self._pending, self._base = text[max(0, upto - base) :], max(base, upto)
        self._spans = [span for span in self._spans if span.end > self._base]
        return said

    def _continued(self, match: Match, *, ended: bool) -> bool:
        """Whether the character after a mailbox's dot is still to come: «x.com.» may go on as «x.com.br»."""
        after = self._pending[match.end - self._base : match.end - self._base + 2]
        return not ended and any(kind == "email" for kind, _ in match.rows) and after in ("", ".", "-")


def _ordered(matches: list[Match]) -> list[Match]:
    """Sort, and keep what was read and what was meant as one match where they are the same."""
    every = {(match.start, match.end, match.rows): match for match in sorted(matches, key=lambda match: match.spoken)}
    return sorted(every.values(), key=lambda match: (match.start, -match.end))


def stands_alone(text: str, match: Match, base: int) -> bool:
    """Whether a mailbox or a number is not part of a longer one, and a number is no number by its looks only."""
    start, end = match.start - base, match.end - base
    kinds = {kind for kind, _ in match.rows}
    if "email" in kinds:
        left, right = text[max(0, start - 2) : start], text[end : end + 2]
        longer = len(left) == 2 and left[1] in _JOINS and left[0].isalnum()
        return not longer and not (len(right) == 2 and right[0] in ".-" and right[1].isalnum())
    if match.spoken or not kinds & _NUMBERED:
        return True
    figures = text[start:end]
    if "phone" in kinds and 2 * sum(character.isdigit() for character in figures) < sum(map(str.isalnum, figures)):
        return False
    written = "".join(filter(str.isalnum, figures.translate(_UNSEEN)))
    ahead = written[: max(0, len(written) - match.letters)]
    split = any(character.isdecimal() for character in text[max(0, start - 2) : start])
    if split or not (ahead.isdecimal() and written[len(ahead)].isdecimal()):
        return True
    return int(ahead) == 0 or ("phone" in kinds and _dialled(int(ahead), written[len(ahead) :]))


def _dialled(code: int, national: str) -> bool:
    """Whether figures right before a phone number may be a country's code, the trunk's zero behind it or not."""
    for country in (code, code // 10) if code % 10 == 0 else (code,):
        number = PhoneNumber(country_code=country, national_number=int(national) if national.isdecimal() else 0)
        if country in COUNTRY_CODE_TO_REGION_CODE and is_possible_number(number):
            return True
    return False


def with_country(text: str, match: Match, base: int) -> Match:
    """Take the country's code and the trunk's zero of a phone number along, where they have not been said yet."""
    if not any(kind == "phone" for kind, _ in match.rows):
        return match
    before = _COUNTRY.search(text[max(0, match.start - base - 12) : match.start - base])
    return replace(match, start=match.start - len(before[0])) if before else match


def judged(match: Match, seen: Seen) -> list[Blocked]:
    """Decide whether a match blocks, and remember that it was seen."""
    spans = []
    if any(kind == ALLOWED for kind, _ in match.rows):
        return []
    for kind, group in match.rows:
        others = seen.kinds.setdefault(group, set())
        others.add(kind)
        if kind in STRONG or len(others) > 1:
            spans.append(Blocked(match.start, match.end, kind, group))
            seen.blocked[kind] = seen.blocked.get(kind, 0) + 1
        else:
            seen.weak += 1
    return spans


def marked(text: str, spans: Collection[Blocked], base: int) -> str:
    """Replace spans (counted from ``base``), overlapping ones by one mark; a span that began earlier has its mark."""
    parts, at = [], base
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= base + len(text):
            break
        if span.end <= at:
            continue
        if span.start >= at:
            parts += [text[at - base : span.start - base], BLOCKED_MARK]
        at = span.end
    return "".join([*parts, text[max(0, at - base) :]])
