"""CIFAR-10's published binary batches: one label byte, then 3 x 32 x 32 bytes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples
from unlearning.errors import RowsError

TRAIN = tuple(f"data_batch_{n}.bin" for n in range(1, 6))
TEST = "test_batch.bin"
WIDTH = 1 + 3 * 32 * 32
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _home(folder: Path) -> Path:
    inner = folder / "cifar-10-batches-bin"
    return inner if inner.is_dir() else folder


def fits(folder: Path) -> bool:
    """Whether at least one batch and the test batch are there."""
    home = _home(folder)
    return (home / TEST).is_file() and any((home / name).is_file() for name in TRAIN)


def read(folder: Path) -> DataSet:
    """Pixels from 0 to 1, [n, 3, 32, 32]."""
    home = _home(folder)
    train = np.concatenate([_rows(home / name) for name in TRAIN if (home / name).is_file()])
    return DataSet(_examples(train, "train"), _examples(_rows(home / TEST), "test"), NAMES)


def _rows(path: Path) -> np.ndarray:
    raw = np.fromfile(path, np.uint8)
    if not len(raw) or len(raw) % WIDTH:
        raise RowsError(f"reading {path.name}: its size is no multiple of {WIDTH} bytes; it is cut short or foreign")
    rows = raw.reshape(-1, WIDTH)
    if int(rows[:, 0].max()) > 9:
        raise RowsError(f"reading {path.name}: a label above 9; this is not CIFAR-10's binary format")
    return rows


def _examples(rows: np.ndarray, part: str) -> Examples:
    features = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255.0)
    ids = tuple(f"{part}-{n:05d}" for n in range(len(rows)))
    return Examples(features, torch.from_numpy(rows[:, 0].astype(np.int64)), ids, 10)
