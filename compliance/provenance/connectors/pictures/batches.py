"""IDX files and CIFAR-10's batches: their rows, and how they are written again without some of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compliance.provenance.connectors.pictures import pickles
from unlearning.classifiers.data import cifar, idx, pickled
from unlearning.errors import RowsError

Where = Callable[[Path], Path]  # from a file's place to the file that counts


@dataclass(frozen=True)
class Batch:
    """Rows that lie together: labels [n], pixels [n, channels, height, width], words of each, the files they lie in.

    ``without`` gives the files' new contents when only the rows of a mask [n] are kept.
    """

    labels: np.ndarray
    pixels: np.ndarray
    files: tuple[Path, ...]
    without: Callable[[np.ndarray], dict[Path, bytes]]
    words: tuple[str, ...] = ()


NO_ROWS = Batch(np.empty(0, np.uint8), np.empty((0, 1, 1, 1), np.uint8), (), lambda kept: {})


def of(folder: Path, where: Where) -> dict[str, list[Batch]] | None:
    """The batches of each part in the order of their rows; ``None`` for a folder of another kind."""
    if idx.fits(folder):
        return {part: [_idx(folder, stems, where)] for part, stems in _STEMS.items()}
    if cifar.fits(folder):
        return {part: [_cifar(path, where) for path in paths] for part, paths in cifar.files_of(folder).items()}
    return None


_STEMS = {"train": idx.STEMS[:2], "test": idx.STEMS[2:]}
# What CIFAR-10 comes with beside its rows: names of classes and a page about it.
BESIDE = ("batches.meta", "batches.meta.txt", "readme.html")


def _idx(folder: Path, stems: tuple[str, ...], where: Where) -> Batch:
    files = tuple(path for stem in stems if (path := idx.find(folder, stem)))
    pixels, labels = (idx.array(where(path)) for path in files)
    if (pixels.ndim, labels.ndim) != (3, 1):
        raise RowsError(f"reading {folder.name}: its files must hold images (three dimensions) and labels")
    if len(pixels) != len(labels):
        raise RowsError(
            f"reading {folder.name}: {stems[0]} holds {len(pixels):,} images, {stems[1]} {len(labels):,} labels"
        )

    def without(kept: np.ndarray) -> dict[Path, bytes]:
        return {path: _idx_file(path, array[kept]) for path, array in zip(files, (pixels, labels), strict=True)}

    return Batch(labels, pixels[:, None], files, without)


def _idx_file(path: Path, array: np.ndarray) -> bytes:
    """Header and bytes, packed like the old file and without a date."""
    head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    raw = head + array.tobytes()
    return gzip.compress(raw, 6, mtime=0) if path.suffix == ".gz" else raw


def _cifar(path: Path, where: Where) -> Batch:
    rows = cifar.rows(where(path))
    facts = None if path.suffix == ".bin" else pickled.values(where(path))
    words = _words(facts, len(rows)) if facts else ()

    def without(kept: np.ndarray) -> dict[Path, bytes]:
        if facts is None:
            return {path: rows[kept].tobytes()}
        return {
            path: pickles.written({key: _cut(one, kept) for key, one in facts.items()}, like=where(path).read_bytes())
        }

    return Batch(rows[:, 0], rows[:, 1:].reshape(-1, 3, 32, 32), (path,), without, words)


def _cut(value: Any, kept: np.ndarray) -> Any:
    """What has one entry a row loses those of rows that go; what stands for the whole batch stays."""
    if isinstance(value, np.ndarray) and value.ndim and len(value) == len(kept):
        return value[kept]
    if isinstance(value, list) and len(value) == len(kept):
        return [one for one, stays in zip(value, kept, strict=True) if stays]
    return value


def _words(facts: dict[Any, Any], count: int) -> tuple[str, ...]:
    """Texts that a batch keeps for each row, such as the name of the file that it was made from."""
    lists = [one for one in facts.values() if isinstance(one, list) and len(one) == count]
    told = [one for one in lists if any(isinstance(word, str | bytes) for word in one)]
    return tuple(" ".join(_text(word) for word in row) for row in zip(*told, strict=True)) if told else ()


def _text(word: Any) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
