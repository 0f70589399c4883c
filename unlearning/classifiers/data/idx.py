"""MNIST's IDX format: big-endian header, then bytes; plain or gzip. Ids may stand in files beside."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from unlearning.classifiers.data import DataSet, ids
from unlearning.errors import RowsError

STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
MOST = 1 << 31  # bytes a file may unpack to


def fits(folder: Path) -> bool:
    """Whether the four files are there."""
    return all(find(folder, stem) is not None for stem in STEMS)


def read(folder: Path) -> DataSet:
    """Pixels from 0 to 1, [n, 1, height, width]."""
    from unlearning.classifiers.examples import of_pixels  # whoever only cuts the files needs no model library

    parts = [array(path) for stem in STEMS if (path := find(folder, stem)) is not None]
    if not all(len(part) for part in parts) or [part.ndim for part in parts] != [3, 1, 3, 1]:
        raise RowsError(
            f"reading {folder.name}: its files must hold images (three dimensions) and labels, some of each"
        )
    for pixels, labels, stem in ((parts[0], parts[1], STEMS[0]), (parts[2], parts[3], STEMS[2])):
        if len(pixels) != len(labels):
            raise RowsError(
                f"reading {folder.name}: {stem} holds {len(pixels):,} images, and there are {len(labels):,} labels"
            )
    classes = max(10, int(parts[1].max()) + 1, int(parts[3].max()) + 1)
    names = ids.names_of(folder, {"train": len(parts[0]), "test": len(parts[2])})
    return DataSet(
        of_pixels(parts[0][:, None], parts[1], names["train"], classes),
        of_pixels(parts[2][:, None], parts[3], names["test"], classes),
        tuple(map(str, range(classes))),
    )


def find(folder: Path, stem: str) -> Path | None:
    """The file of that name, packed, or with a dot as some write it."""
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx")):
        if (folder / name).is_file():
            return folder / name
    return None


def array(path: Path) -> np.ndarray:
    """The unsigned bytes of an IDX file in their shape; RowsError for a damaged or foreign file."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            raw = stream.read(MOST + 1)
    except (OSError, EOFError, zlib.error):
        raise RowsError(f"reading {path.name}: it is cut short or damaged; fetch it again") from None
    if len(raw) < 8 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4:
        raise RowsError(f"reading {path.name}: this is no IDX file of bytes")
    dimensions = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * k : 8 + 4 * k], "big") for k in range(dimensions)]
    if math.prod(shape) != len(raw) - 4 - 4 * dimensions:
        raise RowsError(f"reading {path.name}: its header promises {math.prod(shape)} bytes, it has another number")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
