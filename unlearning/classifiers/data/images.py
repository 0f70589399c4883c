"""A folder of images: one folder a class, below `train/` and `test/` or with about every fifth image held out.

What is held out is decided by a hash of each image's path, so that it stays where it is when others are deleted.
File names and classes may name people: what is said of a file is its place in order of name, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples
from unlearning.errors import RowsError

KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
READ = ("PNG", "JPEG", "BMP", "WEBP")  # whatever a name promises: other formats start other programs
SIDE, HELD_OUT = 32, 5
Image.MAX_IMAGE_PIXELS = 50_000_000  # a bomb is refused before it is unpacked


def fits(folder: Path) -> bool:
    """Whether a folder of a class holds an image."""
    home = folder / "train" if (folder / "train").is_dir() else folder
    return any(path.suffix.lower() in KINDS for path in home.glob("*/*"))


def read(folder: Path) -> DataSet:
    """Pixels from 0 to 1, scaled to 32 x 32, [n, 3, 32, 32]; ids are relative paths. An empty folder is no class."""
    parted = (folder / "train").is_dir() and (folder / "test").is_dir()
    home = folder / "train" if parted else folder
    found = _classes(home)
    names = tuple(found)
    if len(names) < 2:
        raise RowsError(f"reading {folder}: classes are folders of images, and there are fewer than two")
    if parted:
        held = _classes(folder / "test")
        strange = len(set(held) - set(names))
        if strange or not held:
            raise RowsError(
                f"reading {folder}: test/ has no image, or classes ({strange}) that train/ has not; align them"
            )
        beside = {name: held.get(name, []) for name in names}
        held_out = _examples(folder / "test", beside, names)
        held_out = replace(held_out, ids=tuple(f"test/{i}" for i in held_out.ids))  # a name may stand in both
        return DataSet(_examples(home, found, names), held_out, names, classes_are_folders=True)
    split = {name: [_held(path.relative_to(home)) for path in paths] for name, paths in found.items()}
    train, test = (
        {name: [path for path, out in zip(found[name], split[name], strict=True) if out == part] for name in names}
        for part in (False, True)
    )
    empty = sum(not train[name] for name in names)
    if empty or not any(test.values()):
        raise RowsError(
            f"reading {folder}: too few images to hold some out ({empty} classes would be left without); put some of"
            " each class into folders below test/ and the others below train/"
        )
    return DataSet(_examples(home, train, names), _examples(home, test, names), names, classes_are_folders=True)


def _held(path: Path) -> bool:
    digest = hashlib.blake2b(f"held out {path.as_posix()}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % HELD_OUT == 0


def _classes(home: Path) -> dict[str, list[Path]]:
    """Images by class, both in order of name."""
    found = {
        folder.name: [path for path in sorted(folder.iterdir()) if path.suffix.lower() in KINDS and path.is_file()]
        for folder in sorted(home.iterdir())
        if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith(".")
    }
    kept = {name: [path for path in paths if not path.is_symlink()] for name, paths in found.items()}
    return {name: paths for name, paths in kept.items() if paths}


def _examples(home: Path, found: dict[str, list[Path]], names: tuple[str, ...]) -> Examples:
    pixels, labels, ids = [], [], []
    for label, name in enumerate(names):
        for path in found[name]:
            pixels.append(_pixels(path, label))
            labels.append(label)
            ids.append(os.fsencode(path.relative_to(home).as_posix()).decode("utf-8", "backslashreplace"))
    features = torch.from_numpy(np.stack(pixels).astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous()
    return Examples(features, torch.tensor(labels), tuple(ids), len(names))


def _pixels(path: Path, label: int) -> np.ndarray:
    """Upright, on white where it is transparent, in three colours [32, 32, 3]."""
    try:
        with Image.open(path, formats=READ) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):  # 16 bits a pixel and more: to 8, or all would be white
                deep = np.asarray(upright, dtype=np.float64)
                top = next(top for top in (1.0, 255.0, 65535.0, np.inf) if deep.max() <= top)
                upright = Image.fromarray((255 * deep / top).clip(0, 255).astype(np.uint8))
            if upright.has_transparency_data:
                clear = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
            return np.asarray(upright.convert("RGB").resize((SIDE, SIDE)))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        place = sorted(path.parent.iterdir()).index(path) + 1
        raise RowsError(
            f"reading images: file {place} in the folder of class {label + 1}, both counted by name, is damaged,"
            " too large or no image; repair it or take it out"
        ) from None
