"""A change in place that survives a kill: written down whole, carried out, then crossed off.

``.scrubbing`` holds every byte that will be written and the manifest that will count. Before it is there and whole,
nothing has happened; from then on the change is as good as done, for whoever finds it carries it out again from the
beginning. When all of it is durable it is emptied, for it names ids, and renamed to ``.scrubbed``, whose inode tells
open readers that something changed. What a loss of power takes back of these two is only done again.
"""

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from retrieval.durable import sync_folder
from retrieval.errors import IndexUnreadable, JournalDamaged
from retrieval.indexes.names import MANIFEST
from retrieval.indexes.patches import Fill, Patch, Write
from retrieval.types import Json

PENDING: Final = ".scrubbing"
DONE: Final = ".scrubbed"
_MAGIC: Final = b"OUBLISC1"


@dataclass(frozen=True)
class Change:
    """What is to be done in ``target`` (a folder's name below the index folder, or nothing for a plain folder)."""

    target: str
    manifest: Json = field(repr=False)
    patches: tuple[Patch, ...]
    store: Json = field(default_factory=dict)


def write(folder: Path, change: Change) -> None:
    """Write a change down; from here on it counts. A file that is shorter than it says was never begun.

    Raises ``IndexUnreadable`` for a file that is a link: what it leads to may be others' too.
    """
    put(folder, packed(folder, change))


def packed(folder: Path, change: Change) -> bytes:
    """Return what ``put`` writes down; raises as ``write`` does."""
    files = folder / change.target
    if links := [patch.file for patch in change.patches if (files / patch.file).is_symlink()]:
        raise IndexUnreadable(f"Changing {files} in place: {links[0]} is a link; nothing was done. Put the file there.")
    return _packed(change)


def put(folder: Path, content: bytes) -> None:
    """Write a packed change down; from here on it counts."""
    with (folder / PENDING).open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    sync_folder(folder)


def pending(folder: Path) -> Change | None:
    """Return the change that was written down and not crossed off; raises ``IndexUnreadable`` for a damaged one."""
    try:
        raw = (folder / PENDING).read_bytes()
    except FileNotFoundError:
        return None
    if not raw:  # carried out and not renamed, or not begun: whoever has the index open looks again in either case
        (folder / PENDING).replace(folder / DONE)
        return None
    if _is_torn(raw):
        (folder / PENDING).unlink()
        return None
    if len(raw) < 48 or raw[:8] != _MAGIC or sha256(raw[:-32]).digest() != raw[-32:]:
        raise JournalDamaged(
            f"Finishing a change of {folder}: its journal {PENDING} is damaged; restore the folder from a copy."
        )
    try:
        change = _unpacked(raw, folder)
    except (ValueError, KeyError, TypeError, AttributeError):  # whole, and yet no journal that we wrote
        raise JournalDamaged(
            f"Finishing a change of {folder}: its journal {PENDING} is none; restore the folder from a copy."
        ) from None
    _check_whose(folder, change)
    return change


def _check_whose(folder: Path, change: Change) -> None:
    """Before the change the folder's manifest has the journal's roots, after it the journal's facts: else it is another
    folder's journal, whose bytes would damage this one."""
    files = folder / change.target
    if change.target and files.is_symlink():
        raise IndexUnreadable(f"Finishing a change of {folder}: {change.target} is a link; nothing was done.")
    try:
        there = json.loads((files / MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        there = {}
    there = there if isinstance(there, dict) else {}
    roots = there.get("roots", {})
    before = all(roots.get(name) == root for name, root in change.manifest.get("roots", {}).items())
    if not before and _facts(there) != _facts(change.manifest):
        raise IndexUnreadable(
            f"Finishing a change of {folder}: its journal {PENDING} belongs to another folder; nothing was done. "
            "Remove it if it was copied here."
        )


def _facts(manifest: Json) -> Json:
    """What a manifest says beside what is only known once the bytes are written."""
    return {name: value for name, value in manifest.items() if name not in ("roots", "digest")}


def cross_off(folder: Path) -> None:
    """Say that the change is carried out, and keep nothing of what it was; the caller knows that it is durable."""
    os.truncate(folder / PENDING, 0)
    (folder / PENDING).replace(folder / DONE)


def _is_torn(raw: bytes) -> bool:
    """Whether its writer was killed: nothing is overwritten before a journal is whole and durable."""
    if not raw[:16].strip(b"\0"):
        return True
    length = int.from_bytes(raw[8:16], "little")
    if raw[:8] != _MAGIC[: len(raw[:8])] or len(raw) < 16 + length:
        return raw[:8] == _MAGIC[: len(raw[:8])]
    try:
        return len(raw) < 48 + length + int(json.loads(raw[16 : 16 + length]).get("size", 0))
    except ValueError:
        return False


def _packed(change: Change) -> bytes:
    parts: list[bytes] = []
    rows: list[Json] = []
    for patch in change.patches:
        about: Json = {"file": patch.file, "n": len(patch.offsets)}
        parts.append(np.ascontiguousarray(patch.offsets, "<i8").tobytes())
        if isinstance(patch, Fill):
            parts.append(np.ascontiguousarray(patch.lengths, "<i8").tobytes())
            rows.append({**about, "byte": patch.byte})
        else:
            parts.append(np.ascontiguousarray(patch.rows).tobytes())
            rows.append({**about, "width": patch.rows.shape[1]})
    header = {
        "target": change.target,
        "manifest": change.manifest,
        "store": change.store,
        "patches": rows,
        "size": sum(map(len, parts)),
    }
    head = json.dumps(header).encode()
    raw = b"".join([_MAGIC, len(head).to_bytes(8, "little"), head, *parts])
    return raw + sha256(raw).digest()


def _unpacked(raw: bytes, folder: Path) -> Change:
    length = int.from_bytes(raw[8:16], "little")
    header: dict[str, Any] = json.loads(raw[16 : 16 + length])
    at = 16 + length
    found: list[Patch] = []
    for about in header["patches"]:
        n = int(about["n"])
        offsets = np.frombuffer(raw, "<i8", n, at)
        at += 8 * n
        name = _inside(str(about["file"]), folder)
        if "byte" in about:
            found.append(Fill(name, offsets, np.frombuffer(raw, "<i8", n, at), int(about["byte"])))
            at += 8 * n
        else:
            width = int(about["width"])
            rows = np.frombuffer(raw, np.uint8, n * width, at).reshape(n, width)
            found.append(Write(name, offsets, rows))
            at += n * width
    return Change(_inside(header["target"], folder), header["manifest"], tuple(found), header["store"])


def _inside(name: str, folder: Path) -> str:
    """A journal names files of its own folder only, whoever wrote it."""
    if name in (".", "..") or "/" in name or "\x00" in name:
        raise IndexUnreadable(f"Finishing a change of {folder}: its journal names a file elsewhere; nothing was done.")
    return name
