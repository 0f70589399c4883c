"""Runs of a text that could be an identifier, in canonical form: what a keyed list can be asked about.

A keyed hash cannot be searched for in a text; the text's own candidates are hashed instead. The spellings are those
that ``locate`` finds: separators, "at" and "dot" in words, a mailbox tag, %40, a country code or none.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import phonenumbers

from retrieval.errors import RetrievalError
from retrieval.text import fold, normalise, squeeze

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


def candidates(text: str, region: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield (kind, canonical form) of everything in a text that could be an identifier; a kind may be a wrong guess.

    Phone numbers without country code are read as of ``region`` (ISO 3166). Names are no candidates: a name alone
    never tells whose record it is.
    """
    folded = fold(text).text
    if _MAY_BE_EMAIL.search(folded):
        yield from (("email", address) for address in _emails(folded))
    for number in _phones(folded, region):
        yield "phone", number
    for code in _codes(folded):
        for kind in CODES:
            yield kind, code


def _emails(folded: str) -> Iterator[str]:
    at = 0
    while found := _EMAIL.search(folded, at):
        local, domain = (_SPELLED_DOT.sub(".", part) for part in found.groups())
        labels, parts = domain.split("."), local.split(".")
        # In words nobody marks where an address begins or ends: "write to ana dot silva at x dot org or call".
        for first in range(len(parts) if " " in found[1] else 1):
            for last in range(2 if " " in found[2] else len(labels), len(labels) + 1):
                yield from _email(f"{'.'.join(parts[first:])}@{'.'.join(labels[:last])}")
        at = max(found.start(2), at + 1)


def _phones(folded: str, region: str | None) -> Iterator[str]:
    runs = [run.span() for run in _DIGITS.finditer(folded)]
    for first, (start, stop) in enumerate(runs):
        size, end = stop - start, stop
        yield from _phone(folded, start, end, region)
        for begin, until in runs[first + 1 : first + LONGEST_PHONE]:
            size += until - begin
            if size > LONGEST_PHONE or not _GAP.fullmatch(folded, end, begin):
                break
            end = until
            yield from _phone(folded, start, end, region)


def _phone(folded: str, start: int, end: int, region: str | None) -> Iterator[str]:
    """Yield E.164 forms without parsing each: a form that is no number is on no list."""
    digits = "".join(_DIGITS.findall(folded[start:end].replace("(0)", "")))
    if not 7 <= len(digits) <= LONGEST_PHONE or len(set(digits)) < 2:
        return
    if digits.startswith("00"):
        digits = digits[2:]
    yield f"+{digits}"
    if folded[:start].endswith(("+", "+(")):
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


def _codes(folded: str) -> Iterator[str]:
    """Yield runs of letters and digits, alone and joined; white space joins letters to digits, not words to words."""
    runs = [found.span() for found in _RUN.finditer(folded)]
    for first, (start, stop) in enumerate(runs):
        yield from _code(folded[start:stop])
        for begin, until in runs[first + 1 : first + LONGEST_CODE]:
            if until - start > 4 * LONGEST_CODE or not _joined(folded, stop, begin):
                break
            stop = until
            yield from _code(folded[start:stop])


def _joined(folded: str, stop: int, begin: int) -> bool:
    if not _GAP.fullmatch(folded, stop, begin):
        return False
    return folded[stop - 1].isdigit() or folded[begin].isdigit() or bool(_JOINS.search(folded, stop, begin))


def _code(window: str) -> Iterator[str]:
    code = squeeze(window)
    if 4 <= len(code) <= LONGEST_CODE:
        yield code


def _email(address: str) -> Iterator[str]:
    try:
        yield normalise("email", address)
    except RetrievalError:
        return
