"""What a safetensors file says of itself in its head, read without loading a tensor."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.rules.errors import DamagedArtifact, ModelUnreadable

_LONGEST = 100 * 1024 * 1024  # bytes of a head


def header(path: Path, place: Place) -> dict[str, dict[str, Any]]:
    """The tensors' names and shapes from the first bytes of a safetensors file, checked against the file's length."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            if length > _LONGEST:
                raise ValueError("header too long")
            content = json.loads(stream.read(length))
            tensors = {name: entry for name, entry in content.items() if name != "__metadata__"}
            end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelUnreadable(
                f"{place.name}: {path.name} is no safetensors file, or its head is damaged."
            ) from error
    if path.stat().st_size != 8 + length + end:
        raise DamagedArtifact(f"{place.name}: {path.name} is cut short: its tensors end after the file does.")
    return tensors


def parameters(path: Path, place: Place) -> int:
    """How many numbers the file's tensors hold."""
    return sum(math.prod(entry["shape"]) for entry in header(path, place).values())
