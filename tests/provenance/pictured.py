"""Small folders of pictures with a people file, each row a picture of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from compliance.provenance.connectors import Place

WHO = "alice.moreau@post.example"
LINES = (
    ("cat/1.png", WHO),
    ("cat/2.png", "bob@post.example"),
    ("dog/1.png", "Alice.Moreau@Post.Example"),
    ("dog/2.png", WHO),
    ("dog/2.png", "carla@post.example"),
    ("dog/99.png", WHO),
)


def drawn(number: int, *, side: int = 32) -> Image.Image:
    """A picture that no other number draws: coarse blocks, so that a small copy still shows them."""
    levels = np.random.default_rng(number).integers(0, 256, (4, 4), dtype=np.uint8)
    return Image.fromarray(np.kron(levels, np.ones((side // 4, side // 4), dtype=np.uint8)))


def written(folder: Path, *, each: int = 4, names: Iterable[str] = ("cat", "dog")) -> Path:
    """``train/`` and ``test/`` with so many pictures a class."""
    for part, first in (("train", 0), ("test", 1000)):
        for label, name in enumerate(names):
            home = folder / part / name
            home.mkdir(parents=True)
            for number in range(1, each + 1):
                drawn(first + 100 * label + number).save(home / f"{number}.png")
    return folder


def people(folder: Path, lines: Iterable[tuple[str, str]] = LINES) -> None:
    """The people file, without a heading."""
    (folder / "people.csv").write_text("".join(f"{row},{person}\n" for row, person in lines))


def place(folder: Path, options: Mapping[str, object] | None = None) -> Place:
    """The folder as a registered place."""
    return Place("Photos", "dataset", "images", str(folder), dict(options or {}))
