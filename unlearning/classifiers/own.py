"""Architectures of one's own, out of a Python file that the caller names; what a model folder says is never run."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from unlearning.classifiers import networks
from unlearning.errors import ModelError


def register(given: str) -> str:
    """Make the function or class in `FILE.py:NAME` an architecture; returns its name, which holds the file's digest.

    It is called with `channels`, `side` and `classes` and returns an `nn.Module` from rows [n, channels, side, side] to
    logits [n, classes]. A model folder keeps the name alone: to open it the same file is given again. Errors:
    ModelError.
    """
    place, _, word = given.rpartition(":")
    path = Path(place)
    if path.suffix != ".py" or not path.is_file() or not word.isidentifier():
        raise ModelError("reading a module of one's own: give FILE.py:NAME, a Python file and what in it builds one")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    build = getattr(_ran(path, digest), word, None)
    if not callable(build):
        raise ModelError(f"reading {path.name}: it holds no function or class of that name; see what follows the colon")
    name = f"{path.name}:{word}@{digest}"
    networks.ARCHITECTURES[name] = _guarded(build, path.name)
    return name


def _ran(path: Path, digest: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"own_{digest}", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"reading {path.name}: Python takes it for no module")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"running {path.name}: it raised {type(error).__name__}; run it by itself to see why"
        ) from None
    return module


def _guarded(build: Callable[..., Any], file: str) -> Callable[..., nn.Module]:
    def made(**options: Any) -> nn.Module:
        try:
            found = build(**options)
        except Exception as error:
            raise ModelError(
                f"building a module out of {file}: it raised {type(error).__name__}; it is called with"
                f" {', '.join(options)}"
            ) from None
        if not isinstance(found, nn.Module):
            raise ModelError(f"building a module out of {file}: what it returned is no torch.nn.Module")
        return found

    return made
