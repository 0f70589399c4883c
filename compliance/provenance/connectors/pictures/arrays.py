"""IDX files and CIFAR-10's batches with their ids beside: rows are cut out of every file in one exchange.

The folder's ``train-ids`` and ``test-ids`` (txt, csv or parquet) name each row for good, in the data's order; a column
of a csv or parquet says whose the row is, other columns are words. Options: ``ids`` (which file the map means) and
``person`` (the column, ``person`` when left out). Files beside that hold the rows once more are named.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compliance.provenance.connectors import Place, Unread
from compliance.provenance.connectors.paths import refuse_second_names
from compliance.provenance.connectors.pictures import Picture, batches, numbered, swap
from compliance.provenance.connectors.pictures.batches import NO_ROWS, Batch
from compliance.provenance.connectors.pictures.numbered import Cell
from compliance.provenance.connectors.pictures.people import Line
from compliance.provenance.connectors.pictures.words import taken_apart
from compliance.provenance.connectors.rewriting import PREFIX, digest_of, translated
from compliance.rules.errors import ConfigurationError, DamagedArtifact, ProofFailed, without_identifiers
from unlearning.classifiers.data import cifar, ids, idx
from unlearning.errors import RowsError

PLAIN = (".csv", ".txt", ".md", ".json", ".yaml", ".yml")  # files whose bytes say all that is in them


def fits(folder: Path) -> bool:
    """Whether it holds IDX files or CIFAR-10's batches."""
    try:
        return idx.fits(folder) or cifar.fits(folder)
    except RowsError as error:
        raise DamagedArtifact(f"{error}.") from None


@dataclass(frozen=True)
class Slot(Picture):
    """A row of an array: its bytes are its label's and its pixels'."""

    batch: Batch = NO_ROWS
    place: int = 0  # in its batch
    number: int = 0  # in its part

    @property
    def raw(self) -> bytes:
        """Label and pixels, as they lie in the files."""
        pixels: bytes = self.batch.pixels[self.place].tobytes()
        return bytes([int(self.batch.labels[self.place])]) + pixels


class Shelf:
    """Arrays and ids, read once."""

    FORMAT, fixed = "arrays with ids", True

    def __init__(self, place: Place) -> None:
        self._place, self._folder = place, Path(place.location)
        self.unread: list[Unread] = []
        with self._in_words():
            self._batches = batches.of(self._folder, self._current) or {}
            self._listed = {part: self._ids(part) for part in ids.PARTS}
        self._digests = {path: digest_of(self._current(path)) for path in self._files()}
        self._column = {p: numbered.persons_column(one, self._option("person")) for p, one in self._listed.items()}
        self._names = {part: self._named(part) for part in ids.PARTS}
        self._cells = {part: [*self._cells_of(part)] for part in ids.PARTS}
        self._name_what_else_lies_there()

    def pictures(self) -> Iterator[Picture]:
        """Every row, in the data's order."""
        for part, found in self._batches.items():
            number = 0
            for batch in found:
                for place, label in enumerate(batch.labels.tolist()):
                    name = self._names[part][number]
                    yield Slot(name, str(label), batch.files[0], batch=batch, place=place, number=number)
                    number += 1

    def lines(self) -> list[Line]:
        """Who stands on a row, by the ids file."""
        return [cell.line for found in self._cells.values() for cell in found]

    def said(self, picture: Picture) -> str:
        """Words that ids file and batch have for a row, beside its person."""
        if not isinstance(picture, Slot):
            return ""
        part = "test" if picture.key.startswith(ids.HELD) else "train"
        told = taken_apart(picture.batch.words[picture.place]) if picture.batch.words else ""
        return f"{told} {numbered.beside(self._listed[part], picture.number, self._column[part])}".strip()

    def pixels(self, picture: Picture) -> Any:
        """Grey levels."""
        if not isinstance(picture, Slot):
            return None
        return picture.batch.pixels[picture.place].mean(axis=0).astype(np.uint8)

    def remove(self, keys: Collection[str]) -> None:
        """Cut rows, and blank persons, of these names out of every file at once; then nothing else has changed."""
        swap.finish(self._folder, self._files())
        new: dict[Path, bytes] = {}
        kept = {part: np.array([name not in keys for name in names], bool) for part, names in self._names.items()}
        for part, mask in kept.items():
            blank = {cell.place for cell in self._cells[part] if cell.line.key in keys and mask[cell.place]}
            new |= self._without(part, mask, blank)
        if not new:
            return
        for path in new:
            refuse_second_names(path, self._place)
        swap.exchange(new, folder=self._folder, old=self._digests, check=lambda: self._check(kept, new))

    def goes_with(self, keys: Collection[str]) -> set[str]:
        """Names of lines that stand on the rows of these names: they cannot stay without them."""
        return {cell.line.key for found in self._cells.values() for cell in found if cell.row in keys}

    def sweep(self) -> int:
        """Finish an exchange that a kill left, and remove files that none ever named; returns how many those were."""
        swap.finish(self._folder, self._files())
        return swap.left_over(self._folder)

    def _without(self, part: str, mask: np.ndarray, blank: set[int]) -> dict[Path, bytes]:
        new, number = dict[Path, bytes](), 0
        for batch in self._batches[part]:
            mine = mask[number : number + len(batch.labels)]
            number += len(batch.labels)
            if not mine.all():
                new |= batch.without(mine)
        if not mask.all() or blank:
            listed = self._listed[part]
            new[listed.path] = numbered.without(
                listed, mask, blank, self._column[part], current=self._current(listed.path)
            )
        return new

    def _check(self, kept: dict[str, np.ndarray], new: Collection[Path]) -> None:
        """``ProofFailed`` when the staged files do not hold all other rows, and their ids, unchanged and in order."""
        written = batches.of(self._folder, lambda path: swap.staged(path) if path in new else path) or {}
        for part, mask in kept.items():
            listed = self._listed[part]
            again = ids.listed(swap.staged(listed.path) if listed.path in new else listed.path)
            same = again.ids == tuple(i for i, stays in zip(listed.ids, mask, strict=True) if stays)
            for kind in ("labels", "pixels"):
                was, now = (np.concatenate([getattr(b, kind) for b in one[part]]) for one in (self._batches, written))
                same = same and np.array_equal(was[mask], now)
            if not same:
                raise ProofFailed(
                    f"{self._place.name}: the rewritten files do not hold all other rows unchanged; they were thrown "
                    "away.",
                    next_action="Nothing was changed. Report the format of these files: they cannot be rewritten.",
                )

    def _ids(self, part: str) -> ids.Listed:
        path = ids.file_of(self._folder, part)
        if path is None:
            raise ConfigurationError(
                f"{self._place.name}: its files name a row by its place, and no {part}-ids.txt, .csv or .parquet in "
                "the folder says which row is which: one that goes would rename all behind it.",
                remedy="Write both train-ids and test-ids, one id for each row in the data's order.",
            )
        if part == "train" and self._option("ids") not in ("", path.name):
            raise ConfigurationError(
                f"{self._place.name}: options.ids names no train-ids file that lies in the folder.",
                remedy=f"Write ids: {path.name}, or leave it out.",
            )
        found = replace(ids.listed(self._current(path)), path=path)
        ids.agree(found, sum(len(batch.labels) for batch in self._batches[part]), part)
        return found

    def _named(self, part: str) -> tuple[str, ...]:
        listed = self._listed[part].ids
        return tuple(f"{ids.HELD}{i}" for i in listed) if part == "test" else listed

    def _cells_of(self, part: str) -> Iterator[Cell]:
        return numbered.cells(self._listed[part], self._names[part], self._column[part])

    def _files(self) -> list[Path]:
        data = [path for found in self._batches.values() for batch in found for path in batch.files]
        return [*data, *(one.path for one in self._listed.values())]

    def _current(self, path: Path) -> Path:
        return swap.current(path, self._folder)

    def _option(self, name: str) -> str:
        return str(self._place.options.get(name) or "")

    def _name_what_else_lies_there(self) -> None:
        known = {*self._files(), *(path.parent / name for path in self._files() for name in batches.BESIDE)}
        for folder, inner, names in os.walk(self._folder):
            for name in [*names, *(each for each in inner if Path(folder, each).is_symlink())]:
                path = Path(folder, name)
                plain = path.is_file() and not path.is_symlink()
                if plain and (path in known or path.suffix.lower() in PLAIN or name.startswith(PREFIX)):
                    continue
                inside = path.relative_to(self._folder).as_posix().encode("utf-8", "backslashreplace").decode()
                shown = without_identifiers(inside)
                why = f"{self._place.name}: {shown} is none of the data's files; it may hold the rows once more."
                self.unread.append(Unread(shown, why, "Move it out of the folder, or register it as its own place."))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            with translated(self._folder):
                yield
        except RowsError as error:
            raise DamagedArtifact(f"{self._place.name}: {error}.") from None
