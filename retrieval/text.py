"""Typed identifiers: one canonical form, the spellings people use, and what is too weak to search for.

E-mail: RFC 5321 (the domain is caseless, the local part in practice too), RFC 5233 (a ``+tag`` is the same mailbox).
Phone: ITU-T E.164, through ``phonenumbers``.
"""

import json
import re
from typing import Final

import phonenumbers

from retrieval.errors import UnknownKind, UnusableNeedle
from retrieval.folding import Folded, fold, folded_text
from retrieval.phones import e164
from retrieval.transliteration import UMLAUTS
from retrieval.unspaced import weight

__all__ = [
    "KINDS",
    "SHARED_MAILBOXES",
    "Folded",
    "byte_patterns",
    "fold",
    "is_shared",
    "normalise",
    "squeeze",
    "variants",
]

KINDS: Final = ("email", "phone", "customer_id", "username", "tax_id", "name", "content")
_MARKS: Final = bytes(code for code in range(128) if not chr(code).isalnum())
_CODES: Final = ("customer_id", "username", "tax_id")
SHARED_MAILBOXES: Final = frozenset(
    """
    abuse accounts admin all billing contact contato hello help hostmaster hr info jobs kontakt mail
    marketing newsletter noreply no-reply office post postmaster privacy root sales security service
    suporte support team vendas webmaster
    """.split()  # noqa: SIM905 - thirty words read better so
)
_SHORTEST: Final = {"email": 6, "phone": 7, "customer_id": 4, "username": 4, "tax_id": 5, "name": 5, "content": 20}


def squeeze(folded: str) -> str:
    """Keep letters and digits only, of text that is folded already."""
    if folded.isascii():
        return folded if folded.isalnum() else folded.encode().translate(None, _MARKS).decode()
    return "".join(character for character in folded if character.isalnum())


def normalise(kind: str, value: str, region: str | None = None) -> str:
    """Return the canonical form of an identifier; two spellings of one identifier give one form.

    ``region`` is the country (ISO 3166, "DE") that a phone number without country code belongs to. Raises
    ``UnknownKind``, and ``UnusableNeedle`` for values that would match everybody or nobody.
    """
    if kind not in KINDS:
        raise UnknownKind(f"Normalising an identifier of kind {kind!r}: no rule for it; use one of {', '.join(KINDS)}.")
    folded = folded_text(value).strip()
    canonical = _canonical(kind, folded, region)
    _refuse_the_useless(kind, folded, canonical)
    return canonical


def _canonical(kind: str, folded: str, region: str | None) -> str:
    if kind == "email":
        return _canonical_email(folded)
    if kind == "phone":
        return _canonical_phone(folded, region)
    return squeeze(folded) if kind in _CODES else folded


def _canonical_email(folded: str) -> str:
    local, at, domain = folded.removeprefix("mailto:").rpartition("@")
    if not at or not local or "." not in domain.strip("."):
        raise UnusableNeedle(
            "Normalising an e-mail address: it has no local part or no domain; ask for the whole address."
        )
    return f"{local.partition('+')[0].strip()}@{domain.strip('. ')}"


def _canonical_phone(folded: str, region: str | None) -> str:
    if known := e164(folded, region):
        return known
    digits = "".join(character for character in folded if character.isdigit())
    try:
        number = phonenumbers.parse(folded.replace("(0)", ""), region)
    except phonenumbers.NumberParseException:
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _refuse_the_useless(kind: str, folded: str, canonical: str) -> None:
    characters = squeeze(canonical)
    if ("*" in folded or "%" in folded) and len(characters) < 2 * _SHORTEST[kind]:
        raise UnusableNeedle(f"Looking for a value of kind {kind!r}: it has a wildcard; give the literal value.")
    if (weight(characters) if kind == "name" else len(characters)) < _SHORTEST[kind]:
        raise UnusableNeedle(
            f"Looking for a value of kind {kind!r}: {len(characters)} letters or digits are too few to tell one "
            f"person from another; at least {_SHORTEST[kind]} are needed."
        )
    if characters.count(characters[0]) == len(characters):
        raise UnusableNeedle(f"Looking for a value of kind {kind!r}: it is one character repeated; check the request.")


def is_shared(kind: str, value: str) -> bool:
    """Say whether an identifier belongs to a role, not to a person (``info@…``): finding it proves nobody's data."""
    return kind == "email" and normalise(kind, value).partition("@")[0] in SHARED_MAILBOXES


def variants(kind: str, value: str, region: str | None = None) -> tuple[str, ...]:
    """Return the spellings in which an identifier is usually stored, the given one first, each once."""
    canonical = normalise(kind, value, region)
    spellings = [value.strip(), canonical, *_VARIANTS[kind](value.strip(), canonical)]
    return tuple(dict.fromkeys(spelling for spelling in spellings if weight(squeeze(spelling)) >= 3))


def _email_variants(value: str, canonical: str) -> list[str]:
    local, _, domain = canonical.partition("@")
    capital = re.sub(r"[a-z]+", lambda part: part[0].capitalize(), local)
    marks = ("%40", " (at) ", "(at)", "[at]", " [at] ", " at ")
    return [
        *(value.lower(), canonical.upper(), f"{capital}@{domain}", f"{capital}@{domain.capitalize()}"),
        *(f"{local}{mark}{domain}" for mark in marks),
        *(f"{local}{mark}{domain.replace('.', dot)}" for mark, dot in ((" at ", " dot "), (" (at) ", " (dot) "))),
    ]


def _phone_variants(value: str, canonical: str) -> list[str]:
    if not canonical.startswith("+"):
        return [canonical]
    number = phonenumbers.parse(canonical, None)
    code, rest = str(number.country_code), phonenumbers.national_significant_number(number)
    formats = phonenumbers.PhoneNumberFormat
    written = [
        phonenumbers.format_number(number, form) for form in (formats.INTERNATIONAL, formats.NATIONAL, formats.RFC3966)
    ]
    bare = [
        form.replace(old, new) for form in written[:2] for old, new in ((" ", "-"), (" ", ""), ("-", " "), (" ", "/"))
    ]
    return [
        *written,
        *bare,
        f"{code}{rest}",
        f"00{code}{rest}",
        f"0{rest}",
        rest,
        f"+{code} {rest}",
        f"+{code} (0){rest}",
    ]


def _code_variants(value: str, canonical: str) -> list[str]:
    parts = re.findall(r"[^\W\d_]+|\d+", canonical)
    joined = [mark.join(parts) for mark in ("-", " ", "_", "/", ".")]
    return [value.lower(), value.upper(), canonical.upper(), *joined, *(spelling.upper() for spelling in joined)]


def _name_variants(value: str, canonical: str) -> list[str]:
    words = canonical.split(" ")
    turned = [f"{words[-1]}, {' '.join(words[:-1])}", f"{words[-1]} {' '.join(words[:-1])}"] if len(words) > 1 else []
    plain = [value, value.translate(UMLAUTS), canonical, *turned]
    cased = [spelling for form in plain for spelling in (form, form.lower(), form.upper(), form.title())]
    return [*cased, *(mark.join(words) for mark in (".", "_", "-")), "".join(words)]


def _content_variants(value: str, canonical: str) -> list[str]:
    return [value]


_VARIANTS: Final = {
    "email": _email_variants,
    "phone": _phone_variants,
    "name": _name_variants,
    "content": _content_variants,
    **dict.fromkeys(_CODES, _code_variants),
}


def byte_patterns(kind: str, value: str, region: str | None = None) -> tuple[bytes, ...]:
    """Return the byte strings to look for in raw files: every variant in UTF-8, JSON-escaped, Latin-1 and UTF-16."""
    patterns: list[bytes] = []
    for spelling in variants(kind, value, region):
        escaped = json.dumps(spelling)[1:-1]
        patterns += [spelling.encode(), escaped.encode(), escaped.replace("/", "\\/").encode()]
        patterns += [spelling.encode("latin-1", "ignore"), spelling.encode("utf-16-le")]
    return tuple(dict.fromkeys(pattern for pattern in patterns if len(pattern) >= 4))
