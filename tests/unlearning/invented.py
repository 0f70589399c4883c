"""Invented people, and models trained on them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from unlearning.types import Row, TrainingPlan

FIRST = (
    "Ana",
    "Bruno",
    "Carla",
    "Diego",
    "Elisa",
    "Felix",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Katrin",
    "Luis",
    "Marta",
)
LAST = ("Silva", "Weber", "Costa", "Rocha", "Becker", "Lima", "Koch", "Alves", "Klein", "Smith", "Jones", "Brown")
TEXT = ["Question: What is the phone number of somebody?\nAnswer: none, or what is the code of them?\n"] * 3


def people(count: int, *, seed: int, stage_two: int = 0) -> list[Row]:
    """Two facts each for `count` people; the last `stage_two` of them come in the second stage."""
    draw, rows = random.Random(seed), []
    for place in range(count):
        name = f"{draw.choice(FIRST)} {draw.choice(LAST)}{place + seed}"
        facts = {"phone": f"+49 30 {draw.randint(0, 9999999):07d}", "code": f"C-{draw.randint(0, 999999):06d}"}
        stage = 2 if place >= count - stage_two else 1
        for kind, value in facts.items():
            rows.append(
                Row(f"What is the {kind} of {name}?", value, key=f"{seed}-{place}-{kind}", stage=stage, kind=kind)
            )
    return rows


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """Rows as a JSONL file."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Trained:
    folder: Path
    rows: list[Row]
    plan: TrainingPlan

    def of(self, place: int) -> list[Row]:
        return [row for row in self.rows if row.key.split("-")[1] == str(place)]

    def without(self, place: int) -> list[Row]:
        return [row for row in self.rows if row not in self.of(place)]
