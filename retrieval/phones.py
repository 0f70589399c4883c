"""Phone numbers in E.164 without the library's long way, where a country's rules are plain; else nothing is said.

``phonenumbers`` takes a number apart in some 25 µs. Most are written in one of two ways: with "+" and the country's
code, or behind a national "0". For these its rules (a prefix without a carrier's code, a length that is possible, no
other reading) are checked here by its own metadata, with the same result; whatever else is left to it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import phonenumbers

_WRITTEN = re.compile(r"\+?[0-9]{1,4}(?:[ ./-]?[0-9]{1,14}){2,7}")
_MARKS = str.maketrans("", "", " ./-")
_SHORTEST, _LONGEST = 6, 15  # digits


@dataclass(frozen=True, slots=True)
class _Plan:
    code: str
    prefix: str | None
    abroad: re.Pattern[str]
    national: re.Pattern[str]
    sizes: frozenset[int]


def e164(written: str, region: str | None) -> str | None:
    """Return a folded phone number's E.164 form, or nothing where only the library can say."""
    if not _WRITTEN.fullmatch(written):
        return None
    digits = written.translate(_MARKS)
    if digits[0] == "+":
        return digits if _abroad(digits[1:]) else None
    plan = _plan(region) if region else None
    if plan is None or plan.prefix is None or digits[0] != plan.prefix or digits[1] == "0":
        return None
    if len(digits) - 1 not in plan.sizes or plan.national.fullmatch(digits) or plan.abroad.match(digits):
        return None
    return f"+{plan.code}{digits[1:]}"


def _abroad(digits: str) -> bool:
    """Whether digits behind "+" are a country's code and a national number that nothing is stripped of."""
    if not _SHORTEST <= len(digits) <= _LONGEST:
        return False
    for size in (1, 2, 3):  # no country's code begins another's
        if plan := _country(digits[:size]):
            return digits[size] != "0" and plan.code == digits[:size]
    return False


@lru_cache(maxsize=2_000)
def _country(code: str) -> _Plan | None:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code[0] != "0" else ()
    return _plan(regions[0]) if regions else None


@lru_cache(maxsize=300)
def _plan(region: str) -> _Plan | None:
    """Return a country's rules, where its national prefix is "0" or none and nothing is rewritten."""
    known: Any = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if known is None or region not in phonenumbers.SUPPORTED_REGIONS:
        return None
    if known.national_prefix_for_parsing not in (None, "0") or known.national_prefix_transform_rule:
        return None
    general = known.general_desc
    sizes = frozenset(general.possible_length) - frozenset(general.possible_length_local_only or ())
    abroad = re.compile(known.international_prefix or r"(?!)")
    national = re.compile(general.national_number_pattern)
    return _Plan(str(known.country_code), known.national_prefix_for_parsing, abroad, national, sizes)
