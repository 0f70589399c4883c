"""Runs of a text that could be an identifier, in canonical form: what a keyed list can be asked about.

A keyed hash cannot be searched for in a text; the text's own candidates are hashed instead. The spellings are those
that ``locate`` finds: separators, "at" and "dot" in words, a mailbox tag, %40, a country code or none.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

import phonenumbers

from retrieval.errors import RetrievalError
from retrieval.text import normalise, squeeze

Candidate: TypeAlias = tuple[str, str, int, int]  # kind, canonical form, start and end in the folded text
_Found: TypeAlias = tuple[str, int, int]
CODES: Final = ("customer_id", "username", "tax_id")
LONGEST_PHONE, LONGEST_CODE = 17, 40  # E.164 has 15 digits, written with 00 before them 17
_OPEN, _CLOSE = r"[(\[{<]\s?", r"\s?[)\]}>]"
_AT = rf"(?:\s?@\s?|%40|&#64;|&commat;|\s?{_OPEN}(?:at|arroba|@){_CLOSE}\s?|\s(?:at|arroba)\s)"
_DOT = rf"(?:\.|%2e|\s?{_OPEN}(?:dot|punkt|ponto|\.){_CLOSE}\s?|\s(?:dot|punkt|ponto)\s)"
_ATOM = r"[\w+'\-]{1,64}?"
_LABEL = r"[^\W_](?:[\w\-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"(?<![^\W_])({_ATOM}(?:{_DOT}{_ATOM}){{0,8}}){_AT}({_LABEL}(?:{_DOT}{_LABEL}){{1,8}})")
_SPELLED_DOT = re.compile(_DOT)
_MAY_BE_EMAIL = re.compile(r"@|%40|&#64;|&commat;|\bat\b|\barroba\b")
_DIGITS = re.compile(r"\d+")
_RUN = re.compile(r"[^\W_]+")
_GAP = re.compile(r"[\s\-_./#:()]{1,3}")
_JOINS = re.compile(r"[\-_./]")


def candidates(folded: str, region: str | None = None) -> Iterator[Candidate]:
    """Yield everything in a folded text that could be an identifier; a kind may be a wrong guess.

    Phone numbers without country code are read as of ``region`` (ISO 3166). Names are no candidates: a name alone
    never tells whose record it is.
    """
    if _MAY_BE_EMAIL.search(folded):
        yield from (("email", *found) for found in _emails(folded))
    for found in _phones(folded, region):
        yield ("phone", *found)
    for found in _codes(folded):
        for kind in CODES:
            yield (kind, *found)


def _emails(folded: str) -> Iterator[_Found]:
    at = 0
    while found := _EMAIL.search(folded, at):
        # In words nobody marks where an address begins or ends: "write to ana dot silva at x dot org or call".
        starts = [found.start(1), *_ends(found, 1)] if " " in found[1] else [found.start(1)]
        ends = [*_begins(found, 2)[1:], found.end(2)] if " " in found[2] else [found.end(2)]
        for start in starts:
            for end in ends:
                local, domain = folded[start : found.end(1)], folded[found.start(2) : end]
                for address in _email(f"{_SPELLED_DOT.sub('.', local)}@{_SPELLED_DOT.sub('.', domain)}"):
                    yield address, start, end
        at = max(found.start(2), at + 1)


def _ends(found: re.Match[str], group: int) -> list[int]:
    return [dot.end() for dot in _SPELLED_DOT.finditer(found.string, found.start(group), found.end(group))]


def _begins(found: re.Match[str], group: int) -> list[int]:
    return [dot.start() for dot in _SPELLED_DOT.finditer(found.string, found.start(group), found.end(group))]


def _phones(folded: str, region: str | None) -> Iterator[_Found]:
    runs = [run.span() for run in _DIGITS.finditer(folded)]
    for first, (start, stop) in enumerate(runs):
        size, end = stop - start, stop
        yield from ((number, start, stop) for number in _phone(folded, start, end, region))
        for begin, until in runs[first + 1 : first + LONGEST_PHONE]:
            size += until - begin
            if size > LONGEST_PHONE or not _GAP.fullmatch(folded, end, begin):
                break
            end = until
            yield from ((number, start, until) for number in _phone(folded, start, end, region))


def _phone(folded: str, start: int, end: int, region: str | None) -> Iterator[str]:
    """Yield E.164 forms without parsing each: a form that is no number is on no list."""
    digits = "".join(_DIGITS.findall(folded[start:end].replace("(0)", "")))
    if not 7 <= len(digits) <= LONGEST_PHONE or len(set(digits)) < 2:
        return
    if digits.startswith("00"):
        digits = digits[2:]
    yield f"+{digits}"
    if folded[max(0, start - 2) : start].endswith(("+", "+(")):
        return
    yield digits
    code, prefix = _country(region)
    if code:
        yield f"+{code}{digits}"
        if prefix and digits.startswith(prefix):
            yield f"+{code}{digits.removeprefix(prefix)}"


@lru_cache(maxsize=300)
def _country(region: str | None) -> tuple[str, str]:
    """Return (country code, digits dialled before a national number) of a country; empty where there is none."""
    known = phonenumbers.PhoneMetadata.metadata_for_region(region, None) if region else None
    return (str(known.country_code), known.national_prefix or "") if known else ("", "")


def _codes(folded: str) -> Iterator[_Found]:
    """Yield runs of letters and digits, alone and joined; white space joins letters to digits, not words to words."""
    runs = [found.span() for found in _RUN.finditer(folded)]
    for first, (start, stop) in enumerate(runs):
        yield from _code(folded, start, stop)
        for begin, until in runs[first + 1 : first + LONGEST_CODE]:
            if until - start > 4 * LONGEST_CODE or not _joined(folded, stop, begin):
                break
            stop = until
            yield from _code(folded, start, stop)


def _joined(folded: str, stop: int, begin: int) -> bool:
    if not _GAP.fullmatch(folded, stop, begin):
        return False
    return folded[stop - 1].isdigit() or folded[begin].isdigit() or bool(_JOINS.search(folded, stop, begin))


def _code(folded: str, start: int, stop: int) -> Iterator[_Found]:
    code = squeeze(folded[start:stop])
    if 4 <= len(code) <= LONGEST_CODE:
        yield code, start, stop


def _email(address: str) -> Iterator[str]:
    try:
        yield normalise("email", address)
    except RetrievalError:
        return
