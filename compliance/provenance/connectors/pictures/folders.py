"""Image files in a folder a class, below ``train/`` and ``test/`` or without that parting.

Without the two folders a classifier holds out a fifth of its own choice, and the folder does not say which.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from compliance.provenance.connectors import Place, Unread
from compliance.provenance.connectors.paths import refuse_second_names
from compliance.provenance.connectors.pictures import TEST, Picture
from compliance.provenance.connectors.pictures.people import Line
from compliance.provenance.connectors.pictures.words import in_words
from compliance.provenance.connectors.rewriting import PREFIX, sync_folder, translated
from compliance.rules.errors import without_identifiers

KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
READ = ("PNG", "JPEG", "BMP", "WEBP")  # whatever a name promises: other formats start other programs
PLAIN = (".csv", ".txt", ".md", ".json", ".yaml", ".yml", "")  # files whose bytes say all that is in them
MOST_PIXELS, MOST_WORDS = 50_000_000, 1 << 24
_EXIF = (0x8769, 0x8825)  # of the camera, with comments and its owner, and of the place
_BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
_MOVE = "Move it out of the folder, or register it as a place of its own."


def fits(folder: Path) -> bool:
    """Whether a folder of a class holds an image."""
    home = folder / "train" if (folder / "train").is_dir() else folder
    return any(path.suffix.lower() in KINDS for path in home.glob("*/*"))


class Shelf:
    """A folder of image files, listed once."""

    FORMAT = "image files"

    def __init__(self, place: Place) -> None:
        self._place, self._folder = place, Path(place.location)
        self.fixed = (self._folder / "train").is_dir() and (self._folder / TEST).is_dir()
        self.unread: list[Unread] = []
        with translated(self._folder):
            self._found = {picture.key: picture for picture in sorted(self._listed(), key=lambda one: one.key)}

    def pictures(self) -> Iterator[Picture]:
        """Every row, by name."""
        return iter(self._found.values())

    def said(self, picture: Picture) -> str:
        """Texts in the file's head: comments, author, description."""
        try:
            with Image.open(picture.path, formats=READ) as image:
                told = _told(image)
        except _BROKEN:
            self._cannot(picture.key, "is damaged, too large, or no image.")
            return ""
        words = " ".join(dict.fromkeys(in_words(told)))
        if len(words) > MOST_WORDS:
            self._cannot(picture.key, "says more in words than is read.")
        return words[:MOST_WORDS]

    def pixels(self, picture: Picture) -> Any:
        """Grey levels, of a size that is cheap to unpack."""
        try:
            with Image.open(picture.path, formats=READ) as image:
                if image.width * image.height > MOST_PIXELS:
                    return None
                image.draft("L", (64, 64))
                return np.asarray(image.convert("L"))
        except _BROKEN:
            return None

    def remove(self, keys: Collection[str]) -> None:
        """Unlink the files; a file with a second name stops it before anything is gone."""
        going = [self._found[key].path for key in keys if key in self._found]
        for path in going:
            refuse_second_names(path, self._place)
        for path in going:
            with translated(path):
                path.unlink(missing_ok=True)
        for folder in {path.parent for path in going}:
            sync_folder(folder)
            with suppress(OSError):  # a class goes with its last picture: its folder may be called after the person
                folder.rmdir()
                sync_folder(folder.parent)

    def lines(self) -> list[Line]:
        """Nobody: only the people file says who stands on a picture."""
        return []

    def goes_with(self, keys: Collection[str]) -> set[str]:
        """Nothing: a line of the people file about a picture that is gone stays until its person goes."""
        return set()

    def sweep(self) -> int:
        """Nothing: files are unlinked one by one."""
        return 0

    def _listed(self) -> Iterator[Picture]:
        homes = ("train", TEST) if self.fixed else ("",)
        for folder, inner, names in os.walk(self._folder):
            for name in [*names, *(each for each in inner if Path(folder, each).is_symlink())]:
                path = Path(folder, name)
                if picture := self._picture(path, homes):
                    yield picture

    def _picture(self, path: Path, homes: tuple[str, ...]) -> Picture | None:
        """The row in a file; ``None`` for what is no row, told apart by whether its bytes can be searched."""
        inside = path.relative_to(self._folder)
        home = inside.parts[0] if len(homes) > 1 else ""
        row = Path(*inside.parts[1:]) if home in homes and home else inside
        if not _nameable(str(inside)):
            self._cannot("a file", "has a name that is no text of one line.")
        elif path.is_symlink() or not path.is_file():
            self._cannot(str(inside), "is a link or no plain file.")
        elif path.suffix.lower() not in KINDS:
            if path.suffix.lower() not in PLAIN and not path.name.startswith(PREFIX):
                self._cannot(str(inside), "is no picture; it may have been computed from some.")
        elif home not in homes or len(row.parts) != 2 or row.parts[0].startswith("."):
            self._cannot(str(inside), "is a picture that no classifier reads: it lies in no folder of a class.")
        else:
            return Picture(f"{TEST}/{row.as_posix()}" if home == TEST else row.as_posix(), row.parts[0], path)
        return None

    def _cannot(self, name: str, why: str) -> None:
        shown = without_identifiers(name.encode("utf-8", "backslashreplace").decode())
        part = Unread(shown, f"{self._place.name}: {shown} {why}", _MOVE)
        if part not in self.unread:
            self.unread.append(part)


def _told(image: Image.Image) -> list[Any]:
    """Every value beside the pixels; a PNG may carry texts behind them, so that it is read to its end."""
    if image.format == "PNG" and image.width * image.height <= MOST_PIXELS:
        image.load()
    exif = image.getexif()
    return [*image.info.values(), *exif.values(), *(v for part in _EXIF for v in exif.get_ifd(part).values())]


def _nameable(name: str) -> bool:
    return name.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in name)
