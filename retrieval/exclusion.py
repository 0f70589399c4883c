"""What was erased may not come back: the list, of keyed hashes.

1. A list has four kinds of entries, all HMAC-SHA256 under one key (RFC 2104): identifiers in canonical form, exact
   bytes of a record (by their SHA-256), the words of a text, and a keyed MinHash signature of a text.
2. The gate (``retrieval.gate``) hashes what a row could hold under the same key and looks it up.

Without the key a list says how many entries of which kind there are, and nothing else.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retrieval.durable import write_whole
from retrieval.errors import ExclusionsUnreadable
from retrieval.matching import words_of
from retrieval.near import Signer
from retrieval.text import fold, normalise

FORMAT: Final = 1
SHORTEST_TEXT: Final = 40  # characters; shorter texts are nobody's own
FEWEST_WORDS: Final = 8  # of a near-duplicate: fewer runs of three words estimate nothing
KINDS: Final = ("identifier", "content", "text", "near")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: the keyed hash in hex; of kind ``near`` also the signature (480 bytes)."""

    kind: str
    key: str
    signature: bytes = b""


def _hashed(key: bytes, message: str) -> str:
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), "sha256").hex()


def identifier_key(key: bytes, kind: str, canonical: str) -> str:
    """Return the keyed hash of an identifier in canonical form; the kind is part of what is hashed."""
    return _hashed(key, f"{kind}\x00{canonical}")


def content_key(key: bytes, digest: str) -> str:
    """Return the keyed hash of a record's bytes, given their SHA-256 in hex."""
    return _hashed(key, f"content\x1f{digest}")


def text_key(key: bytes, text: str) -> str:
    """Return the keyed hash of a text's words: case, accents, punctuation and white space make no other text."""
    return _hashed(key, f"text\x1f{' '.join(words_of(fold(text).text))}")


def identifier_entry(key: bytes, kind: str, value: str, *, region: str | None = None) -> Entry:
    """Return the entry of an identifier; raises ``UnknownKind`` and ``UnusableNeedle`` as ``normalise`` does."""
    check_key(key)
    return Entry("identifier", identifier_key(key, kind, normalise(kind, value, region)))


def text_entries(key: bytes, texts: Sequence[str]) -> list[Entry]:
    """Return the entries of texts that were erased, two each: the words, and the near-duplicate signature.

    Texts under 40 characters have none, texts under eight words no signature: they would meet strangers' texts.
    """
    check_key(key)
    long = [text for text in texts if len(text) >= SHORTEST_TEXT]
    found = [Entry("text", text_key(key, text)) for text in long]
    worded = [text for text in long if comparable(text)]
    for signature in Signer(key).sign(worded):
        raw = signature.astype("<u4").tobytes()
        found.append(Entry("near", hmac.digest(key, b"near\x1f" + raw, "sha256").hex(), raw))
    return found


def comparable(text: str) -> bool:
    """Whether a text is long enough for its near copies to be told from chance."""
    return len(text) >= SHORTEST_TEXT and len(words_of(fold(text).text)) >= FEWEST_WORDS


def check_key(key: bytes) -> None:
    """Raise ``ValueError`` for a key that is too short to protect a list."""
    if len(key) < 16:
        raise ValueError("Opening an exclusion list: its key has fewer than 16 bytes; use the installation's own.")


@dataclass(frozen=True)
class Exclusions:
    """A list: entries, and the country (ISO 3166) of phone numbers without country code."""

    entries: tuple[Entry, ...]
    region: str | None = None

    def write(self, path: Path, key: bytes) -> None:
        """Write the list as JSON, in one step over an older one."""
        check_key(key)
        rows = [{"kind": e.kind, "key": e.key, **_signature_row(e)} for e in self.entries]
        content = {"format": FORMAT, "key_check": _key_check(key), "region": self.region, "entries": rows}
        write_whole(path, json.dumps(content).encode())

    @classmethod
    def read(cls, path: Path, key: bytes) -> "Exclusions":
        """Read a list; raises ``ExclusionsUnreadable`` for one that is missing, damaged, or of another key."""
        check_key(key)
        try:
            content = json.loads(path.read_bytes())
            known, form = content["key_check"], content["format"]
            entries = tuple(_entry(row) for row in content["entries"])
            region = content["region"]
        except OSError as error:
            raise ExclusionsUnreadable(
                f"Reading the exclusion list {path}: {type(error).__name__}; export it again."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ExclusionsUnreadable(f"Reading the exclusion list {path}: it is damaged; export it again.") from None
        if form != FORMAT or not hmac.compare_digest(str(known), _key_check(key)):
            raise ExclusionsUnreadable(
                f"Reading the exclusion list {path}: it was made with another key or version; export it again."
            )
        return cls(entries, region)


def _key_check(key: bytes) -> str:
    return hmac.digest(key, b"exclusion list", "sha256").hex()[:16]


def _signature_row(entry: Entry) -> dict[str, str]:
    return {"signature": base64.b64encode(entry.signature).decode()} if entry.signature else {}


def _entry(row: Mapping[str, Any]) -> Entry:
    signature = base64.b64decode(row.get("signature", ""), validate=True)
    if row["kind"] not in KINDS or len(bytes.fromhex(row["key"])) != 32:
        raise ValueError("an entry is none")
    if len(signature) not in (0, 480) or (row["kind"] == "near") != bool(signature):
        raise ValueError("a signature is none")
    return Entry(row["kind"], row["key"].lower(), signature)
