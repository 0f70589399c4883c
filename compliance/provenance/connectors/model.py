"""A model folder in Hugging Face form: described from its files, reached by lineage, never edited in place.

A PEFT adapter (``adapter_config.json`` beside ``adapter_model.safetensors``) is a model of its own: what it learned
stands in its few weights, its base knows nothing of it. It is described with its method, rank and base. The base is
registered as a place of its own when it is the company's; a base that lies in a folder here is named by that folder,
and missing when it should be there and is not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Description, Place
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.tensors import header
from compliance.provenance.connectors.whole_model import (
    WEIGHTS_ARE_SILENT,
    absent,
    erase,
    find,
    find_derived,
    folder_of,
    purging,
    records,
)
from compliance.rules.errors import ModelUnreadable

__all__ = ["absent", "describe", "erase", "find", "find_derived", "purge", "records"]

ADAPTER = "adapter_config.json"
_LONGEST = 200  # characters of a name: what a stranger's folder says is kept and shown
_PICKLED = ("pytorch_model*.bin", "adapter_model.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def describe(place: Place) -> Description:
    """Digest of the weights, parameters, and whether a ledger lets the training be replayed (with its stages)."""
    folder = folder_of(place)
    with translated(folder):
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise ModelUnreadable(_what_is_missing(folder, place))
        tensors = [entry for path in weights for entry in header(path, place).values()]
        digests = {path.name: digest_of(path) for path in weights}
        detail: dict[str, Any] = {
            "parameters": sum(math.prod(entry["shape"]) for entry in tensors),
            "tensors": len(tensors),
            "weights": digests,
            **_kind_of(folder, place),
            **_ledger(folder),
        }
        digest = next(iter(digests.values())) if len(digests) == 1 else _joint(digests)
        return Description(digest, sum(path.stat().st_size for path in weights), 0, detail)


purge = purging(describe, WEIGHTS_ARE_SILENT)


def _what_is_missing(folder: Path, place: Place) -> str:
    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):
        return f"{place.name}: the weights are pickled, which can run code when opened; convert them to safetensors."
    return f"{place.name}: the folder {folder.name!r} holds no weights (*.safetensors)."


def _kind_of(folder: Path, place: Place) -> dict[str, Any]:
    """Architecture of a whole model; of an adapter its method, rank and base."""
    if (folder / "config.json").is_file() or not (folder / ADAPTER).is_file():
        named = _config(folder, place).get("architectures")
        words = [word for word in named if isinstance(word, str)] if isinstance(named, list) else []
        return {"architecture": ", ".join(words)[:_LONGEST]}
    said = _json(folder / ADAPTER, place)
    method = str(said.get("peft_type") or "adapter")[:50]
    base = str(said.get("base_model_name_or_path") or "").replace("\x00", "")[:_LONGEST]
    rank = said.get("r")
    told: dict[str, Any] = {"method": method, "base": Path(base).name}
    told |= {"rank": rank} if isinstance(rank, int) else {}
    if base.startswith((".", "/")) and not _base_folder(folder, base).is_dir():
        told["problem"] = "its base model is not where adapter_config.json says"
    return {"architecture": f"{method} adapter", "adapter": told}


def _base_folder(folder: Path, base: str) -> Path:
    return Path(base) if base.startswith("/") else folder / base


def _json(path: Path, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelUnreadable(f"{place.name}: {path.name} is not JSON.") from error
    return value if isinstance(value, dict) else {}


def _config(folder: Path, place: Place) -> dict[str, Any]:
    try:
        return _json(folder / "config.json", place)
    except FileNotFoundError:
        raise ModelUnreadable(f"{place.name}: the folder has no config.json, and no {ADAPTER} of an adapter.") from None


def _ledger(folder: Path) -> dict[str, Any]:
    run = folder / "ledger" / "run.json"
    if not run.is_file():
        return {"ledger": False, "stages": 0}
    try:
        content = json.loads(run.read_text("utf-8"))
        if content.get("verb") == "trainer":  # repeated by the company's own program, with its Recorder
            return {
                "ledger": False,
                "stages": 0,
                "ledger_problem": "recorded by a Trainer: only that program repeats it",
            }
        stages = content["plan"]["stages"]
        return {"ledger": True, "stages": len(stages), "checkpoints": _checkpoints(folder / "ledger")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {"ledger": False, "stages": 0, "ledger_problem": "ledger/run.json cannot be read"}


def _checkpoints(ledger: Path) -> dict[str, int]:
    """The checkpoints of a recorded run, each with the last step whose data it knows."""
    last: dict[int, int] = {}
    program = ledger / "steps.jsonl"
    with program.open(encoding="utf-8") if program.is_file() else nullcontext(()) as lines:
        for line in lines:
            step = json.loads(line)
            last[int(step["stage"])] = int(step["number"])
    names = sorted(path.name for path in (ledger / "checkpoints").glob("stage-*") if path.is_dir())
    stages = {name: name.removeprefix("stage-") for name in names}
    return {name: last.get(int(stage), 0) for name, stage in stages.items() if stage.isdigit()}


def _joint(digests: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in digests.items()).encode()).hexdigest()
