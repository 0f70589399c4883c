"""A phone number read the short way is what the library makes of it; what is not plain is left to the library."""

import random

import phonenumbers
import pytest

from retrieval.phones import e164
from retrieval.text import normalise


def _by_the_library(written: str, region: str) -> str:
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return "none"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _numbers(count: int) -> list[tuple[str, str]]:
    chance, made = random.Random(11), []
    regions = [*sorted(phonenumbers.SUPPORTED_REGIONS), "de", "XX", *["DE", "BR", "PT", "FR"] * 10]
    for _ in range(count):
        region = chance.choice(regions)
        code = phonenumbers.country_code_for_region(chance.choice(regions))
        digits = "".join(chance.choices("0123456789", k=chance.randrange(3, 14)))
        ways = (f"0{digits}", f"+{code}{digits}", f"+{digits}", digits, f"+{code} {digits[:3]}-{digits[3:]}")
        made.append((chance.choice((*ways, f"0{digits[:2]}/{digits[2:]}")), region))
    return made


def test_what_is_read_the_short_way_is_what_the_library_reads() -> None:
    short = [(written, region, e164(written, region)) for written, region in _numbers(12_000)]
    told = [(written, region, known) for written, region, known in short if known is not None]
    assert [one for one in told if one[2] != _by_the_library(one[0], one[1])] == []
    assert len(told) > 2_500


@pytest.mark.parametrize(
    "written", ["(030) 123456", "0049 30 123456", "49 30 1234567", "030 123456 ext 7", "112", "+8001234567"]
)
def test_what_is_not_plain_is_left_to_the_library(written: str) -> None:
    assert e164(written, "DE") is None


def test_a_mobile_number_is_read_alike_with_and_without_its_country() -> None:
    assert normalise("phone", "0151 2345678", "DE") == normalise("phone", "+49-151-2345678") == "+491512345678"
