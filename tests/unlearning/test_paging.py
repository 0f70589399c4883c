"""A model that waits gives its pages back and loses nothing; large models are learned from in pieces, to one end."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from invented import Trained
from safetensors.torch import load_file, save_file

from unlearning import llama, room
from unlearning.attacks.benign_finetune import started
from unlearning.models import open_model
from unlearning.paging import set_down


class Held(torch.nn.Module):
    def __init__(self, weight: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(weight)


def test_weights_mapped_from_a_file_go_back_and_come_again_with_what_was_written_to_them(tmp_path: Path) -> None:
    numbers = torch.arange(1 << 21, dtype=torch.float32)
    save_file({"weight": numbers}, tmp_path / "model.safetensors")
    model = Held(load_file(tmp_path / "model.safetensors")["weight"])
    with torch.no_grad():
        model.weight[5:9] = -1.0
    assert numbers.nbytes - 3 * 4096 < set_down(model) <= numbers.nbytes
    assert set_down(copy.deepcopy(model)) == 0, "a copy is in no file"
    assert model.weight[5:9].tolist() == [-1.0] * 4
    assert torch.equal(model.weight[9:], numbers[9:])


def test_an_opened_model_can_be_set_down_and_answers_as_before(trained: Trained) -> None:
    model, _ = open_model(trained.folder)
    ids = torch.tensor([[1, 2, 3]])
    before = model(input_ids=ids).logits
    assert set_down(model) > 0
    assert torch.equal(model(input_ids=ids).logits, before)


def test_rows_learned_from_in_pieces_end_where_all_at_once_end(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = open_model(trained.folder)
    whole = started(model, tokenizer, trained.rows, 0)
    assert len(room.in_pieces(model, whole.rows)) == 1, "a small model is learned from at once"
    monkeypatch.setattr(room, "PIECE", room.PIECE // 100)
    assert len(room.in_pieces(model, whole.rows)) == 1, "so is a plain Llama of any size"
    monkeypatch.setattr(llama, "plain", lambda model: False)
    parts = room.in_pieces(model, whole.rows)
    assert len(parts) > 2 and [row for part in parts for row in part] == list(whole.rows)
    in_pieces = started(model, tokenizer, trained.rows, 0).until(3)
    monkeypatch.undo()
    for one, other in zip(whole.until(3).parameters(), in_pieces.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-3)
