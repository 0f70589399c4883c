"""Write a batch as a pickle again: plain values and arrays, with the words' kind as it was.

CIFAR-10's batches were written by Python 2, whose words are neither bytes nor text to those who read them today: so
they are written once more, and no program notices a difference but the rows that are gone.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

_OLD = ("STRING", "BINSTRING", "SHORT_BINSTRING")


def written(value: Any, *, like: bytes) -> bytes:
    """A pickle of a value, its byte strings as Python 2's where ``like`` holds such; ``TypeError`` for other values."""
    old = any(instruction.name in _OLD for instruction, _, _ in pickletools.genops(like))
    word = _old_word if old else _word
    return (b"\x80\x02" if old else b"\x80\x03") + _spelled(value, word) + b"."


def _old_word(value: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(value)) + value


def _word(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def _spelled(value: Any, word: Callable[[bytes], bytes]) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode()
        return b"X" + struct.pack("<I", len(raw)) + raw
    if isinstance(value, bytes):
        return word(value)
    if isinstance(value, list | tuple):
        inside = b"".join(_spelled(one, word) for one in value)
        return b"](" + inside + b"e" if isinstance(value, list) else b"(" + inside + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(_spelled(one, word) for pair in value.items() for one in pair) + b"u"
    if isinstance(value, np.ndarray):
        return _array(np.ascontiguousarray(value), word)
    raise TypeError


def _array(value: np.ndarray, word: Callable[[bytes], bytes]) -> bytes:
    """As NumPy writes one: an empty array, and its state."""
    kind = value.dtype.str
    name = b"cnumpy\ndtype\n(" + word(kind[1:].encode()) + b"K\x00K\x01tR"
    name += b"(K\x03" + word(kind[:1].encode()) + b"NNN" + 2 * (b"J" + struct.pack("<i", -1)) + b"K\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + word(b"b") + b"tR"
    return empty + b"(K\x01" + _spelled(value.shape, word) + name + b"\x89" + word(value.tobytes()) + b"tb"
