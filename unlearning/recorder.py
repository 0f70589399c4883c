"""A recorded run for a company's own Hugging Face `Trainer`, and its repetition without some rows.

To record, three lines beside the company's own (`keys` name the rows of `train_dataset`, in its order):

    recorder = Recorder(folder / "ledger", keys=keys)
    recorder.attach(trainer)
    trainer.train()

To repeat without a person, the same program, with

    recorder = Recorder(new / "ledger", keys=keys, repeating=folder / "ledger", without=gone)
    recorder.attach(trainer)
    trainer.train(resume_from_checkpoint=recorder.origin)

What is guaranteed, on the recorded versions and thread count: the bytes of this program, shown the recorded
micro-batches in the recorded order without those rows, from its beginning; the tail alone is computed, from the last
checkpoint that had not seen them. What a Trainer cannot guarantee: that shuffling a smaller set would have given this
order (the others' order stays as recorded); several processes; kernels that do not repeat (most GPUs need
`full_determinism=True`); collators or callbacks that keep a state or pack several people into one example.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader
from transformers import TrainerCallback

from unlearning.errors import LedgerError, RowsChanged, RowsError
from unlearning.feeding import PLACES, Collating, Placed, Repeated, columns_of, content_of_example
from unlearning.ledger import Ledger, Step, digests_of, step_line, steps_digest
from unlearning.models import versions
from unlearning.types import Row

CHECKED = ("model.safetensors", "adapter_model.safetensors", "optimizer.pt", "scheduler.pt")


class Recorder(TrainerCallback):
    """Logs each micro-batch of a Trainer's run, or repeats a recorded run; `twins` are people never trained on.

    `origin` is the checkpoint folder from which a repetition starts, or None for the beginning. Raises RowsError when
    keys do not name the rows, LedgerError or RowsChanged when a run cannot be repeated.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: Sequence[str],
        twins: Sequence[Row] = (),
        repeating: Path | None = None,
        without: Collection[str] = (),
    ) -> None:
        if len(set(keys)) < len(keys) or "" in keys:
            raise RowsError("recording a training: each row needs a key of its own, and they must differ")
        self.ledger, self.keys, self.twins = Ledger(folder), list(keys), list(twins)
        self.old = Ledger(repeating) if repeating else None
        self.ledger.create_key(self.old.key() if self.old else None)
        self.names = list(self.ledger.hashed(self.keys))
        self.gone = set(self.ledger.hashed(without))
        self.origin: Path | None = None
        self.trainer: Any = None
        self.before: list[Step] = []
        self.steps: list[Step] = []
        self.waiting: list[Step] = []

    def attach(self, trainer: Any) -> None:
        """Put the recorder into a trainer, before `train()`."""
        if trainer.args.world_size > 1:
            raise LedgerError("recording a training: several processes; record with one, or each process apart")
        if len(trainer.train_dataset) != len(self.keys):
            raise RowsError(f"recording a training: {len(self.keys)} keys for {len(trainer.train_dataset)} rows")
        examples = trainer.train_dataset
        self.trainer, self.contents = trainer, self._contents(examples)
        sampler = self._repeated(self.old) if self.old else self._own(trainer)
        stay = [place for place, name in enumerate(self.names) if name not in self.gone]
        if not stay:
            raise RowsError("repeating a training: every row is left out; there is nothing to train on")
        collating = Collating(trainer.data_collator, columns_of(trainer), examples[stay[0]])
        loader = DataLoader(Placed(examples), batch_sampler=sampler, collate_fn=collating)
        trainer.get_train_dataloader = lambda: trainer.accelerator.prepare(loader)
        self.taking, trainer.training_step = trainer.training_step, self._take
        trainer.add_callback(self)

    def _contents(self, examples: Any) -> dict[str, str]:
        texts = (content_of_example(example) for example in examples)
        return dict(zip(self.names, self.ledger.hashed(texts), strict=True))

    def _own(self, trainer: Any) -> BatchSampler:
        order = trainer._get_train_sampler(trainer.train_dataset)
        return BatchSampler(order, trainer.args.train_batch_size, trainer.args.dataloader_drop_last)

    def _repeated(self, old: Ledger) -> Repeated:
        """The recorded order without the rows that are gone; finds where to start."""
        recorded, steps = old.rows(), old.steps()
        gone = self.gone & set(recorded)
        missing = [name for name in recorded if name not in gone and name not in self.contents]
        changed = [n for n in recorded if n not in gone and n in self.contents and recorded[n] != self.contents[n]]
        if missing or changed:
            raise RowsChanged(
                f"repeating {old.folder}: of the rows that stay, {len(missing)} are missing and {len(changed)} "
                "differ from those recorded; restore the training set, or leave these rows out too"
            )
        first = min((step.number for step in steps if gone.intersection(step.rows)), default=len(steps))
        self.origin = _latest(old, before=first)
        self.contents = {name: self.contents[name] for name in recorded if name not in gone}
        self.before = [_shorter(step, gone) for step in steps]
        place = {name: index for index, name in enumerate(self.names)}
        epochs: dict[int, list[list[int]]] = {}
        for step in steps:
            shown = [place[name] for name in step.rows if name not in gone]
            epochs.setdefault(step.stage - 1, []).append(shown)
        return Repeated([epochs[epoch] for epoch in sorted(epochs)])

    def _take(self, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        """Stands for the trainer's `training_step`: notes the micro-batch, gives it random numbers of its own."""
        places = inputs.pop(PLACES).tolist()
        number, trainer = len(self.steps) + len(self.waiting), self.trainer
        seed = (trainer.args.seed * 1_000_003 + number) % 2**63
        rows = tuple(self.names[place] for place in places)
        boundary = bool(trainer.accelerator.sync_gradients)
        self.waiting.append(Step(number, int(trainer.state.epoch or 0) + 1, rows, 0.0, seed, boundary))
        torch.manual_seed(seed)
        return self.taking(model, inputs, *others, **named)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ledger.write_rows(self.contents)
        if self.twins:
            self.ledger.write_twins(self.twins)
        earlier = self.before if self.old else self.ledger.steps() if state.global_step else []
        self.steps, self.waiting = list(_until(earlier, state.global_step)), []
        self.ledger.write_steps(self.steps)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not any(step.rows for step in self.waiting):
            # Nobody is left in this step: without a gradient the optimizer leaves every weight and moment alone.
            self.trainer.model.zero_grad(set_to_none=True)
        rate = float(self.trainer.optimizer.param_groups[0]["lr"])
        done = [dataclasses.replace(step, learning_rate=rate) for step in self.waiting]
        with (self.ledger.folder / "steps.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(step_line(step) for step in done)
        self.steps += done
        self.waiting = []

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        note = {"step": len(self.steps), "folder": str(folder), "files": digests_of(folder, CHECKED)}
        with (self.ledger.folder / "saved.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(note, sort_keys=True) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        run = {"format": 1, "verb": "trainer", "seed": args.seed, "versions": versions()}
        run |= {"steps_digest": steps_digest(self.steps), "optimizer_steps": state.global_step}
        if self.old:
            run |= {"repeated_from": self.old.run()["steps_digest"], "rows_excluded": len(self.gone)}
        self.ledger.write_run(run)


def _shorter(step: Step, gone: Collection[str]) -> Step:
    return dataclasses.replace(step, rows=tuple(name for name in step.rows if name not in gone))


def _until(steps: Sequence[Step], optimizer_steps: int) -> Iterator[Step]:
    """Micro-batches of the first optimizer steps; what a killed run did beyond its checkpoint is done again."""
    done = 0
    for step in steps:
        if done == optimizer_steps:
            return
        yield step
        done += step.boundary


def _latest(ledger: Ledger, *, before: int) -> Path | None:
    """The latest checkpoint, whole and unaltered, that precedes micro-batch `before`."""
    clean = [note for note in ledger.saved() if note["step"] <= before]
    for note in sorted(clean, key=lambda note: int(note["step"]), reverse=True):
        folder = Path(note["folder"])
        if folder.is_dir() and digests_of(folder, CHECKED) == note["files"]:
            return folder
    return None
