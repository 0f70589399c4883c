"""Several files exchanged as one: a kill at any moment leaves all of the old ones or, once tried again, all of the new.

New files are written beside and a journal names them; from the moment the journal is on the disk the new ones count.
Whoever reads meanwhile is led to them by ``current``; ``finish`` puts them in their places.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from compliance.provenance.connectors import SourceChanged
from compliance.provenance.connectors.rewriting import PREFIX, digest_of, sync_folder, translated
from compliance.rules.errors import DamagedArtifact

JOURNAL, STAGED = f"{PREFIX}swap.json", f"{PREFIX}staged."


def staged(path: Path) -> Path:
    """Where a file's successor lies before it takes its place; its name ends alike."""
    return path.with_name(f"{STAGED}{path.name}")


def begun(folder: Path) -> dict[str, str]:
    """Digests of the new files by name, when an exchange was begun in this folder and is not through."""
    try:
        found = json.loads((folder / JOURNAL).read_text("utf-8"))
        return {str(name): str(digest) for name, digest in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise DamagedArtifact(
            f"{JOURNAL} is damaged: which of the files in {folder.name!r} count cannot be said.",
            next_action="Bring the folder back from a backup, and try again.",
        ) from None


def current(path: Path, folder: Path) -> Path:
    """The file that counts: the new one where an exchange was begun and has not reached this one yet."""
    inside = path.relative_to(folder).as_posix()
    return staged(path) if inside in begun(folder) and staged(path).is_file() else path


def exchange(new: Mapping[Path, bytes], *, folder: Path, old: Mapping[Path, str], check: Callable[[], None]) -> None:
    """Put ``new`` in the places of files with the digests ``old``; ``check`` sees the staged ones and may raise."""
    with translated(folder):
        try:
            for path, content in new.items():
                _write(staged(path), content, like=path)
            check()
            for path in new:
                if digest_of(path) != old[path]:
                    raise SourceChanged(f"{path.name} was changed by somebody else while it was being rewritten.")
        except BaseException:
            for path in new:
                staged(path).unlink(missing_ok=True)
            raise
        for home in {path.parent for path in new}:
            sync_folder(home)
        told = {path.relative_to(folder).as_posix(): hashlib.sha256(raw).hexdigest() for path, raw in new.items()}
        draft = folder / f"{STAGED}{JOURNAL}"
        _write(draft, json.dumps(told).encode(), like=next(iter(new)))
        os.replace(draft, folder / JOURNAL)
        sync_folder(folder)
    finish(folder, new)


def finish(folder: Path, known: Iterable[Path]) -> bool:
    """Bring an exchange that was begun to its end, and say whether there was one; only ``known`` files are touched."""
    told, paths = begun(folder), {path.relative_to(folder).as_posix(): path for path in known}
    if strange := set(told) - set(paths):
        raise DamagedArtifact(
            f"{JOURNAL} names {len(strange)} files that are none of the data's.",
            next_action="Somebody else wrote it: look at it, and remove it.",
        )
    with translated(folder):
        for name, digest in told.items():
            _put(paths[name], digest)
        for home in {paths[name].parent for name in told}:
            sync_folder(home)
        (folder / JOURNAL).unlink(missing_ok=True)
        sync_folder(folder)
    return bool(told)


def left_over(folder: Path) -> int:
    """Remove new files that no journal ever named; returns how many."""
    if begun(folder):
        return 0
    left = [path for path in folder.rglob(f"{STAGED}*") if path.is_file()]
    for path in left:
        path.unlink()
    return len(left)


def _put(path: Path, digest: str) -> None:
    new = staged(path)
    there = new if new.is_file() else path
    if not there.is_file() or digest_of(there) != digest:
        raise DamagedArtifact(
            f"{path.name} is not what was written when an exchange of files began.",
            next_action="Bring the folder back from a backup, and try again.",
        )
    if there is new:
        os.replace(new, path)


def _write(path: Path, content: bytes, *, like: Path) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), like.stat().st_mode & 0o7777)
        stream.flush()
        os.fsync(stream.fileno())
