"""Signed tree heads as C2SP checkpoints: https://c2sp.org/tlog-checkpoint over https://c2sp.org/signed-note, Ed25519.

    <origin>\\n<size>\\n<base64 root>\\n\\n— <name> <base64(key id || signature)>\\n

The key id is the first four bytes of SHA-256(name || 0x0A || 0x01 || public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.audit.errors import BadCheckpoint

KEY_FILE = "log-ed25519.pem"
_ALGORITHM = b"\x01"


@dataclass(frozen=True)
class Checkpoint:
    """What a tree head says: whose log, how many leaves, which root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key in hex: what people compare and publish."""
    return hashlib.sha256(raw_public(key)).hexdigest()


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The four bytes that tell a verifier which key a signature line is by."""
    return hashlib.sha256(name.encode() + b"\n" + _ALGORITHM + raw_public(key)).digest()[:4]


def sign(checkpoint: Checkpoint, *, key: Ed25519PrivateKey) -> str:
    """The signed note; the key's name is the log's origin."""
    body = checkpoint.body()
    signature = key_id(checkpoint.origin, key.public_key()) + key.sign(body.encode())
    return f"{body}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def read(note: str, *, key: Ed25519PublicKey, former: Sequence[Ed25519PublicKey] = ()) -> Checkpoint:
    """The checkpoint in a note whose signature by ``key``, or one in use before it, holds; BadCheckpoint otherwise."""
    return read_by(note, keys=(key, *former))[0]


def read_by(note: str, *, keys: Sequence[Ed25519PublicKey]) -> tuple[Checkpoint, int]:
    """The checkpoint in a note, and the place among ``keys`` of the one that signed it; BadCheckpoint when none did."""
    body, separator, lines = note.partition("\n\n")
    checkpoint = _parse(body + "\n")
    wanted = f"— {checkpoint.origin} "
    for line in lines.splitlines() if separator else ():
        for place, key in enumerate(keys) if line.startswith(wanted) else ():
            if _holds(line.removeprefix(wanted), checkpoint, key):
                return checkpoint, place
    raise BadCheckpoint(f"the head of {checkpoint.size} leaves is not signed by key {fingerprint(keys[0])[:16]}…")


def _parse(body: str) -> Checkpoint:
    lines = body.split("\n")
    try:
        origin, size, root, end = lines
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadCheckpoint("a head must be three lines (origin, size, root) and a signature") from error
    if end or checkpoint.body() != body or len(checkpoint.root) != 32:
        raise BadCheckpoint("a head must be written in its one canonical form")
    return checkpoint


def _holds(encoded: str, checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    try:
        signature = base64.b64decode(encoded, validate=True)
        if base64.b64encode(signature).decode() != encoded or signature[:4] != key_id(checkpoint.origin, key):
            return False  # base64 has spare bits at its end: one signature must have one spelling
        key.verify(signature[4:], checkpoint.body().encode())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def load_key(folder: Path) -> Ed25519PrivateKey:
    """The log's private key, made on first use with mode 0600; two processes starting at once end with the same key."""
    path = folder / KEY_FILE
    if not path.exists():
        _make_key(path)
    return read_key(path)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file; BadCheckpoint when it holds another kind."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadCheckpoint(f"{path.name} holds no Ed25519 key; put back the key the log is signed with")
    return key


def pem_of(key: Ed25519PrivateKey) -> bytes:
    """The private key as its file holds it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _draft(path, pem_of(Ed25519PrivateKey.generate()))
    try:
        os.link(draft, path)  # unlike a rename, a link never replaces the key that another process made first
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _keep_name(path)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, over what stood there; after a kill it is the old one or the new one."""
    _draft(path, content).replace(path)
    _keep_name(path)


def _draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _keep_name(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
