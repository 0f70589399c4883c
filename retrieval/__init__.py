"""Finds a person in text and in a vector index, takes them out of the bytes, and tries to get them back.

A library that stands alone: it takes paths, texts and a ``progress(fraction, message)`` callable, and returns
frozen dataclasses. Its verbs are modules: ``locate``, ``scan``, ``erase``, ``probe``, ``suppress``; the stores
stand behind one contract in ``indexes``. ``python -m retrieval`` offers the same from a shell.
"""

import importlib as _importlib
from pathlib import Path as _Path
from types import ModuleType as _ModuleType

from retrieval import compiled as _compiled

_compiled.keep_somewhere(_Path(__file__).parent)
_LATER = frozenset({
    "absence", "caches", "caches_files", "caches_redis", "codes", "embedders", "erase", "errors", "foreseeing",
    "frameworks", "indexes", "ingest", "locate", "near", "probe", "scan", "suppress", "sweep", "types", "undo",
})  # fmt: skip


def __getattr__(name: str) -> _ModuleType:
    """Import a verb's module when it is first asked for: ``import retrieval`` alone loads neither faiss nor numba."""
    if name not in _LATER:
        raise AttributeError(f"module 'retrieval' has no attribute {name!r}")
    return _importlib.import_module(f"retrieval.{name}")
