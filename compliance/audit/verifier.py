"""Verify a whole log from plain rows: no database, no Django.

Everything is recomputed: each leaf's bytes and hash, the order, each head's root and signature, and, where the opening
still exists, that the words are those committed to.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit import checkpoint, merkle
from compliance.audit.errors import BadCheckpoint

LEAF_FIELDS = ("actor", "at", "case", "commitment", "entity", "id", "kind")


@dataclass(frozen=True)
class Line:
    """One line of the log: what its leaf is made of, its place, its hash, and the opening if it still exists."""

    index: int
    hash: str
    fields: Mapping[str, str]
    salt: str | None = None
    detail: Mapping[str, object] | None = None


@dataclass(frozen=True)
class SignedHead:
    """A tree head as stored."""

    size: int
    root: str
    note: str


@dataclass(frozen=True)
class Findings:
    """What a verification saw; no ``problems`` means that the log holds."""

    lines: int
    heads: int
    root: str
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def canonical(value: object) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8: one form only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def commit(detail: Mapping[str, object], *, salt: str) -> str:
    """The commitment to an event's words: HMAC-SHA256 under a random salt (both hex), so that it cannot be guessed."""
    return hmac.new(bytes.fromhex(salt), canonical(dict(detail)), hashlib.sha256).hexdigest()


def leaf_data(fields: Mapping[str, str]) -> bytes:
    """The bytes that a leaf commits to: exactly the seven fields, and the version of this form."""
    return canonical({"v": 1, **{name: fields[name] for name in LEAF_FIELDS}})


def verify(
    lines: Iterable[Line],
    *,
    heads: Iterable[SignedHead],
    key: Ed25519PublicKey,
    origin: str,
    former: Sequence[Ed25519PublicKey] = (),
) -> Findings:
    """Recompute the log from its lines in order; ``heads`` in any order. Linear in the number of lines.

    ``former`` are the keys before ``key``, newest first. A head signed by one that a smaller head had already been
    signed after is a problem: a key that was given up signs nothing more.
    """
    by_size = {head.size: head for head in heads}
    keys, oldest = (key, *former), len(former)
    problems: list[str] = []
    frontier = merkle.Frontier()
    for line in lines:
        problems += _line_problems(line, expected=frontier.size)
        frontier = frontier.append(merkle.leaf_hash(leaf_data(line.fields)))
        if frontier.size in by_size:
            found, oldest = _head_problems(by_size[frontier.size], frontier, keys[: oldest + 1], origin)
            problems += found
    problems += [f"head of {size}: the log has only {frontier.size} lines" for size in by_size if size > frontier.size]
    if frontier.size and frontier.size not in by_size:
        problems.append(f"the last {frontier.size} lines are under no signed head")
    return Findings(frontier.size, len(by_size), frontier.root().hex(), tuple(problems))


def _line_problems(line: Line, *, expected: int) -> list[str]:
    problems = []
    if line.index != expected:
        problems.append(f"line {line.index} stands where line {expected} should")
    if merkle.leaf_hash(leaf_data(line.fields)).hex() != line.hash:
        problems.append(f"line {line.index}: its fields are not those that were hashed")
    opened = line.salt is not None and line.detail is not None
    if opened and commit(line.detail or {}, salt=line.salt or "") != line.fields["commitment"]:
        problems.append(f"line {line.index}: its words are not those committed to")
    return problems


def _head_problems(
    head: SignedHead, frontier: merkle.Frontier, keys: Sequence[Ed25519PublicKey], origin: str
) -> tuple[list[str], int]:
    """What is wrong with a head, and the place of the key that signed it; ``keys`` are those that still may."""
    try:
        signed, place = checkpoint.read_by(head.note, keys=keys)
    except BadCheckpoint as error:
        return [f"head of {head.size}: {error}"], len(keys) - 1
    problems = []
    if (signed.origin, signed.size, signed.root.hex()) != (origin, head.size, head.root):
        problems.append(f"head of {head.size}: the signed note says something else than the row")
    if signed.root != frontier.root():
        problems.append(f"head of {head.size}: its root is not that of the first {head.size} lines")
    return problems, place
