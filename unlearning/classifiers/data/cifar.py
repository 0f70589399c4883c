"""CIFAR-10's published batches: the binary ones (a label byte, then 3 x 32 x 32 bytes a row) and the pickled ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unlearning.classifiers.data import DataSet, ids, pickled
from unlearning.errors import RowsError

TRAIN = tuple(f"data_batch_{n}" for n in range(1, 6))
TEST = "test_batch"
WIDTH = 1 + 3 * 32 * 32
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz")


def _home(folder: Path) -> tuple[Path, str] | None:
    """Where test and training batches lie, and how their names end: binary ones first, for they need no care."""
    for inner, ending in (("cifar-10-batches-bin", ".bin"), ("cifar-10-batches-py", "")):
        for home in (folder / inner, folder):
            if (home / (TEST + ending)).is_file() and any((home / (name + ending)).is_file() for name in TRAIN):
                return home, ending
    return None


def fits(folder: Path) -> bool:
    """Whether at least one batch and the test batch are there; RowsError where they are still packed."""
    if _home(folder) is None and any((folder / name).is_file() for name in ARCHIVES):
        raise RowsError(f"opening {folder}: CIFAR-10 is still packed; unpack its tar.gz in this folder first")
    return _home(folder) is not None


def read(folder: Path) -> DataSet:
    """Pixels from 0 to 1, [n, 3, 32, 32]; both versions hold the same rows, which get the same ids."""
    from unlearning.classifiers.examples import of_pixels  # whoever only cuts the files needs no model library

    files = files_of(folder)
    parts = {part: np.concatenate([rows(path) for path in paths]) for part, paths in files.items()}
    names = ids.names_of(folder, {part: len(found) for part, found in parts.items()})
    train, test = (
        of_pixels(found[:, 1:].reshape(-1, 3, 32, 32), found[:, 0], names[part], 10) for part, found in parts.items()
    )
    if not len(train) or not len(test):
        raise RowsError(f"reading {folder.name}: its batches hold no row to learn from, or none to test with")
    return DataSet(train, test, NAMES)


def files_of(folder: Path) -> dict[str, list[Path]]:
    """The batches of each part, in the order of their rows."""
    home, ending = _home(folder) or (folder, ".bin")
    train = [path for name in TRAIN if (path := home / (name + ending)).is_file()]
    return {"train": train, "test": [home / (TEST + ending)]}


def rows(path: Path) -> np.ndarray:
    """A batch as [n, WIDTH] bytes, the label first; RowsError for a damaged or foreign file."""
    return _plain_rows(path) if path.suffix == ".bin" else _pickled_rows(path)


def _plain_rows(path: Path) -> np.ndarray:
    raw = np.fromfile(path, np.uint8)
    if len(raw) % WIDTH:
        raise RowsError(f"reading {path.name}: its size is no multiple of {WIDTH} bytes; it is cut short or foreign")
    found = raw.reshape(-1, WIDTH)
    if len(found) and int(found[:, 0].max()) > 9:
        raise RowsError(f"reading {path.name}: a label above 9; this is not CIFAR-10's binary format")
    return found


def _pickled_rows(path: Path) -> np.ndarray:
    """The same rows [n, WIDTH] out of a pickled batch, which is read and never unpickled."""
    held = pickled.values(path)
    facts = {_word(key): value for key, value in held.items()} if isinstance(held, dict) else {}
    pixels, labels = facts.get("data"), facts.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (WIDTH - 1,):
        raise RowsError(
            f"reading {path.name}: no `data` of {WIDTH - 1} bytes a row in it; this is no batch of CIFAR-10"
        )
    listed = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(listed, list) or len(listed) != len(pixels):
        raise RowsError(f"reading {path.name}: it needs one label a row in `labels`; it is cut short or foreign")
    if not all(type(label) is int and 0 <= label <= 9 for label in listed):
        raise RowsError(f"reading {path.name}: `labels` are whole numbers from 0 to 9 in CIFAR-10")
    return np.concatenate([np.array(listed, dtype=np.uint8)[:, None], pixels], axis=1)


def _word(key: str | bytes) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else key
