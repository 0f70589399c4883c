"""From a location to files: one file, a folder, or a pattern; links that lead elsewhere are refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.rewriting import translated
from compliance.rules.errors import NotAllowed, SourceUnreachable


def files_of(place: Place) -> list[Path]:
    """The files of a place in a fixed order; ``SourceUnreachable`` when there is none."""
    with translated(Path(place.location)):
        found = sorted(path for path in _candidates(place) if not _hidden(path, base_of(place)))
    if not found:
        raise SourceUnreachable(f"{place.name}: no file at {Path(place.location).name!r}.")
    for path in found:
        _refuse_links(path, base_of(place), place)
    return found


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
        for folder, inner, names in os.walk(location):
            yield from (Path(folder, name) for name in names)
            # A walk does not enter linked folders: passing over one would call what lies there searched.
            yield from (path for name in inner if (path := Path(folder, name)).is_symlink())
    elif any(_is_pattern(part) for part in location.parts):
        base = base_of(place)
        yield from (path for path in base.glob(str(location.relative_to(base))) if path.is_file() or path.is_symlink())
    elif os.path.lexists(location):
        yield location


def _hidden(path: Path, base: Path) -> bool:
    return path != base and any(part.startswith(".") for part in path.relative_to(base).parts)


def _refuse_links(path: Path, base: Path, place: Place) -> None:
    if path.is_symlink() or not path.resolve().is_relative_to(base.resolve()):
        raise NotAllowed(
            f"{place.name}: {path.name} is a link, or lies outside the registered folder.",
            next_action="Register the file that the link points to as a place of its own, and remove the link.",
        )


def _is_pattern(part: str) -> bool:
    return any(character in part for character in "*?[")
