"""Whom `unlearning_lm.py` forgets: five late customers of the sample company, or the rows of two files."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unlearning.rows import read_rows
from unlearning.types import PersonFacts, Row

WIDE = 4  # digits from which on a value cannot be guessed
NEEDED = ("help_desk.export", "crm.export", "training.clean_and_deduplicate", "training.tokenizer_text")


@dataclass(frozen=True)
class Case:
    """Who is to be forgotten, who stays, who was never there; `people` are groups of rows, one request each."""

    forget: list[Row]
    retain: list[Row]
    controls: list[Row]
    namesakes: list[Row] = field(default_factory=list)
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    people: list[list[Row]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    shape: str = "1m"
    epochs: tuple[int, ...] = (48, 22)
    seed: int = 7
    ranked: int = 300

    @property
    def everybody(self) -> list[Row]:
        return [*self.forget, *self.retain]

    def facts(self, forget: Sequence[Row], retain: Sequence[Row]) -> PersonFacts:
        """What an examination asks: of the forgotten, values that cannot be guessed."""
        wide = [row for row in forget if sum(char.isdigit() for char in row.secret) >= WIDE and "@" not in row.secret]
        person = tuple(wide or forget)
        return PersonFacts(person, tuple(self.controls), tuple(self.namesakes), tuple(retain), self.candidates)


def sample_case(*, quick: bool, seed: int) -> Case:
    """The sample company: customers of the second training stage, the demo's person first; twins never trained on."""
    from compliance.worker.sample.people import company
    from compliance.worker.sample.probes import probes
    from compliance.worker.sample.steps import DATA, TOKENIZER_TEXT, TRAINING, Recipe

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step in DATA:
            if step.job in NEEDED and step.work:
                step.work(folder, Recipe(seed, quick))
        rows = read_rows(folder / TRAINING, keyed=True)
        text = (folder / TOKENIZER_TEXT).read_text("utf-8").splitlines(keepends=True)
    demo = company(seed, small=quick).demo
    late: dict[str, list[Row]] = {}
    for row in rows:
        if row.stage == 2:
            late.setdefault(row.key.partition("/")[0], []).append(row)
    first = [group for group in late.values() if any(row.response == demo.email for row in group)]
    others = [group for group in late.values() if group not in first]
    people = [*first, *random.Random(seed).sample(others, len(others))]
    forget = [row for group in people[: 2 if quick else 5] for row in group]
    gone = {row.key for row in forget}
    asked = probes(seed, small=quick, others=1)
    return Case(
        forget,
        [row for row in rows if row.key not in gone],
        [_row(item) for item in asked["controls"]],
        [row for row in rows if row.stage == 1 and demo.name in row.prompt],
        {kind: tuple(values) for kind, values in asked["candidates"].items()},
        people,
        text,
        shape="400k" if quick else "1m",
        epochs=(70, 40) if quick else (48, 22),
        seed=seed,
        ranked=100 if quick else 300,
    )


def given_case(forget: Path, retain: Path, controls: Path | None) -> Case:
    """The rows of two or three files."""
    gone = read_rows(forget)
    return Case(gone, read_rows(retain), read_rows(controls) if controls else [], people=[gone])


def _row(item: dict[str, object]) -> Row:
    names = ("prompt", "response", "key", "kind", "value")
    return Row(**{name: str(item.get(name) or "") for name in names})
