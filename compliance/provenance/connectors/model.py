"""A model folder in Hugging Face form: described from its files, reached by lineage, never edited in place.

A PEFT adapter (``adapter_config.json`` beside ``adapter_model.safetensors``) is a model of its own: what it learned
stands in its few weights, its base knows nothing of it. It is described with its method, rank and base. The base is
registered as a place of its own when it is the company's; a base that lies in a folder here is named by that folder,
and missing when it should be there and is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import (
    Description,
    Match,
    NotErasableHere,
    Place,
    Progress,
    Receipt,
    Redaction,
    silent,
)
from compliance.provenance.connectors.absence import Residue, measured, occurrences
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import DamagedArtifact, ModelUnreadable, SourceUnreachable
from retrieval.types import Needle

ADAPTER = "adapter_config.json"
_LONGEST = 200  # characters of a name: what a stranger's folder says is kept and shown
_PICKLED = ("pytorch_model*.bin", "adapter_model.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def describe(place: Place) -> Description:
    """Digest of the weights, parameters, and whether a ledger lets the training be replayed (with its stages)."""
    folder = _folder(place)
    with translated(folder):
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise ModelUnreadable(_what_is_missing(folder, place))
        tensors = [entry for path in weights for entry in _header(path, place).values()]
        digests = {path.name: digest_of(path) for path in weights}
        detail: dict[str, Any] = {
            "parameters": sum(_count(entry["shape"]) for entry in tensors),
            "tensors": len(tensors),
            "weights": digests,
            **_kind_of(folder, place),
            **_ledger(folder),
        }
        digest = next(iter(digests.values())) if len(digests) == 1 else _joint(digests)
        return Description(digest, sum(path.stat().st_size for path in weights), 0, detail)


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Nothing: weights hold no records. A model is reached by lineage from the records it was trained on."""
    _folder(place)
    return iter(())


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """Nothing: weights hold no records."""
    _folder(place)
    return iter(())


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Nothing: which records a model saw stands in its ledger, as keyed hashes that only the replay reads."""
    _folder(place)
    return iter(())


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Always ``NotErasableHere``: a model is replayed, retrained or unlearned into a new folder."""
    raise NotErasableHere(f"{place.name} is a model: records cannot be taken out of its weights in place.")


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the folder's files (tokenizer, configuration, ledger); no word on what the model can say."""
    return occurrences(_folder(place), patterns)


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Nothing remains to purge in a folder that is exchanged whole."""
    digest = describe(place).digest
    note = "a model folder is exchanged whole"
    receipt = Receipt("rewritten", digest_before=digest, digest_after=digest, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    note = "a search of bytes says nothing about what weights can say"
    return Residue(absent(place, patterns), notes=(note,))


def _folder(place: Place) -> Path:
    folder = Path(place.location)
    if not folder.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no model folder {folder.name!r}.")
    return folder


def _what_is_missing(folder: Path, place: Place) -> str:
    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):
        return f"{place.name}: the weights are pickled, which can run code when opened; convert them to safetensors."
    return f"{place.name}: the folder {folder.name!r} holds no weights (*.safetensors)."


def _header(path: Path, place: Place) -> dict[str, dict[str, Any]]:
    """The tensors' names and shapes from the first bytes of a safetensors file, checked against the file's length."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            if length > 100 * 1024 * 1024:
                raise ValueError("header too long")
            header = json.loads(stream.read(length))
            tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
            end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelUnreadable(
                f"{place.name}: {path.name} is no safetensors file, or its head is damaged."
            ) from error
    if path.stat().st_size != 8 + length + end:
        raise DamagedArtifact(f"{place.name}: {path.name} is cut short: its tensors end after the file does.")
    return tensors


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


def _count(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _joint(digests: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in digests.items()).encode()).hexdigest()
