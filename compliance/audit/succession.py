"""A new key for the log: the old and the new one sign together that one follows the other, and old heads stay valid.

Statements are signed notes (https://c2sp.org/signed-note) with a line of each key:

    <origin>\\nkey succession\\n<old key's fingerprint>\\n<new key's>\\n\\n— <name> <by old>\\n— <name> <by new>\\n

They stand in the log as events and in ``log-keys.json`` beside the key, so that a restored database without the event
still knows whose heads its old ones are. A chain is only as good as its end: the key in use vouches for those before.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.audit import checkpoint
from compliance.audit.errors import BadSuccession

FILE = "log-keys.json"
FORMER_FILE = "log-ed25519.former.pem"
_TITLE = "key succession"


@dataclass(frozen=True)
class Succession:
    """That ``new`` follows ``old``: both public keys (32 bytes each) and the note that both signed."""

    old: bytes
    new: bytes
    note: str

    def plain(self) -> dict[str, str]:
        """As JSON: keys in base64."""
        return {"old": _text(self.old), "new": _text(self.new), "note": self.note}


def agree(*, old: Ed25519PrivateKey, new: Ed25519PrivateKey, origin: str) -> Succession:
    """The statement of both keys."""
    before, after = checkpoint.raw_public(old.public_key()), checkpoint.raw_public(new.public_key())
    body = _body(origin, old.public_key(), new.public_key())
    lines = [_line(origin, key, body) for key in (old, new)]
    return Succession(before, after, f"{body}\n{''.join(lines)}")


def read(given: Mapping[str, object], *, origin: str) -> Succession:
    """The succession in plain JSON; BadSuccession unless both keys signed it for this log."""
    try:
        old, new = (base64.b64decode(str(given[name]), validate=True) for name in ("old", "new"))
        keys = [Ed25519PublicKey.from_public_bytes(raw) for raw in (old, new)]
    except (KeyError, ValueError, binascii.Error) as error:
        raise BadSuccession("a statement must name an old and a new key in base64") from error
    body, _, lines = str(given.get("note", "")).partition("\n\n")
    if body + "\n" != _body(origin, *keys):
        raise BadSuccession("a statement is about other keys or another log than it says")
    signed = lines.splitlines()
    if len(signed) != 2 or not all(
        _holds(line, origin, key, body + "\n") for line, key in zip(signed, keys, strict=True)
    ):
        raise BadSuccession("a statement is not signed by both keys")
    return Succession(old, new, str(given["note"]))


def chain(current: Ed25519PublicKey, known: Iterable[Succession]) -> list[Ed25519PublicKey]:
    """The keys that the log was ever signed with, the one in use first; what does not lead to it is left out."""
    before = {one.new: one.old for one in known}
    raw, seen = checkpoint.raw_public(current), list[bytes]()
    while raw not in seen:
        seen.append(raw)
        raw = before.get(raw, raw)
    return [Ed25519PublicKey.from_public_bytes(one) for one in seen]


def kept(folder: Path, *, origin: str) -> list[Succession]:
    """The statements beside the key, oldest first; BadSuccession when the file is damaged."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text("utf-8"))
        return [read(row, origin=origin) for row in rows]
    except (ValueError, TypeError, AttributeError, BadSuccession) as error:
        raise BadSuccession(f"{FILE} is damaged; put it back from the backup of the keys") from error


def keep(folder: Path, statements: Iterable[Succession]) -> None:
    """Write the statements beside the key, whole or not at all."""
    draft = folder / f"{FILE}.{os.getpid()}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump([one.plain() for one in statements], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE)


def _body(origin: str, old: Ed25519PublicKey, new: Ed25519PublicKey) -> str:
    return f"{origin}\n{_TITLE}\n{checkpoint.fingerprint(old)}\n{checkpoint.fingerprint(new)}\n"


def _line(origin: str, key: Ed25519PrivateKey, body: str) -> str:
    signature = checkpoint.key_id(origin, key.public_key()) + key.sign(body.encode())
    return f"— {origin} {_text(signature)}\n"


def _holds(line: str, origin: str, key: Ed25519PublicKey, body: str) -> bool:
    try:
        signature = base64.b64decode(line.removeprefix(f"— {origin} "), validate=True)
        key.verify(signature[4:], body.encode())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return signature[:4] == checkpoint.key_id(origin, key)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
