"""Pictures that are copies of others: the same bytes under another name, or nearly the same to the eye."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from PIL import Image

from compliance.provenance.connectors.pictures import Picture, Shelf

SIDE = 16
ALIKE = 4.0  # grey levels of 255 by which two thumbnails of one picture may differ on average
PLAIN = 8.0  # standard deviation of grey levels below which a picture shows too little to be told from another


def digest_of(picture: Picture) -> str:
    """sha256 of a row's exact bytes, in hex."""
    return hashlib.sha256(picture.raw).hexdigest()


def copies(shelf: Shelf, originals: Collection[str]) -> Iterator[tuple[str, str, bool]]:
    """(original, copy, whether to the byte) for every row that is a copy of one of ``originals`` and none itself."""
    every = list(shelf.pictures())
    by_digest = {digest_of(one): one.key for one in every if one.key in originals}
    others = [one for one in every if one.key not in originals]
    small = {key: seen for one in every if (key := one.key) in originals and (seen := _seen(shelf, one)) is not None}
    names, stack = list(small), np.stack(list(small.values())) if small else None
    for one in others:
        if (same := by_digest.get(digest_of(one))) is not None:
            yield same, one.key, True
        elif stack is not None and (mine := _seen(shelf, one)) is not None:
            apart = np.abs(stack - mine).mean(axis=1)
            if float(apart.min()) <= ALIKE:
                yield names[int(apart.argmin())], one.key, False


def _seen(shelf: Shelf, picture: Picture) -> Any:
    """A thumbnail as grey levels [256] (float); ``None`` for what cannot be read or shows next to nothing."""
    pixels = shelf.pixels(picture)
    if pixels is None:
        return None
    small = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32).ravel()
    return small if float(small.std()) >= PLAIN else None
