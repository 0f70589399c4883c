"""How California's deletion list standardises and hashes what it knows of a person: all six lists.

Every value is standardised, encoded as UTF-8, hashed with SHA-256 and written as base64. A list of several values
hashes each, joins the base64 texts in the list's order, and hashes again. Source: CalPrivacy, DROP technical
specifications 1.2.0, "Working with the data", through its published examples, which the tests repeat. The table by
which Greek and Cyrillic names are turned into Latin letters, and letters such as ß or ø, could not be obtained: a name
with one of these has no hash here, and neither has a date that can be read in two ways. Have counsel confirm.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime

from compliance.rules.deletion_list import CTVID, EMAIL, MAID, NAME_VIN, NDZ, PHONE
from compliance.rules.errors import InvalidInput

Standard = Callable[[str], str | None]
_DATES = ("%Y-%m-%d", "%Y%m%d", "%B %d, %Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def email(value: str) -> str | None:
    """Without white space, in small letters; dots and what follows a plus sign stay."""
    return "".join(value.split()).lower() or None


def phone(value: str) -> str | None:
    """The last ten digits."""
    return "".join(character for character in value if character in "0123456789")[-10:] or None


def name(value: str) -> str | None:
    """Small letters and digits without accents, nothing between them; None where the letters' table is not known."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c)).lower()
    kept = "".join(character for character in plain if character.isalnum())
    return None if any(_untold(character) for character in kept) else kept or None


def _untold(letter: str) -> bool:
    """Whether the table for this letter was not obtained: Greek, Cyrillic, and Latin letters that are not plain."""
    script = unicodedata.name(letter, "").split(" ")[0]
    return script in ("GREEK", "CYRILLIC", "COPTIC") or (script == "LATIN" and not letter.isascii())


def born(value: str) -> str | None:
    """YYYYMMDD; None for a day that can be read in two ways (07/04/1985), or not at all."""
    for pattern in _DATES:
        try:
            return datetime.strptime(value.strip(), pattern).strftime("%Y%m%d").zfill(8)
        except ValueError:
            continue
    return None


def zip_code(value: str) -> str | None:
    """Letters and digits without the part after the hyphen and without leading zeros, at most five."""
    kept = re.sub(r"[^0-9a-z]", "", value.strip().lower().partition("-")[0])
    return kept.lstrip("0")[:5] or None


def _device(pattern: str) -> Standard:
    """Small letters and digits, if they are as many as the list knows."""

    def standard(value: str) -> str | None:
        kept = re.sub(r"[^0-9a-z]", "", value.lower())
        return kept if re.fullmatch(pattern, kept) else None

    return standard


vin, maid, ctvid = _device("[0-9a-z]{17}"), _device("[0-9a-f]{32}"), _device("[0-9a-z]{8,32}")

# The values of each list, in the order in which their hashes are joined.
PARTS: Mapping[str, tuple[tuple[str, Standard], ...]] = {
    EMAIL: (("email", email),),
    PHONE: (("phone", phone),),
    NDZ: (("first_name", name), ("last_name", name), ("born", born), ("zip_code", zip_code)),
    NAME_VIN: (("first_name", name), ("last_name", name), ("vin", vin)),
    MAID: (("maid", maid),),
    CTVID: (("ctvid", ctvid),),
}


def hashed(list_type: str, *values: str) -> str | None:
    """The 44 characters that stand for a person in a list; None where a value cannot be standardised here.

    Raises ``InvalidInput`` for an unknown list, or for another number of values than the list has.
    """
    parts = PARTS.get(list_type)
    if parts is None or len(parts) != len(values):
        raise InvalidInput(f"Hashing for the deletion list {list_type}: it has other values, or none.")
    standards = [standard(value) for (_, standard), value in zip(parts, values, strict=True)]
    if any(one is None for one in standards):
        return None
    hashes = [_hash(str(one)) for one in standards]
    return hashes[0] if len(hashes) == 1 else _hash("".join(hashes))


def _hash(standard: str) -> str:
    return base64.b64encode(hashlib.sha256(standard.encode()).digest()).decode()
