"""Suppression lists on disk and in memory: keyed hashes only, in JSON (one case, for the API) or packed (millions).

A row of the packed form is 17 bytes (hash 8, check 4, group 4, kind 1), two more where any row has a last day, and its
share of the Bloom filter about 4; the file is mapped, not read, and can be shared by every serving process.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrieval import keyed
from retrieval.durable import write_whole
from retrieval.errors import SuppressionUnreadable, UnusableNeedle
from retrieval.folding import fold
from retrieval.matching import orders_of, phone_parts
from retrieval.skeleton import skeleton
from retrieval.text import KINDS, normalise, squeeze

FORMAT: Final = 2
PACKED: Final = 3  # of a packed list whose rows all count for ever: one last day stands for all
READABLE: Final = frozenset({FORMAT, PACKED})
MAGIC: Final = b"OUBLISUP"
ALLOWED: Final = "allowed"
_KEYS_A_WORD = 6.9  # 9 bits a key: one word in some thirty is looked up in vain
_SHORTEST, _PASSAGE = 4, 48
_EPOCH = date(2000, 1, 1)
_FOREVER = 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """What must not be said: in plain text here only, never in a file. ``group`` is an opaque label of one person.

    A ``kind`` of ``retrieval.text.KINDS``, ``"allowed"`` for what may be said although it is listed (a company's own
    hotline), or any other word for an attribute (a city, an illness), which blocks only beside a name.
    """

    kind: str
    value: str = field(repr=False)
    group: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A list ready for the filter: arrays that may lie in a mapped file."""

    words: npt.NDArray[np.uint64]  # Bloom filter, sorted hashes, checks two a word
    bloom: int
    rows: int
    longest: int
    group: npt.NDArray[np.uint32]
    until: npt.NDArray[np.uint16]
    kind: npt.NDArray[np.uint8]
    kinds: tuple[str, ...]
    group_ends: npt.NDArray[np.uint32]
    group_names: npt.NDArray[np.uint8]

    def rows_of(self, row: int) -> range:
        """Return every row of the same value (a household's number stands for several people)."""
        hashes = self.words[self.bloom : self.bloom + self.rows]
        end = row + 1
        while end < self.rows and hashes[end] == hashes[row]:
            end += 1
        return range(row, end)

    def group_of(self, row: int) -> str:
        """Return the label of a row's group."""
        at = int(self.group[row])
        start = int(self.group_ends[at - 1]) if at else 0
        return bytes(self.group_names[start : int(self.group_ends[at])]).decode()

    def holds(self, row: int, today: date) -> bool:
        """Whether a row still counts on a day."""
        return int(self.until[row]) >= (today - _EPOCH).days

    @property
    def bytes(self) -> int:
        """Size in memory, or in the file."""
        parts = (self.words, self.group, _once(self.until), self.kind, self.group_ends, self.group_names)
        return sum(part.nbytes for part in parts)


def check_key(key: bytes) -> None:
    """Refuse a key that is too short or too long."""
    if not 16 <= len(key) <= 64:
        raise ValueError(f"Building a suppression list with a key of {len(key)} bytes: 16 to 64 are needed.")


def key_check(key: bytes) -> str:
    """Return what tells one key from another, and nothing about it."""
    return blake2b(b"suppression list", key=key, digest_size=8).hexdigest()


def keys_of(key: bytes) -> tuple[int, int]:
    """Return the two halves of the windows' hash key."""
    halves = blake2b(b"windows", key=key, digest_size=16).digest()
    return int.from_bytes(halves[:8], "little"), int.from_bytes(halves[8:], "little")


def rows(entries: Iterable[Entry], key: bytes, region: str | None) -> list[dict[str, Any]]:
    """Return the stored form of entries, each row once; raises ``UnusableNeedle`` for what would block anybody."""
    check_key(key)
    formed = [(form, entry) for entry in entries for form in forms(entry, region)]
    hashes = _hashed([form for form, _ in formed], key)
    return list({_identity(row): row for row in map(_row, formed, hashes.tolist())}.values())


def _hashed(texts: Sequence[str], key: bytes) -> Any:
    every = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    return keyed.hashes_of(every, np.array([len(text) for text in texts], np.int64), *map(np.uint64, keys_of(key)))


def _row(formed: tuple[str, Entry], hashes: list[int]) -> dict[str, Any]:
    form, entry = formed
    return {
        "hash": f"{hashes[0]:016x}",
        "check": f"{hashes[1]:08x}",
        "beginnings": [f"{value:016x}" for value in hashes[2:] if value],
        "length": len(form),
        "kind": entry.kind,
        "group": entry.group,
        "until": entry.until.isoformat() if entry.until else None,
    }


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["hash"], row["kind"], row["group"], row["until"]


def forms(entry: Entry, region: str | None) -> frozenset[str]:
    """Return the letters under which an entry is looked up; separators, case and look-alikes make no other form."""
    if entry.kind == "phone":
        spelled = [phone_parts(normalise("phone", entry.value, region))[1]]
    elif entry.kind == "name":
        canonical = normalise("name", entry.value, region)
        spelled = ["".join(words) for words in orders_of(entry.value, canonical)]
    elif entry.kind == "content":
        spelled = _passages(normalise("content", entry.value, region))
    elif entry.kind in KINDS:
        spelled = [normalise(entry.kind, entry.value, region)]
    else:
        spelled = [fold(entry.value).text]
    squeezed = frozenset(skeleton(squeeze(form)) for form in spelled)
    if min(map(len, squeezed)) < _SHORTEST:
        raise UnusableNeedle(
            f"Suppressing a value of kind {entry.kind!r}: under four letters or digits it would block anybody."
        )
    return squeezed


def _passages(text: str) -> list[str]:
    """Cut a passage into runs of whole words of some fifty letters, so that a quotation from its middle counts too."""
    runs: list[str] = [""]
    for word in text.split():
        runs[-1] += squeeze(word)
        if len(runs[-1]) >= _PASSAGE:
            runs.append("")
    return [run for run in runs if len(run) >= _PASSAGE // 2] or ["".join(runs)]


def table_of(entries: Iterable[Entry], key: bytes, region: str | None) -> Table:
    """Return entries as arrays without the detour over rows, for millions of them."""
    check_key(key)
    formed = [(form, entry) for entry in entries for form in forms(entry, region)]
    hashes = _hashed([form for form, _ in formed], key)
    days = [_day(entry.until.isoformat() if entry.until else None) for _, entry in formed]
    longest = max((len(form) for form, _ in formed), default=0)
    labels = [(entry.kind, entry.group) for _, entry in formed]
    return _assembled(hashes[:, 0], hashes[:, 1], np.unique(hashes[:, 2:]), days, labels, longest)


def pack(stored: Sequence[Mapping[str, Any]]) -> Table:
    """Return stored rows as arrays; raises ``KeyError``, ``ValueError`` or ``TypeError`` for rows that are none."""
    hashes = np.array([int(row["hash"], 16) for row in stored], np.uint64)
    checks = np.array([int(row["check"], 16) for row in stored], np.uint64)
    beginnings = np.array(sorted({int(value, 16) for row in stored for value in row["beginnings"]}), np.uint64)
    labels = [(str(row["kind"]), str(row["group"])) for row in stored]
    longest = max((int(row["length"]) for row in stored), default=0)
    return _assembled(hashes, checks, beginnings, [_day(row["until"]) for row in stored], labels, longest)


def _assembled(
    hashes: Any, checks: Any, beginnings: Any, days: list[int], labels: list[tuple[str, str]], longest: int
) -> Table:
    order = np.argsort(hashes, kind="stable")
    beginnings = beginnings[beginnings != 0]
    groups = {name: number for number, name in enumerate(dict.fromkeys(group for _, group in labels))}
    kinds = {name: number for number, name in enumerate(dict.fromkeys(kind for kind, _ in labels))}
    names = [name.encode() for name in groups]
    bloom = np.zeros(int((len(beginnings) + len(hashes)) / _KEYS_A_WORD) + 8, np.uint64)
    keyed.fill(bloom, beginnings)
    keyed.fill(bloom, hashes)
    return Table(
        words=np.concatenate((bloom, hashes[order], _paired(checks[order]))),
        bloom=len(bloom),
        rows=len(hashes),
        longest=longest,
        group=np.array([groups[group] for _, group in labels], np.uint32)[order],
        until=_alike(np.array(days, np.uint16)[order]),
        kind=np.array([kinds[kind] for kind, _ in labels], np.uint8)[order],
        kinds=tuple(kinds),
        group_ends=np.cumsum([len(name) for name in names], dtype=np.uint32) if names else np.zeros(0, np.uint32),
        group_names=np.frombuffer(b"".join(names), np.uint8),
    )


def _alike(days: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return last days, kept once where all are the same: most lists count until they are built again."""
    return np.broadcast_to(days[:1], len(days)) if len(days) and (days == days[0]).all() else days


def _once(days: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    return days[:1] if len(days) and not days.strides[0] else days


def _paired(checks: Any) -> Any:
    even = np.concatenate((checks, np.zeros(len(checks) % 2, np.uint64)))
    return even[::2] | (even[1::2] << np.uint64(32))


def _day(until: str | None) -> int:
    return _FOREVER if until is None else max(0, min(_FOREVER - 1, (date.fromisoformat(until) - _EPOCH).days))


def write(path: Path, entries: Iterable[Entry], key: bytes, region: str | None) -> None:
    """Write a list in one step over an older one: packed if the name ends in ``.bin``, else JSON."""
    check_key(key)
    content: dict[str, Any] = {
        "format": FORMAT,
        "key_check": key_check(key),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if path.suffix == ".bin":
        whole = packed(table_of(entries, key, region), content)
    else:
        whole = json.dumps({**content, "entries": rows(entries, key, region)}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, whole)


_ARRAYS: Final = ("words", "group_ends", "group", "until", "kind", "group_names")


def packed(table: Table, content: Mapping[str, Any]) -> bytes:
    """Return a table as bytes: magic, length of the header, header, arrays (widest first)."""
    arrays = {name: getattr(table, name) for name in _ARRAYS}
    arrays["until"] = _once(table.until)
    shapes = {name: [array.dtype.str, len(array)] for name, array in arrays.items()}
    about = {"bloom": table.bloom, "rows": table.rows, "longest": table.longest, "kinds": table.kinds}
    version = FORMAT if len(arrays["until"]) == table.rows else PACKED
    header = json.dumps({**content, **about, "format": version, "arrays": shapes}).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % 8)
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *(array.tobytes() for array in arrays.values())])


def read(path: Path, key: bytes) -> Table:
    """Open a list; raises ``SuppressionUnreadable`` for one that is missing, damaged or of another key or format."""
    try:
        with path.open("rb") as handle:
            start = handle.read(len(MAGIC) + 4)
            if start.startswith(MAGIC):
                size = struct.unpack("<I", start[len(MAGIC) :])[0]
                return _mapped(path, json.loads(handle.read(size)), len(start) + size, key)
        content = json.loads(path.read_bytes())
        _accept(path, content, key)
        return pack(content["entries"])
    except FileNotFoundError:
        raise missing(path) from None
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, OverflowError) as error:
        raise SuppressionUnreadable(f"Reading {path}: it is damaged; build the list again.") from error


def missing(path: Path) -> SuppressionUnreadable:
    """Return the error for a list that is not there."""
    return SuppressionUnreadable(f"Reading {path}: there is no such file; build the list first.")


def accepted(stored: Sequence[Mapping[str, Any]]) -> Table:
    """Return rows from the case's API as arrays; raises ``SuppressionUnreadable`` for what are none."""
    try:
        return pack(stored)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SuppressionUnreadable("Reading a suppression list: a row is damaged; ask for the list again.") from error


def _accept(path: Path, content: Mapping[str, Any], key: bytes) -> None:
    if content["key_check"] != key_check(key):
        raise SuppressionUnreadable(f"Reading {path}: it was made with another key; use that one, or build it again.")
    if content["format"] not in READABLE:
        raise SuppressionUnreadable(
            f"Reading {path}: it has the format of another version; build it again from plain "
            "entries (python -m retrieval suppress)."
        )


def _mapped(path: Path, header: Mapping[str, Any], offset: int, key: bytes) -> Table:
    _accept(path, header, key)
    arrays: dict[str, Any] = {}
    for name in _ARRAYS:
        kind, length = header["arrays"][name]
        empty = np.zeros(0, kind)
        arrays[name] = np.memmap(path, kind, "r", offset, (length,)).view(np.ndarray) if length else empty
        offset += length * empty.itemsize
    if path.stat().st_size != offset:
        raise ValueError("its length is not what its header says")
    if header["format"] == PACKED and len(arrays["until"]) == 1:
        arrays["until"] = np.broadcast_to(arrays["until"], int(header["rows"]))
    table = Table(
        bloom=int(header["bloom"]), rows=int(header["rows"]), longest=int(header["longest"]),
        kinds=tuple(header["kinds"]), **arrays,
    )  # fmt: skip
    _fits(table)
    return table


def _fits(table: Table) -> None:
    """Refuse a table whose parts do not belong together: the compiled loop looks up without asking."""
    rows, ends = table.rows, table.group_ends
    whole = table.bloom > 0 and rows >= 0 and len(table.words) == table.bloom + rows + (rows + 1) // 2
    whole = whole and {len(table.group), len(table.until), len(table.kind)} == {rows} and table.words.dtype == np.uint64
    whole = whole and (not rows or (table.kind.max() < len(table.kinds) and table.group.max() < len(ends)))
    if not whole or (len(ends) and ends[-1] != len(table.group_names)):
        raise ValueError("its parts do not belong together")
