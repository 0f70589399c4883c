"""A folder of images: one folder a class, below `train/` and `test/` or with every fifth image held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples
from unlearning.errors import RowsError

KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SIDE = 32
Image.MAX_IMAGE_PIXELS = 50_000_000  # a bomb is refused before it is unpacked


def fits(folder: Path) -> bool:
    """Whether a folder of a class holds an image."""
    home = folder / "train" if (folder / "train").is_dir() else folder
    return any(path.suffix.lower() in KINDS for path in home.glob("*/*"))


def read(folder: Path) -> DataSet:
    """Pixels from 0 to 1, scaled to 32 x 32, [n, 3, 32, 32]; ids are relative paths."""
    parted = (folder / "train").is_dir() and (folder / "test").is_dir()
    home = folder / "train" if parted else folder
    names = tuple(sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(names) < 2:
        raise RowsError(f"reading {folder}: classes are folders, and there are fewer than two")
    found = _list(home, names)
    if parted:
        return DataSet(
            _examples(home, found, names), _examples(folder / "test", _list(folder / "test", names), names), names
        )
    train = [pair for n, pair in enumerate(found) if n % 5]
    return DataSet(_examples(home, train, names), _examples(home, found[::5], names), names)


def _list(home: Path, names: tuple[str, ...]) -> list[tuple[Path, int]]:
    return [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted((home / name).glob("*"))
        if path.suffix.lower() in KINDS and not path.is_symlink()
    ]


def _examples(home: Path, found: list[tuple[Path, int]], names: tuple[str, ...]) -> Examples:
    if not found:
        raise RowsError(f"reading {home}: no images in the folders of the classes")
    pixels = np.stack([_pixels(path) for path, _ in found])
    features = torch.from_numpy(pixels.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous()
    ids = tuple(path.relative_to(home).as_posix() for path, _ in found)
    return Examples(features, torch.tensor([label for _, label in found]), ids, len(names))


def _pixels(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise RowsError(f"reading an image of class {path.parent.name}: it is damaged, too large or no image") from None
