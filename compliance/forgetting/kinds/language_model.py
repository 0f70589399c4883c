"""Causal language models in Hugging Face's format; the forget set is a file of rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.forgetting.kinds import Order
from compliance.rules.errors import InvalidInput

LABEL = "Language model"
METHODS = (
    "auto",
    "alternating_wga",
    "stranger",
    "npo",
    "simnpo",
    "soft_target",
    "undial",
    "max_entropy",
    "rmu",
    "jensun",
    "idk",
    "dpo",
    "permu",
    "undo",
    "gradient_ascent",
    "gradient_difference",
    "task_vector",
)
PATHS = ("retain",)


def check(model: Path, inputs: Mapping[str, Any]) -> None:
    """A folder with a configuration and safetensors weights, and rows to keep."""
    if not (model / "config.json").is_file() or not any(model.glob("*.safetensors")):
        raise InvalidInput(
            "This is no model folder: it needs config.json and weights as .safetensors.",
            next_action="Save the model with save_pretrained; pickled weights are not loaded.",
        )
    if "retain" not in inputs:
        raise InvalidInput("A language model needs rows to keep: inputs.retain names a JSONL file of them.")


def check_forget(forget: Mapping[str, Any]) -> None:
    """Rows in a file."""
    if set(forget) != {"rows"}:
        raise InvalidInput("A language model forgets rows: forget.rows names a JSONL file below the model folder.")


def arguments(order: Order) -> list[str]:
    """``unlearn`` with the order's files."""
    spec = order.spec
    found = ["unlearn", "--model", str(order.model), "--forget", str(order.forget["rows"])]
    found += ["--retain", str(order.inputs["retain"]), "--out", str(order.workplace / "model")]
    found += ["--method", str(spec["method"]), "--seed", str(spec["seed"])]
    return found + (["--budget", str(spec["budget"])] if spec.get("budget") else [])
