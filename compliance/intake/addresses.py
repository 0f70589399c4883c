"""The address that gets the code: a bare mailbox, so that where the letter goes is what is looked for afterwards.

Mail programs read more than an address out of a text: ``a+ <b@other.example> (@example.org`` is delivered to ``b``,
while a search reads ``a@example.org`` in it. So whoever controlled ``b`` would prove ``a``. A bare address has one
reading.
"""

from __future__ import annotations

from compliance.rules.errors import InvalidInput

_LOCAL = frozenset(".!#$&'*+-/=^_`{|}~")
_DOMAIN = frozenset(".-")
LONGEST = 254  # RFC 5321 §4.5.3.1.3: a path has 256 characters, two of them are brackets


def mailbox(typed: str) -> str:
    """The address without the white space around it; InvalidInput, without repeating it, when it is no bare address."""
    address = typed.strip()
    local, at, domain = address.partition("@")
    if not (at and len(address) <= LONGEST and _is_dotted(local, _LOCAL) and _is_dotted(domain, _DOMAIN)):
        raise InvalidInput(
            "Reading the e-mail address that gets the code: it is not one bare address.",
            next_action="Give the address alone, like name@example.org, without a name, brackets or a second address.",
        )
    return address


def _is_dotted(part: str, marks: frozenset[str]) -> bool:
    """Letters and digits of any script and the given marks; no dot at an end, none beside another."""
    return all(part.split(".")) and all(character.isalnum() or character in marks for character in part)
