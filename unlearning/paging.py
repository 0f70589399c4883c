"""Memory that a model does not need goes back to the system: when, and which.

Weights that a folder keeps in float32 are mapped, not copied, when the folder is opened. While a copy of the model is
trained nobody reads them; the system would take their pages where memory is short, here they are handed over before.
Without Linux or glibc nothing of this happens, and results are the same.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE_OUT = 21  # MADV_PAGEOUT of Linux 5.4: what was written to stays, what the file holds is let go
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # options of mallopt(3)
LARGE = 1 << 26  # weights from which on what a pass frees is worth more to the system than to the next pass


def set_down(model: Any) -> int:
    """Hand back the pages of the model's mapped weights, which come in again when read; returns their bytes."""
    try:
        advise = ctypes.CDLL(None).madvise
        mapped = list(_mapped())
    except (OSError, AttributeError, TypeError):
        return 0
    given = 0
    for weight in (weight for weight in model.parameters() if weight.device.type == "cpu"):
        first = -(-weight.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (weight.data_ptr() + weight.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
        if first < end and any(begin <= first and end <= until for begin, until in mapped):
            done = advise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), PAGE_OUT)
            given += 0 if done else end - first
    return given


def _mapped() -> Iterator[tuple[int, int]]:
    """Where safetensors files lie in this process's memory: (first address, the one behind the last)."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.endswith(".safetensors"):
            begin, _, until = line.split()[0].partition("-")
            yield int(begin, 16), int(until, 16)


def keep_freed_memory() -> None:
    """Have the C library reuse what a step frees: handing it back and taking it page by page costs a tenth of a step.

    Blocks of 8 MB and more still go back at once, and so does what is above 64 MB.
    """
    _options(smallest=1 << 23, kept=1 << 26)


def hand_back_freed_memory(model: Any) -> None:
    """Have it do the contrary from here on where the model is large: there a step's time is in its products."""
    if sum(weight.numel() for weight in model.parameters()) >= LARGE:
        _options(smallest=1 << 18, kept=1 << 22)


def _options(*, smallest: int, kept: int) -> None:
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    set_option(MMAP_THRESHOLD, smallest)
    set_option(TRIM_THRESHOLD, kept)
