"""The same identifier as people really write it."""

from __future__ import annotations

import random

import phonenumbers
from phonenumbers import PhoneNumberFormat


def email(address: str, rng: random.Random) -> str:
    """An e-mail address in one of its spellings; every second time as it is."""
    local, _, domain = address.partition("@")
    spellings = (
        address.upper(),
        f"{local.title()}@{domain.title()}",
        f"{local}+{rng.choice(('news', 'shop', 'aurora'))}@{domain}",
        f"{local} (at) {domain}",
        f"{local}[at]{domain}",
        f"mailto:{address}",
        f"{local}\u200b@{domain}",
        "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in local) + f"@{domain}",
    )
    return address if rng.random() < 0.5 else rng.choice(spellings)


def tagged(address: str, rng: random.Random) -> str:
    """An address as a mail program sends it: as it is, with a tag, or in capitals."""
    local, _, domain = address.partition("@")
    return rng.choice((address, address, f"{local}+aurora@{domain}", address.upper()))


def phone(number: str, rng: random.Random) -> str:
    """A telephone number in one of its spellings."""
    parsed = phonenumbers.parse(number, None)
    country, rest = str(parsed.country_code), number.split(" ", 1)[1]
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    spellings = (
        phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL),
        f"+{country} (0){rest}",
        f"00{country} {rest.replace(' ', '-')}",
        f"+{country}/{rest.replace(' ', '.')}",
        national,
    )
    return rng.choice(spellings)


def customer_id(value: str, rng: random.Random) -> str:
    """A customer number in one of its spellings."""
    return rng.choice((value, value, value.lower(), value.replace("-", " "), value.replace("-", "")))
