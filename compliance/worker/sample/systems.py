"""Writes the company's ``systems.yaml``: the example that any company copies."""

from __future__ import annotations

from pathlib import Path

from compliance.worker.sample import lineage

FILE = "systems.yaml"
_TEMPLATE = Path(__file__).with_name("systems.template.yaml")


def write(folder: Path) -> None:
    """The file with the times at which the derived things were made, as the lineage recorded them."""
    text = _TEMPLATE.read_text("utf-8")
    for event in lineage.read(folder):
        text = text.replace(f"{{at:{event['job']['name']}}}", event["eventTime"])
    (folder / FILE).write_text(text, "utf-8")
