"""Memory that a model does not need goes back to the system: when, and which.

Weights that a folder keeps in float32 are mapped, not copied, when the folder is opened. While a copy of the model is
trained nobody reads them; the system would take their pages where memory is short, here they are handed over before.
Without Linux or glibc nothing of this happens, and results are the same.
"""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import Any

PAGE_OUT = 21  # MADV_PAGEOUT of Linux 5.4: what was written to stays, what the file holds is let go
HUGE_PAGES, HUGE = 14, 1 << 21  # MADV_HUGEPAGE, and how large such a page is
MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD = -3, -2, -1  # options of mallopt(3)
LITTLE, ROOM = 1 << 17, 1 << 27  # by how much the C library's memory grows at a time: as it does by itself, and more
LARGE = 1 << 26  # weights from which on what a pass frees is worth more to the system than to the next pass


def set_down(model: Any) -> int:
    """Hand back the pages of the model's mapped weights, which come in again when read; returns their bytes."""
    try:
        advise = ctypes.CDLL(None).madvise
        mapped = _places(".safetensors")
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


def _places(ending: str) -> list[tuple[int, int]]:
    """Where what has a name with this ending lies in memory: (first address, the one behind the last)."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    spans = [line.split()[0].split("-") for line in lines if line.endswith(ending)]
    return [(int(begin, 16), int(until, 16)) for begin, until in spans]


def keep_freed_memory() -> None:
    """Have the C library reuse what a step frees: handing it back and taking it page by page costs a tenth of a step.

    Blocks of 8 MB and more still go back at once, and so does what is above 128 MB. What it has lies in large pages,
    where the system gives them to who asks: finding small ones costs a twentieth.
    """
    _options(smallest=1 << 23, kept=1 << 26, ahead=ROOM)
    _in_large_pages()


def hand_back_freed_memory(model: Any) -> None:
    """Have it do the contrary from here on where the model is large: there a step's time is in its products."""
    if sum(weight.numel() for weight in model.parameters()) >= LARGE:
        _options(smallest=1 << 18, kept=1 << 22, ahead=LITTLE)


def _in_large_pages() -> None:
    """Take some room ahead, and ask for large pages in all that the C library has for small blocks."""
    try:
        library = ctypes.CDLL(None)
        library.malloc.restype = ctypes.c_void_p
        library.free(ctypes.c_void_p(library.malloc(ctypes.c_size_t((1 << 23) - (1 << 12)))))
        for begin, end in _places("[heap]"):
            first = -(-begin // HUGE) * HUGE
            if first < end:
                library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), HUGE_PAGES)
    except (OSError, AttributeError, TypeError):
        return


def _options(*, smallest: int, kept: int, ahead: int) -> None:
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    set_option(MMAP_THRESHOLD, smallest)
    set_option(TRIM_THRESHOLD, kept)
    set_option(TOP_PAD, ahead)
