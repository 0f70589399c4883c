"""Pictures that a classifier learns from, by the format they are kept in: which rows there are, and how rows go.

A row is named as ``unlearning classifier`` names it (``cat/0001.png``, ``train-00012``), and a row that goes renames no
other. Which row is whose stands in a people file beside. To add a format: a module with ``fits`` and ``Shelf``, a name
in ``TABLE``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, cast

from compliance.provenance.connectors import Place, Unread
from compliance.provenance.connectors.rewriting import translated
from compliance.rules.errors import ModelUnreadable, SourceUnreachable

if TYPE_CHECKING:
    from compliance.provenance.connectors.pictures.people import Line

TEST = "test"  # how names of rows begin that no model learns from


@dataclass(frozen=True)
class Picture:
    """One row: its name, its class, and where its bytes lie (a file, or a part of one)."""

    key: str
    label: str
    path: Path
    start: int = 0
    size: int = -1

    @property
    def raw(self) -> bytes:
        """The row's exact bytes."""
        with translated(self.path), self.path.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.size)


class Shelf(Protocol):
    """One data folder as it is now."""

    FORMAT: str
    unread: list[Unread]
    fixed: bool  # whether the folder says which rows are learned from and which are held out

    def pictures(self) -> Iterator[Picture]:
        """Every row, in the order in which a classifier reads them."""

    def lines(self) -> list[Line]:
        """Who stands on which row, as the data themselves say it."""

    def said(self, picture: Picture) -> str:
        """The words that a picture carries beside its pixels; empty where the format has none."""

    def pixels(self, picture: Picture) -> Any:
        """Grey levels [height, width] (uint8) of a picture; ``None`` when it cannot be read."""

    def remove(self, keys: Collection[str]) -> None:
        """Take rows and lines out, so that a kill leaves each of them whole or gone."""

    def goes_with(self, keys: Collection[str]) -> set[str]:
        """Names of lines that cannot stay without the rows of these names."""

    def sweep(self) -> int:
        """Remove what a killed rewrite left; returns how many files."""


TABLE: Mapping[str, str] = {  # in the order in which a classifier asks
    "arrays": "compliance.provenance.connectors.pictures.arrays",
    "folders": "compliance.provenance.connectors.pictures.folders",
}


def shelf_of(place: Place) -> Shelf:
    """The folder of a place by what it holds; ``ModelUnreadable`` when it is none of the known formats."""
    folder = Path(place.location)
    if not folder.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no folder {folder.name!r}.")
    for module in map(resolve_name, TABLE.values()):
        if module.fits(folder):
            return cast(Shelf, module.Shelf(place))
    raise ModelUnreadable(
        f"{place.name}: the folder {folder.name!r} holds no pictures in a folder a class.",
        next_action="Give the folder with train/ and test/ that a classifier learns from, or IDX files or CIFAR "
        "batches with their ids beside.",
    )


def is_training(key: str) -> bool:
    """Whether a model learns from the row of this name; a class may be called ``test``: what is held out has more."""
    return not (key.startswith(f"{TEST}/") and key.count("/") > 1)
