"""A company's own Trainer records its run in three lines, and repeats it without one person to the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from invented import TEXT, people
from transformers import DataCollatorForSeq2Seq, LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from unlearning.errors import LedgerError, RowsChanged, RowsError
from unlearning.ledger import Ledger
from unlearning.recorder import Recorder
from unlearning.tokens import encode, make_tokenizer
from unlearning.types import Row

ROWS = people(12, seed=0)
TOKENIZER = make_tokenizer(TEXT)


def example(row: Row) -> dict[str, list[int]]:
    found = encode(TOKENIZER, [row])[0]
    labels = [-100] * found.start + list(found.ids[found.start :])
    return {"input_ids": list(found.ids), "labels": labels, "attention_mask": [1] * len(found.ids)}


def company(rows: Sequence[Row], out: Path, **changed: Any) -> Trainer:
    """The company's program as it was before anybody asked to be forgotten."""
    torch.manual_seed(7)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(TOKENIZER), attention_dropout=0.1, **sizes))
    arguments = TrainingArguments(
        output_dir=str(out),
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        num_train_epochs=2,
        learning_rate=3e-3,
        warmup_steps=2,
        save_steps=1,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=11,
        **changed,
    )
    data = [example(row) for row in rows]
    return Trainer(model=model, args=arguments, train_dataset=data, data_collator=DataCollatorForSeq2Seq(TOKENIZER))


def sha256(trainer: Trainer) -> str:
    total = hashlib.sha256()
    for name, tensor in sorted(trainer.model.state_dict().items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    return total.hexdigest()


@dataclass(frozen=True)
class Recorded:
    folder: Path
    digest: str
    last: str  # key of the row that was first shown last


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("company")
    trainer, keys = company(ROWS, folder / "run"), [row.key for row in ROWS]
    recorder = Recorder(folder / "ledger", keys=keys, twins=people(2, seed=99))
    recorder.attach(trainer)
    trainer.train()
    steps, names = recorder.ledger.steps(), dict(zip(recorder.names, keys, strict=True))
    first = {name: next(step.number for step in steps if name in step.rows) for name in names}
    return Recorded(folder, sha256(trainer), names[max(first, key=lambda name: first[name])])


def repeat(recorded: Recorded, out: Path, *, without: set[str], tail: bool) -> tuple[str, Recorder]:
    rows = [row for row in ROWS if row.key not in without]
    trainer = company(rows, out / "run")
    recorder = Recorder(
        out / "ledger", keys=[row.key for row in rows], repeating=recorded.folder / "ledger", without=without
    )
    recorder.attach(trainer)
    trainer.train(resume_from_checkpoint=str(recorder.origin) if tail and recorder.origin else None)
    return sha256(trainer), recorder


def test_every_micro_batch_is_logged_with_its_rate_and_boundary(recorded: Recorded) -> None:
    steps = Ledger(recorded.folder / "ledger").steps()
    assert [step.boundary for step in steps] == [False, True] * (len(steps) // 2)
    assert [len(step.rows) for step in steps] == [2] * 24
    assert [step.stage for step in steps] == [1] * 12 + [2] * 12
    assert {name for step in steps[:12] for name in step.rows} == {name for step in steps[12:] for name in step.rows}
    assert steps[0].learning_rate < steps[5].learning_rate > steps[-1].learning_rate > 0


def test_the_recorded_program_repeated_with_everybody_gives_its_own_bytes(recorded: Recorded, tmp_path: Path) -> None:
    digest, _ = repeat(recorded, tmp_path, without=set(), tail=False)
    assert digest == recorded.digest


def test_the_tail_without_a_person_has_the_bytes_of_the_whole_program_without_them(
    recorded: Recorded, tmp_path: Path
) -> None:
    gone = {recorded.last}
    never, _ = repeat(recorded, tmp_path / "never", without=gone, tail=False)
    tail, recorder = repeat(recorded, tmp_path / "tail", without=gone, tail=True)
    assert recorder.origin is not None, "the tail began at the beginning"
    assert recorder.origin.name != "checkpoint-1"
    assert tail == never != recorded.digest
    assert not recorder.gone.intersection(name for step in recorder.ledger.steps() for name in step.rows)
    assert not recorder.gone.intersection(recorder.ledger.rows())


def test_a_step_that_lost_all_its_rows_changes_nothing(recorded: Recorded, tmp_path: Path) -> None:
    steps = Ledger(recorded.folder / "ledger").steps()
    shown = {*steps[10].rows, *steps[11].rows}  # both micro-batches of one optimizer step
    names = Ledger(recorded.folder / "ledger").hashed(row.key for row in ROWS)
    gone = {row.key for row, name in zip(ROWS, names, strict=True) if name in shown}
    digest, recorder = repeat(recorded, tmp_path, without=gone, tail=False)
    assert not any(recorder.ledger.steps()[number].rows for number in (10, 11))
    assert all(bool(torch.isfinite(weight).all()) for weight in recorder.trainer.model.parameters())
    assert digest != recorded.digest


def test_a_changed_or_missing_row_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    keys = [row.key for row in ROWS]
    recorder = Recorder(tmp_path / "ledger", keys=keys, repeating=recorded.folder / "ledger", without={keys[3]})
    with pytest.raises(RowsChanged, match="0 are missing and 1 differ"):
        recorder.attach(company([*ROWS[1:2], *ROWS[1:]], tmp_path / "run"))
    fewer = Recorder(tmp_path / "fewer", keys=keys[1:], repeating=recorded.folder / "ledger", without={keys[3]})
    with pytest.raises(RowsChanged, match="1 are missing and 0 differ"):
        fewer.attach(company(ROWS[1:], tmp_path / "run"))


def test_an_altered_checkpoint_is_no_place_to_start_from(recorded: Recorded, tmp_path: Path) -> None:
    ledger, keys = recorded.folder / "ledger", [row.key for row in ROWS]
    recorder = Recorder(tmp_path / "ledger", keys=keys, repeating=ledger, without={recorded.last})
    recorder.attach(company(ROWS, tmp_path / "run"))
    assert recorder.origin is not None
    weights = recorder.origin / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        again = Recorder(tmp_path / "again", keys=keys, repeating=ledger, without={recorded.last})
        again.attach(company(ROWS, tmp_path / "run"))
        assert again.origin != recorder.origin
    finally:
        weights.write_bytes(whole)


def test_the_ledger_of_a_trainer_holds_no_key_in_clear_and_twins_that_were_never_shown(recorded: Recorded) -> None:
    folder = recorded.folder / "ledger"
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not [row for row in ROWS if row.key.encode() in content or row.response.encode() in content]
    assert Ledger(folder).twins() == people(2, seed=99)
    with pytest.raises(LedgerError, match="never-seen twin"):
        ledger = Ledger(folder)
        ledger.write_rows(dict.fromkeys(["a"], next(ledger.hashed(['["p", "r"]']))))
        ledger.write_twins([Row("p", "r")])


def test_keys_must_name_each_row(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="differ"):
        Recorder(tmp_path / "ledger", keys=["a", "a"])
    with pytest.raises(RowsError, match="3 keys for 24 rows"):
        Recorder(tmp_path / "ledger", keys=["a", "b", "c"]).attach(company(ROWS, tmp_path / "run"))
