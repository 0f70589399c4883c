"""Data sets by format, all of them local: IDX (MNIST), CIFAR-10's batches, folders of images, tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from unlearning.errors import RowsError

if TYPE_CHECKING:  # what only reads and cuts files of pixels does without a model library
    from unlearning.classifiers.examples import Examples


@dataclass(frozen=True)
class DataSet:
    """Training and test examples, and what the labels are called."""

    train: Examples
    test: Examples
    names: tuple[str, ...]
    classes_are_folders: bool = False  # so that one goes with its last image


def open_folder(folder: Path) -> DataSet:
    """Whatever the folder holds, by its files; RowsError when it is none of the known formats."""
    from unlearning.classifiers.data import cifar, idx, images

    if not folder.is_dir():
        raise RowsError(f"opening {folder}: there is no such folder")
    for reader in (idx, cifar, images):
        if reader.fits(folder):
            return cast(DataSet, reader.read(folder))
    raise RowsError(
        f"opening {folder}: no IDX files, CIFAR-10 batches or folders of images in it; tables are read by their schema"
    )
