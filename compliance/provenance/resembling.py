"""Which kind of identifier a value looks like, by rules that can be checked: never by its look alone.

E-mail: one address and nothing else. Phone: valid by the numbering plan (libphonenumber). Card: Luhn (ISO/IEC 7812).
IBAN: modulus 97 (ISO 13616). CPF: its two check digits (Receita Federal). Names and customer numbers have no such rule:
a column is proposed for them by what it is called, and by Presidio where that is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec

import phonenumbers

from compliance.rules.terms import IdentifierKind

_MAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+?[\d\s()./-]{7,24}")
_CALLED: tuple[tuple[str, IdentifierKind], ...] = (
    (r"e.?mail|^mail$", IdentifierKind.EMAIL),
    (r"phone|mobile|telefon|^tel$|fax|celular", IdentifierKind.PHONE),
    (r"cpf|ssn|tax|nif|steuer", IdentifierKind.TAX_ID),
    (r"user.?name|login|handle", IdentifierKind.USERNAME),
    (r"customer.?(id|no|number|nr)|client.?id|subject.?id|^user.?id$|member.?(id|no)", IdentifierKind.CUSTOMER_ID),
    (r"(^|_)(full|first|last|sur)?_?name$|^nome$", IdentifierKind.NAME),
)


def kind_of(value: str, *, region: str = "") -> IdentifierKind | None:
    """The kind of identifier that a whole value is, by its rule; None for anything else."""
    text = value.strip()
    return next((kind for kind, holds in _RULES if holds(text, region)), None)


def holds_one(text: str, *, region: str = "") -> bool:
    """Whether an address or a valid number stands somewhere in a text."""
    if _MAIL.search(text):
        return True
    return any(_is_phone(found[0].strip(), region) for found in _PHONE.finditer(text))


def kind_called(column: str) -> IdentifierKind | None:
    """The kind that a column's name promises."""
    name = column.rpartition(".")[2].lower()
    return next((kind for pattern, kind in _CALLED if re.search(pattern, name)), None)


def names_a_person(texts: Iterable[str]) -> bool:
    """Whether Presidio sees a person in one of the texts; false where it is not installed."""
    if find_spec("presidio_analyzer") is None:
        return False
    engine = import_module("presidio_analyzer").AnalyzerEngine()
    return any(engine.analyze(text=text[:5000], language="en", entities=["PERSON"]) for text in texts)


def _is_phone(text: str, region: str) -> bool:
    if not _PHONE.fullmatch(text) or not (text.startswith("+") or region):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region or None))
    except phonenumbers.NumberParseException:
        return False


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}", plain):
        return False
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"\d{13,19}", digits) or len(set(digits)) == 1:
        return False
    doubled = (int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _is_cpf(text: str) -> bool:
    if not re.fullmatch(r"\d{3}\.?\d{3}\.?\d{3}-?\d\d", text):
        return False
    digits = [int(character) for character in text if character.isdigit()]
    if len(set(digits)) == 1:
        return False
    checks = [sum(d * (size - at) for at, d in enumerate(digits[: size - 1])) * 10 % 11 % 10 for size in (10, 11)]
    return checks == digits[9:]


_RULES: tuple[tuple[IdentifierKind, Callable[[str, str], bool]], ...] = (
    (IdentifierKind.EMAIL, lambda text, _: _MAIL.fullmatch(text) is not None),
    (IdentifierKind.TAX_ID, lambda text, _: _is_cpf(text)),
    (IdentifierKind.CUSTOMER_ID, lambda text, _: _is_iban(text) or _is_card(text)),
    (IdentifierKind.PHONE, _is_phone),
)
