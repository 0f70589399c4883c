"""Files that are either whole or absent: write beside, fsync, rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from unlearning.errors import OutputExists


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Flush one file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below, then the folder."""
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a reader sees the old file or the whole new one."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, sort_keys=True, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    sync(path.parent)


def partial_folder(out: Path) -> Path:
    """Where the folder `out` grows before it is whole; the name is fixed so that a killed run can be resumed."""
    if out.exists():
        raise OutputExists(f"writing {out}: it is already there; choose another folder or remove it first")
    partial = out.with_name(f".{out.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    return partial


def promote(partial: Path, out: Path) -> None:
    """Make a finished folder visible under its own name, in one rename."""
    sync_tree(partial)
    partial.rename(out)
    sync(out.parent)


def swap_in(fresh: Path, target: Path) -> None:
    """Put the folder `fresh` in the place of `target`, which may exist; a kill in between leaves one of the two."""
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    sync_tree(fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
