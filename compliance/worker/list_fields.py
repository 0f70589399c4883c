"""Which fields of a record the deletion list's six lists are compared with.

An e-mail address, a telephone number and a vehicle's number are known by their shape; first and last name, birth date,
ZIP code and the numbers of devices by the field's name, in the words below. A record that has the fields of a list but
no value that can be standardised cannot be compared: it is counted, and then nothing is called "not found".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compliance.intake.form import Identifier
from compliance.rules import deletion_list as rules
from compliance.rules.list_hashes import PARTS, hashed
from compliance.rules.terms import IdentifierKind

FIELDS: Mapping[str, frozenset[str]] = {
    "first_name": frozenset(("firstname", "givenname", "vorname", "prenom", "primeironome", "nombre")),
    "last_name": frozenset(("lastname", "surname", "familyname", "nachname", "nomdefamille", "sobrenome", "apellido")),
    "born": frozenset(("dob", "dateofbirth", "birthdate", "birthday", "geburtsdatum", "datadenascimento")),
    "zip_code": frozenset(("zip", "zipcode", "postalcode", "postcode", "plz", "cep", "codepostal", "codigopostal")),
    "vin": frozenset(("vin", "vehicleidentificationnumber")),
    "maid": frozenset(("maid", "idfa", "gaid", "aaid", "adid", "advertisingid", "mobileadvertisingid")),
    "ctvid": frozenset(("ctvid", "connectedtvid", "tifa", "rida")),
}
_CALLED = re.compile("phone|mobile|telef|telep|handy|celular", re.IGNORECASE)
_NAMED = (rules.NDZ, rules.NAME_VIN, rules.MAID, rules.CTVID)


@dataclass(frozen=True)
class Candidate:
    """One record beside one list: its hash (None: cannot be compared), and what finds its person elsewhere."""

    list_type: str
    hashed: str | None
    identifiers: tuple[Identifier, ...]
    owner: str


def candidates(fields: Mapping[str, str], *, owner: str) -> Iterator[Candidate]:
    """Everything in a record that a list may name; ``owner`` is the record's own customer number, if it has one."""
    for value in (given.strip() for given in fields.values()):
        kind = _shape(value)
        if kind is not None:
            list_type = rules.EMAIL if kind is IdentifierKind.EMAIL else rules.PHONE
            found = (
                () if kind is IdentifierKind.PHONE and _is_foreign(value) else (Identifier(kind, value, proven=True),)
            )
            yield Candidate(list_type, hashed(list_type, value), found, owner)
    known = _by_name(fields)
    everything = _person(fields, owner)
    for list_type in _NAMED:
        values = [known.get(part, "") for part, _ in PARTS[list_type]]
        if all(values):
            yield Candidate(list_type, hashed(list_type, *values), everything, owner)


def _person(fields: Mapping[str, str], owner: str) -> tuple[Identifier, ...]:
    """What finds the record's person elsewhere: addresses, telephone numbers in fields called so, the customer number.

    Dates, ZIP codes and numbers of orders look like telephone numbers: what is erased by them would be others' data.
    """
    found = [(IdentifierKind.CUSTOMER_ID, owner)] if owner else []
    for field, value in fields.items():
        kind = _shape(value.strip())
        if kind is IdentifierKind.EMAIL or (kind is IdentifierKind.PHONE and _CALLED.search(field)):
            found.append((kind, value.strip()))
    return tuple(Identifier(kind, value, proven=True) for kind, value in dict.fromkeys(found))


def _by_name(fields: Mapping[str, str]) -> dict[str, str]:
    """The values whose fields are named as ``FIELDS`` has it."""
    plain = {re.sub(r"[^a-z]", "", name.lower()): value.strip() for name, value in fields.items()}
    found = {
        part: next((plain[name] for name in sorted(names) if plain.get(name)), "") for part, names in FIELDS.items()
    }
    words = plain.get("name", "").split()
    if not found["first_name"] and not found["last_name"] and len(words) == 2:
        found["first_name"], found["last_name"] = words
    return found


def _shape(text: str) -> IdentifierKind | None:
    """Whether a whole field is an e-mail address or a telephone number."""
    if "@" in text and not any(character.isspace() for character in text):
        return IdentifierKind.EMAIL
    digits = sum(character.isdigit() for character in text)
    if 7 <= digits <= 15 and all(character in "+-() ./0123456789" for character in text):
        return IdentifierKind.PHONE
    return None


def _is_foreign(phone: str) -> bool:
    """Whether a number is none of North America's plan: its last ten digits say nothing of whose it is there.

    The list's hash is over these alone, so that it meets strangers' numbers: an officer decides about such a match.
    """
    digits = "".join(character for character in phone if character in "0123456789").removeprefix("00")
    return len(digits) > 11 or (len(digits) == 11 and digits[0] != "1") or digits[-10:][:1] in ("0", "1")


def is_number(text: str) -> bool:
    """Whether a field of the person can be a customer number."""
    return bool(text) and "@" not in text and not any(character.isspace() for character in text)
