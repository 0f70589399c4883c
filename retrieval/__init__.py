"""Finds a person in text and in a vector index, takes them out of the bytes, and tries to get them back.

A library that stands alone: it takes paths, texts and a ``progress(fraction, message)`` callable, and returns
frozen dataclasses. Its verbs are modules: ``locate``, ``scan``, ``erase``, ``probe``, ``suppress``; the stores
stand behind one contract in ``indexes``. ``python -m retrieval`` offers the same from a shell.
"""

from pathlib import Path as _Path

from retrieval import compiled as _compiled

_compiled.keep_somewhere(_Path(__file__).parent)
