"""One adapter per shard of people over a base that never saw them: forgetting costs one shard, exactly.

After SISA (arXiv 1912.03817) and S3T (arXiv 2406.16257), with one low-rank adapter a shard. A folder holds

    base/                    the clean model, as it was given
    shards.json              how many, the training program of each, digest of the base
    key                      32 random bytes: who belongs to which shard follows from them and the person's name alone
    shard-NN/                adapter_model.safetensors, and ledger/ with the shard's recorded run

A question about a person goes to that person's shard. What people have in common belongs in the base: a shard knows
nothing of the others' people. Nobody's rows lie in two shards, so that dropping one is all there is to do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unlearning import precision
from unlearning.adapters import Lora, add_adapter, load_adapter
from unlearning.errors import LedgerError, ModelError
from unlearning.files import partial_folder, promote, sha256_of
from unlearning.models import digest, open_model, save_model
from unlearning.training import outcome, plan_from
from unlearning.types import Outcome, Row, TrainingPlan

ADAPTER = "adapter_model.safetensors"


def person_in_key(row: Row) -> str:
    """Whose row it is: the key's part before the first slash."""
    return row.key.partition("/")[0]


def is_sharded(folder: Path) -> bool:
    """Whether this is a folder of shards and no plain model."""
    return (folder / "shards.json").is_file() and not (folder / "config.json").is_file()


@dataclass(frozen=True)
class Shards:
    """A folder of shards, opened."""

    folder: Path

    def settings(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "shards.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise LedgerError(f"opening {self.folder}: no usable shards.json ({type(error).__name__})") from None
        if digest(self.folder / "base") != found["base_digest"]:
            raise ModelError(f"opening {self.folder}: the base is not the one that the shards stand on; restore it")
        return found

    def plans(self) -> list[TrainingPlan]:
        return [plan_from(plan) for plan in self.settings()["plans"]]

    def lora(self) -> Lora:
        return Lora(**self.settings()["lora"])

    def number_of(self, person: str) -> int:
        """The shard of a person."""
        drawn = hmac.digest((self.folder / "key").read_bytes(), person.encode(), "sha256")
        return int.from_bytes(drawn[:8]) % len(self.settings()["plans"])

    def shard(self, number: int) -> Path:
        return self.folder / f"shard-{number:02d}"

    def digest(self) -> str:
        """Sha256 over the base and every adapter, in order."""
        total = hashlib.sha256(digest(self.folder / "base").encode())
        for number in range(len(self.settings()["plans"])):
            total.update(sha256_of(self.shard(number) / ADAPTER).encode())
        return total.hexdigest()

    def open_for(self, person: str) -> tuple[Any, Any]:
        """The model that answers about a person, base and their shard folded together, and its tokenizer."""
        return self.open_shard(self.number_of(person))

    def open_shard(self, number: int) -> tuple[Any, Any]:
        model, tokenizer = open_model(self.folder / "base")
        model = self.lora().wrap(model, seed=0)
        load_adapter(model, self.shard(number) / ADAPTER)
        return model.merge_and_unload().eval(), tokenizer


def merge(folder: Path, out: Path, *, weight: float = 1.0) -> Outcome:
    """Write a plain model: the base plus `weight` times every shard's change. Shards may disturb each other."""
    began, shards = (time.monotonic(), time.process_time()), Shards(folder)
    settings, lora = shards.settings(), shards.lora()
    partial = partial_folder(out)
    model, tokenizer = open_model(folder / "base")
    given = precision.start(model)
    for number in range(len(settings["plans"])):
        add_adapter(model, shards.shard(number) / ADAPTER, lora=lora, weight=weight)
    detail = {"shards": len(settings["plans"]), "weight": weight, **given.settle(model)}
    save_model(model, tokenizer, partial)
    promote(partial, out)
    return outcome(out, verb="merge", began=began, steps=0, before=shards.digest(), detail=detail)
