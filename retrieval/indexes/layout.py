"""How an index lies in its folder, and how one generation replaces another in a single step.

::

    folder/CURRENT            names the generation that counts; swapped by rename
    folder/gen-000007/        index.faiss  chunks.jsonl  manifest.json
    folder/hidden.json        ids that no search returns
    folder/.changing          lock of whoever writes a generation

A folder without CURRENT (``index.faiss`` and ``chunks.jsonl`` side by side) is somebody else's: it is read as it is,
and replaced in place through a journal (``.replacing``) that says which finished files are still to be renamed.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.durable import sync_file, sync_folder, write_whole
from retrieval.errors import IndexBusy, IndexUnreadable, JournalDamaged
from retrieval.indexes import beside, documents, finishing, journal, numbered, seen
from retrieval.indexes.names import CHUNKS as CHUNKS
from retrieval.indexes.names import INDEX as INDEX
from retrieval.indexes.names import MANIFEST as MANIFEST
from retrieval.types import Json

_CURRENT, _JOURNAL, _LOCK, _PREFIX = "CURRENT", ".replacing", ".changing", "gen-"
_BESIDE = (".blocks", ".places", ".numbers")
_OURS = frozenset(
    (
        _CURRENT,
        _JOURNAL,
        journal.PENDING,
        MANIFEST,
        "hidden.json",
        seen.SEEN,
        "access.json",
        INDEX,
        *(INDEX + end for end in _BESIDE),
    )
) | {f"{Path(CHUNKS).stem}{suffix}{end}" for suffix in documents.KINDS for end in ("", *_BESIDE)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the current files are; ``plain`` when the folder has no generations."""

    folder: Path
    files: Path
    plain: bool
    manifest: Json = field(repr=False)

    @property
    def generation(self) -> int:
        """The number of the generation; 0 for a folder that was never ours."""
        written = 0 if self.plain else int(self.files.name.removeprefix(_PREFIX))
        return int(self.manifest.get("generation", written))

    @property
    def base(self) -> int:
        """The number of the generation whose files these are; those after it were made by changes in place."""
        return int(self.manifest.get("base", self.generation))


def current(folder: Path, *, damaged_too: bool = False) -> Place:
    """Return where the folder's current generation is; raises ``IndexUnreadable``.

    ``damaged_too`` accepts a folder whose manifest is missing or unreadable, for whoever builds it anew.
    """
    if not folder.is_dir():
        raise IndexUnreadable(f"Opening the index in {folder}: there is no such folder.")
    refuse_what_is_no_file(folder)
    if is_changing(folder):
        with changing(folder):
            _finish(folder)
    files = files_of(folder)
    if files != folder:
        refuse_what_is_no_file(files)
        return Place(folder, files, plain=False, manifest=_manifest(files, required=True, damaged_too=damaged_too))
    if (folder / INDEX).exists():
        documents.refuse_frameworks(folder)
        return Place(folder, folder, plain=True, manifest=_manifest(folder, required=False, damaged_too=damaged_too))
    raise IndexUnreadable(f"Opening the index in {folder}: neither {_CURRENT} nor {INDEX} is there; build it first.")


def refuse_what_is_no_file(folder: Path) -> None:
    """Raise ``IndexUnreadable`` for a pipe or a device by the name of one of our files: reading it would never end.

    Neither would faiss open a folder whose path is no text.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise IndexUnreadable(
            f"Opening the index in {str(folder)!a}: its path is not UTF-8, and faiss opens no such path; rename it."
        ) from None
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        odd = [each.name for each in entries if each.name in _OURS and not each.is_file() and os.path.exists(each.path)]
    if odd:
        raise IndexUnreadable(f"Opening the index in {folder}: {odd[0]} is no plain file; restore it from a copy.")


def _finish(folder: Path) -> None:
    """Carry out what was begun; what stops it is no matter of waiting, since nobody else is at it now."""
    try:
        finish_replacing(folder)
        finishing.finish(folder)
    except JournalDamaged:
        raise
    except IndexUnreadable as error:
        raise JournalDamaged(str(error)) from None
    except FileNotFoundError as error:
        missing = Path(error.filename).name if error.filename else "a file"
        raise JournalDamaged(
            f"Finishing a change of {folder}: {missing} is not there any more; restore the folder from a copy."
        ) from None


def _named(pointer: Path) -> str:
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(rf"{_PREFIX}\d{{6,}}", name):
        raise IndexUnreadable(
            f"Reading {pointer}: it names no generation; restore it, or remove it and rebuild the index."
        )
    return name


def files_of(folder: Path) -> Path:
    """Return where the current files are, with nothing finished or waited for; raises ``IndexUnreadable``."""
    pointer = folder / _CURRENT
    return folder / _named(pointer) if pointer.exists() else folder


def exists(folder: Path) -> bool:
    """Say whether the folder holds an index already."""
    return (folder / _CURRENT).exists() or (folder / INDEX).exists()


def stamp(folder: Path) -> tuple[int, ...]:
    """Return what changes whenever another generation becomes current, or the current one is changed in place."""
    for name in (_CURRENT, INDEX):
        seen = _seen(folder / name)
        if seen:
            return (*seen, *_seen(folder / journal.DONE))
    raise IndexUnreadable(f"Opening the index in {folder}: neither {_CURRENT} nor {INDEX} is there; build it first.")


def _seen(path: Path) -> tuple[int, ...]:
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        return ()
    return seen.st_ino, seen.st_mtime_ns


def _manifest(files: Path, *, required: bool, damaged_too: bool) -> Json:
    try:
        return _read_manifest(files, required=required)
    except IndexUnreadable:
        if damaged_too:
            return {}
        raise


def _read_manifest(files: Path, *, required: bool) -> Json:
    path = files / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        if required:
            raise IndexUnreadable(
                f"Opening the index in {files}: {MANIFEST} is missing; restore it or rebuild."
            ) from None
        return {}
    except ValueError as error:
        raise IndexUnreadable(f"Reading {path}: it is not JSON; restore it or rebuild the index.") from error
    if not isinstance(manifest, dict):
        raise IndexUnreadable(f"Reading {path}: it is not a manifest; restore it or rebuild the index.")
    return manifest


@contextmanager
def changing(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the folder for writing; the kernel frees it when the holder is killed."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise IndexBusy(f"Changing the index in {folder}: another process is at it; try again later.") from error
    finally:
        os.close(handle)


def fresh(folder: Path, number: int) -> Path:
    """Return an empty folder for a generation that does not count yet."""
    path = folder / f"{_PREFIX}{number:06d}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(folder: Path, generation: Path, *, plain: bool) -> None:
    """Make a finished generation the current one: before this it does not count, after it the old one does not."""
    for path in generation.iterdir():
        sync_file(path)
    sync_folder(generation)
    sync_folder(folder)
    if plain:
        write_whole(folder / _JOURNAL, generation.name.encode())
        finish_replacing(folder)
    else:
        write_whole(folder / _CURRENT, f"{generation.name}\n".encode())


def finish_replacing(folder: Path) -> None:
    """Carry out a journal of renames, from wherever it stopped; the caller holds the lock."""
    journal = folder / _JOURNAL
    if not journal.exists():
        return
    generation = folder / _named(journal)  # whoever wrote it: a generation of this folder, or nothing is touched
    if generation.is_symlink():
        raise IndexUnreadable(
            f"Finishing a change of {folder}: {generation.name} is a link and names no generation; nothing was done."
        )
    documents.carry_out_left(generation, folder)
    beside.forget(folder, generation)
    names = [path.name for path in generation.iterdir() if path.name != documents.STEP] if generation.is_dir() else []
    for name in sorted(names, key=lambda name: (name == INDEX, name)):  # the index last: it is what counts
        (generation / name).replace(folder / name)
    numbered.sidecar(folder / INDEX).unlink(missing_ok=True)  # of the file that was there before
    sync_folder(folder)
    journal.unlink()
    shutil.rmtree(generation, ignore_errors=True)
    sync_folder(folder)


def sweep(folder: Path) -> int:
    """Remove generations that do not count and half-written files; return how many. The caller holds the lock."""
    finish_replacing(folder)
    finishing.finish(folder)
    pointer = folder / _CURRENT
    keep = _named(pointer) if pointer.exists() else ""
    orphans = [path for path in folder.glob(f"{_PREFIX}*") if path.name != keep]
    beside = [path for files in {folder, folder / keep} for path in files.glob(".*.tmp")]
    for path in orphans:
        shutil.rmtree(path)
    for path in beside:
        path.unlink(missing_ok=True)
    if orphans or beside:
        sync_folder(folder)
    return len(orphans) + len(beside)


def is_changing(folder: Path) -> bool:
    """Say whether a change was written down that is not carried out yet."""
    return (folder / _JOURNAL).exists() or (folder / journal.PENDING).exists()
