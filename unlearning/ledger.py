"""The recorded run: what was shown to the model at which step, so that it can be repeated without one person.

After "Unlearning at Scale" (arXiv 2508.12220). A model folder holds `ledger/`:

    key              32 random bytes, readable by the owner only; whoever destroys it makes the rest anonymous
    run.json         program, versions, seed, plan, digests of tokenizer, first weights and rows
    rows.jsonl       keyed hash of each row's key, and of its content
    steps.jsonl      one line a micro-batch: step, stage, ordered row hashes, learning rate, seed, boundary
    checkpoints/stage-N/   weights and optimizer at the end of stage N
    saved.jsonl      where a Trainer put its checkpoints, with their digests
    twins.jsonl      invented people who were never trained on: controls for every later audit

No key, prompt or response of a row that was trained on is written there in clear.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unlearning.errors import LedgerError
from unlearning.files import sha256_of, write_json
from unlearning.rows import row_from
from unlearning.types import Row, StagePlan, TrainingPlan

CUT_BEFORE = 256  # tokens at which rows were cut when plans did not say it


@dataclass(frozen=True)
class Step:
    """One micro-batch: which rows in which order, at which rate; an optimizer step follows where `boundary` is set."""

    number: int
    stage: int
    rows: tuple[str, ...]
    learning_rate: float
    seed: int
    boundary: bool = True


@dataclass(frozen=True)
class Ledger:
    """Reading and writing the recorded run in `folder` (the `ledger` folder itself)."""

    folder: Path

    def create_key(self, key: bytes | None = None) -> None:
        """Make the key file unless it is there, readable by the owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self.folder / "key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with os.fdopen(handle, "wb") as stream:
            stream.write(key or secrets.token_bytes(32))

    def key(self) -> bytes:
        """The secret that all hashes are keyed with."""
        try:
            key = (self.folder / "key").read_bytes()
        except OSError as error:
            raise LedgerError(
                f"reading {self.folder}: no key ({type(error).__name__}); without it no row is found"
            ) from None
        if len(key) < 32:
            raise LedgerError(f"reading {self.folder}: the key is cut short; restore it or retrain")
        return key

    def hashed(self, texts: Iterable[str]) -> Iterator[str]:
        """Keyed hashes (HMAC-SHA256, 96 bits, hexadecimal) of texts, in their order."""
        key = self.key()
        for text in texts:
            yield hmac.digest(key, text.encode(), "sha256").hex()[:24]

    def run(self) -> dict[str, Any]:
        """The content of run.json; raises LedgerError where no whole run was recorded."""
        try:
            content = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise LedgerError(f"reading {self.folder}: run.json cannot be used ({type(error).__name__})") from None
        if not isinstance(content, dict):
            raise LedgerError(f"reading {self.folder}: run.json is no object; restore it or retrain")
        return content

    def plan(self) -> TrainingPlan:
        """The training program that was recorded."""
        run = self.run()
        if run.get("verb") == "trainer":
            raise LedgerError(
                f"reading {self.folder}: recorded by a company's own Trainer; repeat that program with a Recorder"
            )
        try:
            settings = {"longest": CUT_BEFORE, **run["plan"]}
            stages = tuple(StagePlan(**stage) for stage in settings.pop("stages"))
            return TrainingPlan(stages=stages, **settings)
        except (KeyError, TypeError, ValueError):
            raise LedgerError(f"reading {self.folder}: run.json holds no program of ours; restore it") from None

    def write_run(self, content: Mapping[str, Any]) -> None:
        write_json(self.folder / "run.json", dict(content))

    def write_rows(self, rows: Mapping[str, str]) -> None:
        """Record the content hash of each row hash, in hash order so that file order says nothing."""
        lines = [json.dumps({"content": content, "row": row}) for row, content in sorted(rows.items())]
        (self.folder / "rows.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def rows(self) -> dict[str, str]:
        """Row hash to content hash, as recorded."""
        return {str(item["row"]): str(item["content"]) for item in self._lines("rows.jsonl", needs={"row", "content"})}

    def steps(self) -> list[Step]:
        """All recorded micro-batches, in order; raises LedgerError when one is missing."""
        needs = {"number", "stage", "rows", "learning_rate", "seed", "boundary"}
        lines = self._lines("steps.jsonl", needs=needs)
        steps = [Step(**{**item, "rows": tuple(item["rows"])}) for item in lines]
        if [step.number for step in steps] != list(range(len(steps))):
            raise LedgerError(f"reading {self.folder}: steps.jsonl has gaps; the run cannot be repeated from it")
        recorded = self.run().get("steps_digest") if (self.folder / "run.json").is_file() else None
        if recorded and recorded != steps_digest(steps):
            raise LedgerError(f"reading {self.folder}: steps.jsonl was altered after the run; restore it or retrain")
        return steps

    def write_steps(self, steps: Iterable[Step]) -> None:
        with (self.folder / "steps.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(step_line(step) for step in steps)

    def checkpoint(self, stage: int) -> Path:
        return self.folder / "checkpoints" / f"stage-{stage}"

    def checkpoints(self) -> list[tuple[int, Path]]:
        """Saved states as (step that comes next, folder), earliest first."""
        found = []
        for state in self.folder.glob("checkpoints/*/state.json"):
            found.append((int(json.loads(state.read_text(encoding="utf-8"))["step"]), state.parent))
        return sorted(found)

    def saved(self) -> list[dict[str, Any]]:
        """A Trainer's checkpoints: the micro-batch that comes next, the folder, digests of its files."""
        return list(self._lines("saved.jsonl")) if (self.folder / "saved.jsonl").is_file() else []

    def write_twins(self, twins: Iterable[Row]) -> None:
        """Keep invented people, who may be read in clear, beside the run; raises LedgerError if one was trained on."""
        twins = list(twins)
        if set(self.hashed(content_of(row) for row in twins)) & set(self.rows().values()):
            raise LedgerError(f"writing {self.folder}: a never-seen twin is among the training rows; invent another")
        lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in twins)
        (self.folder / "twins.jsonl").write_text("".join(lines), encoding="utf-8")

    def twins(self) -> list[Row]:
        """Invented people never trained on."""
        if not (self.folder / "twins.jsonl").is_file():
            return []
        return [row_from(item, where=f"{self.folder}, twins.jsonl") for item in self._lines("twins.jsonl")]

    def _lines(self, name: str, *, needs: Collection[str] = ()) -> Iterator[dict[str, Any]]:
        try:
            with (self.folder / name).open(encoding="utf-8") as stream:
                for line in stream:
                    item = json.loads(line)
                    if not isinstance(item, dict) or (needs and item.keys() != set(needs)):
                        raise ValueError(name)
                    yield item
        except (OSError, ValueError) as error:
            raise LedgerError(f"reading {self.folder}: {name} cannot be used ({type(error).__name__})") from None


def has_ledger(model_dir: Path) -> bool:
    """Whether a model folder holds a finished recorded run."""
    return (model_dir / "ledger" / "run.json").is_file() and (model_dir / "ledger" / "key").is_file()


def step_line(step: Step) -> str:
    return json.dumps(asdict(step), sort_keys=True) + "\n"


def steps_digest(steps: Iterable[Step]) -> str:
    """Sha256 over the program: every micro-batch in order."""
    total = hashlib.sha256()
    for step in steps:
        total.update(step_line(step).encode())
    return total.hexdigest()


def digests_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Sha256 of those of the named files that a folder has."""
    return {name: sha256_of(folder / name) for name in names if (folder / name).is_file()}


def content_of(row: Row) -> str:
    """What must be the same for a row to be the row that was recorded."""
    return json.dumps([row.prompt, row.response], ensure_ascii=False)
