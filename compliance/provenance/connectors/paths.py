"""From a location to files: one file, a folder, or a pattern; links that lead elsewhere are refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.rewriting import PREFIX, SUFFIX, translated
from compliance.rules.errors import NotAllowed, SourceUnreachable


@dataclass(frozen=True)
class Listing:
    """The plain files of a place in a fixed order, and what lies there and is none: links, pipes, devices."""

    paths: list[Path]
    refused: list[NotAllowed]


def listing_of(place: Place) -> Listing:
    """What lies at a place, hidden files too; ``SourceUnreachable`` when that is nothing, a refusal when only links."""
    base = base_of(place)
    with translated(Path(place.location)):
        found = sorted(path for path in _candidates(place) if not _ours(path))
        refused = [error for path in found if (error := _refusal(path, base, place))]
        paths = [path for path in found if not _refusal(path, base, place)]
    if not found:
        raise SourceUnreachable(f"{place.name}: no file at {Path(place.location).name!r}.")
    if not paths:
        raise refused[0]
    return Listing(paths, refused)


def files_of(place: Place) -> list[Path]:
    """The plain files of a place."""
    return listing_of(place).paths


def base_of(place: Place) -> Path:
    """The folder that a location may not leave."""
    location = Path(place.location)
    if location.is_dir():
        return location
    parts = location.parts
    plain = next((index for index, part in enumerate(parts) if _is_pattern(part)), len(parts) - 1)
    return Path(*parts[:plain])


def refuse_second_names(path: Path, place: Place) -> None:
    """A file with a second hard link cannot be erased by rewriting: the other name would keep the old bytes."""
    if path.stat().st_nlink > 1:
        raise NotAllowed(
            f"{place.name}: {path.name} has another name (a hard link), which would keep the old bytes.",
            next_action="Remove the other name or copy it apart, register it as a place of its own, and continue.",
        )


def _candidates(place: Place) -> Iterator[Path]:
    location = Path(place.location)
    if location.is_symlink():
        yield location
    elif location.is_dir():
        closed: list[Path] = []
        for folder, inner, names in os.walk(location, onerror=lambda error: closed.append(Path(str(error.filename)))):
            yield from (Path(folder, name) for name in names)
            # A walk does not enter linked folders: passing over one would call what lies there searched.
            yield from (path for name in inner if (path := Path(folder, name)).is_symlink())
        # Nor one that it may not read: the folder itself then stands for what lies in it.
        yield from closed
    elif any(_is_pattern(part) for part in location.parts):
        base = base_of(place)
        yield from (
            path for path in base.glob(str(location.relative_to(base))) if not path.is_dir() or path.is_symlink()
        )
    elif os.path.lexists(location):
        yield location


def _ours(path: Path) -> bool:
    """Whether it is a half-written copy of our own, which ``purge`` removes."""
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)


def _refusal(path: Path, base: Path, place: Place) -> NotAllowed | None:
    if path.is_symlink() or not path.resolve().is_relative_to(base.resolve()):
        return NotAllowed(
            f"{place.name}: {path.name} is a link, or lies outside the registered folder.",
            next_action="Register the file that the link points to as a place of its own, and remove the link.",
        )
    if path.is_dir():
        return NotAllowed(
            f"{place.name}: the folder {path.name} cannot be read, so nothing in it was searched.",
            next_action="Let the worker's account read it, or register a pattern that leaves it out.",
        )
    if not path.is_file():
        return NotAllowed(
            f"{place.name}: {path.name} is no plain file (a pipe, socket or device).",
            next_action="Remove it from the folder, or register a pattern that leaves it out.",
        )
    return None


def _is_pattern(part: str) -> bool:
    return any(character in part for character in "*?[")
