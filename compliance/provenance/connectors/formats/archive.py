"""ZIP: the records of every member, each read by its own format; members that stay are copied with their contents.

Members are unpacked one at a time into a private folder under names of our own, so that no member's name decides where
anything is written. Sizes are counted while unpacking: what the archive says of itself is not believed.
"""

from __future__ import annotations

import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, PartUnread, load
from compliance.provenance.connectors.formats.streams import decoded_cap, too_much
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import ConfigurationError, DamagedArtifact

_MEMBERS, _DEPTH, _PIECE = 100_000, 2, 1 << 20
_LONGEST_ENDING = 16
_FORMAT, _KIND = "\x00format", "kind"
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, UnicodeDecodeError, OSError)


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every record of every member; ``PartUnread`` at the end names members that cannot be read."""
    with _opened(path, place) as archive, _folder() as folder:
        passed_over: list[str] = []
        for member, file in _members(archive, path, folder, place):
            try:
                reader = load(file, place)
                for row in reader.rows(file, _deeper(place)):
                    yield _of_member(row, member, reader)
            except (ConfigurationError, DamagedArtifact):
                passed_over.append(member.filename)
        if passed_over:
            raise PartUnread(
                f"{path.name}: {len(passed_over)} of its members could not be read: {', '.join(passed_over[:5])}.",
                next_action="Unpack them, and register what is in them in a format that can be read.",
            )


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The record with other texts, by its member's own format."""
    inner = replace(row, value=row.value["value"])
    new: Row = row.value[_KIND].redacted(inner, changes, place)
    return replace(new, value={**row.value, "value": new.value}, where=row.where)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write the archive again; a member that was nothing but the person's record is left out."""
    with (
        _opened(path, place) as archive,
        _folder() as folder,
        zipfile.ZipFile(target, "w", allowZip64=True) as out,
    ):
        out.comment = archive.comment
        for member, file in _members(archive, path, folder, place, empty=True):
            _copy(member, file, out, place=_deeper(place), edit=edit)


def _copy(member: zipfile.ZipInfo, file: Path, out: zipfile.ZipFile, *, place: Place, edit: Edit) -> None:
    if member.is_dir() or not file.stat().st_size:
        out.writestr(member, b"")
        return
    new, had, kept = file.with_suffix(".new"), 0, 0

    def inner(row: Row) -> Row | None:
        nonlocal had, kept
        after = edit(_of_member(row, member, reader))
        had, kept = had + 1, kept + (after is not None)
        return None if after is None else replace(after, value=after.value["value"])

    try:
        reader: Any = load(file, place)
        reader.rewrite(file, new, place, inner)
        if had and not kept and getattr(reader, "WHOLE", False):
            return
    except (ConfigurationError, DamagedArtifact):
        # It could not be read either, so nothing in it was found: it stays what it is.
        new = file
    info = zipfile.ZipInfo(member.filename, member.date_time)
    info.compress_type, info.external_attr, info.comment = member.compress_type, member.external_attr, member.comment
    with out.open(info, "w", force_zip64=True) as stream, new.open("rb") as source:
        shutil.copyfileobj(source, stream, _PIECE)


def _of_member(row: Row, member: zipfile.ZipInfo, reader: Any) -> Row:
    return replace(row, value={"value": row.value, _KIND: reader}, where=f"{member.filename}: {row.where}")


@contextmanager
def _opened(path: Path, place: Place) -> Iterator[zipfile.ZipFile]:
    if place.options.get(_FORMAT, 0) >= _DEPTH:
        raise DamagedArtifact(f"{path.name}: archives in archives in archives are not opened.")
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > _MEMBERS:
                raise DamagedArtifact(f"{path.name}: more than {_MEMBERS} members.")
            yield archive
    except _BROKEN as error:
        raise DamagedArtifact(
            f"{path.name}: the archive is damaged, locked with a password, or no archive ({type(error).__name__}).",
            next_action="Unpack it yourself and register what is in it, or restore it from its owner's copy.",
        ) from None


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oubli-zip-") as name:
        yield Path(name)


def _members(
    archive: zipfile.ZipFile, path: Path, folder: Path, place: Place, *, empty: bool = False
) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    total = 0
    for number, member in enumerate(archive.infolist()):
        file = folder / f"{number}" / f"m{_ending(member.filename)}"
        file.parent.mkdir()
        total += _unpack(archive, member, file, path=path, place=place, before=total)
        if empty or file.stat().st_size:
            yield member, file
        shutil.rmtree(file.parent)


def _ending(name: str) -> str:
    """What the format is known by; an ending longer than any format's would be no name that a disk takes."""
    return "".join(suffix for suffix in Path(name).suffixes[-2:] if len(suffix) <= _LONGEST_ENDING)


def _unpack(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, *, path: Path, place: Place, before: int
) -> int:
    done, cap = 0, decoded_cap(path, place)
    with file.open("wb") as out:
        if member.is_dir():
            return 0
        with archive.open(member) as stream:
            while piece := stream.read(_PIECE):
                done += len(piece)
                if before + done > cap:
                    raise too_much(path, cap)
                out.write(piece)
    return done


def _deeper(place: Place) -> Place:
    return replace(place, options={**place.options, _FORMAT: place.options.get(_FORMAT, 0) + 1})
