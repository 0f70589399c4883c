"""A folder of low-rank weights as PEFT writes it, beside the folder of the model that they were trained over.

It is a model of its own to every verb: measured with its weights folded in, unlearned in its low-rank weights alone and
saved as a folder of the same kind. The base is a folder on this machine and never changes.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from unlearning.errors import MissingWeights, ModelError, PickledWeights

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds low-rank weights and no model."""
    return (folder / SETTINGS).is_file() and not (folder / "config.json").is_file()


def base_of(folder: Path) -> Path:
    """The folder of the model underneath; raises ModelError where it is not on this machine."""
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        kind, named = settings["peft_type"], settings["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"opening {folder}: {SETTINGS} is damaged or names no base; restore the file") from None
    if kind != "LORA":
        raise ModelError(
            f"opening {folder}: only adapters of the kind LORA can be used; merge this one where it is known"
        )
    if not (folder / WEIGHTS).is_file():
        if list(folder.glob("adapter_model*.bin")):
            raise PickledWeights(f"opening {folder}: weights are pickled; save the adapter as safetensors")
        raise MissingWeights(f"opening {folder}: no {WEIGHTS}; copy the weights beside {SETTINGS}")
    for base in (folder / str(named), Path(str(named))):
        if (base / "config.json").is_file() and base.resolve() != folder.resolve():
            return base.resolve()
    raise ModelError(
        f"opening {folder}: its base model is not a folder on this machine; "
        f"put it there and name the folder as base_model_name_or_path in {SETTINGS}"
    )


def identity(folder: Path) -> str:
    """What the adapter's answers depend on beside its weights and its base, wherever that lies: rank, scale, places."""
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    named = ("r", "lora_alpha", "target_modules", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora")
    return json.dumps([_ordered(settings.get(name)) for name in named], sort_keys=True)


def _ordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def attached(model: Any, folder: Path) -> Any:
    """The base with the folder's low-rank weights, which alone can be trained; raises ModelError where they misfit."""
    from peft import PeftModel

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = PeftModel.from_pretrained(model, str(folder), is_trainable=True)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
            raise ModelError(
                f"opening {folder}: {type(error).__name__}; the adapter is damaged or belongs to another base"
            ) from None
    if any("missing adapter keys" in str(one.message) for one in said):
        raise ModelError(f"opening {folder}: the adapter lacks weights for this base; restore both folders")
    found.peft_config["default"].base_model_name_or_path = str(base_of(folder))
    return found
