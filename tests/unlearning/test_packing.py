"""Rows laid end to end give what the stock model gives, forward and backward, whatever its shape."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from unlearning import attention, llama
from unlearning.attention import attend
from unlearning.batches import answer_logits, collate, logits_of_each, losses_of_each, token_losses
from unlearning.layout import Layout
from unlearning.tokens import Encoded

SIZES = {"vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}
SHAPES: dict[str, dict[str, Any]] = {
    "tied": {"num_key_value_heads": 4, "tie_word_embeddings": True},
    "grouped": {"num_key_value_heads": 2, "tie_word_embeddings": False},
    "wide heads": {"num_key_value_heads": 1, "head_dim": 16},
    "stretched": {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}},
}
LENGTHS = (9, 3, 17, 2, 30, 11, 11, 4, 25, 7)


def make(shape: str) -> Any:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, **SHAPES[shape]}))
    for name, weight in model.named_parameters():
        if name.endswith("norm.weight"):
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model


def rows() -> list[Encoded]:
    ids = torch.randint(0, 90, (sum(LENGTHS),), generator=torch.Generator().manual_seed(1)).tolist()
    starts = [sum(LENGTHS[:place]) for place in range(len(LENGTHS))]
    return [
        Encoded(tuple(ids[start : start + length]), start=1 + length // 2)
        for start, length in zip(starts, LENGTHS, strict=True)
    ]


def family() -> list[Encoded]:
    """Rows that begin alike: in the question, into the answer, wholly, and one that is another's beginning."""
    first = rows()[4].ids
    ends = (first, (*first[:20], 1, 2, 3), (*first[:12], 5), first[:9], (*first[:20], 1, 2, 4, 4, 4), first, (7, 8))
    starts = (14, 14, 6, 5, 14, 18, 1)
    return [Encoded(tuple(ids), start) for ids, start in zip(ends, starts, strict=True)]


def crowd() -> list[Encoded]:
    """Forty rows of three beginnings, one row that is such a beginning, one wholly its own."""
    draw = torch.Generator().manual_seed(5)
    stems = [torch.randint(0, 90, (length,), generator=draw).tolist() for length in (40, 34, 25)]
    rows = []
    for place in range(40):
        tail = torch.randint(0, 90, (4 + place % 9,), generator=draw).tolist()
        stem = stems[place % 3]
        rows.append(Encoded((*stem, *tail), start=len(stem) - place % 2))
    return [*rows, Encoded(tuple(stems[0]), start=30), Encoded((1, 2, 3), start=1)]


def stock_logits(model: Any, chosen: Sequence[Encoded] | None = None) -> Any:
    """Row by row, alone, without any pad, all tokens through everything."""
    given = rows() if chosen is None else chosen
    return torch.cat([model(input_ids=torch.tensor([row.ids])).logits[0, row.start - 1 : -1] for row in given])


@pytest.mark.parametrize("shape", SHAPES)
def test_packed_rows_give_the_logits_of_each_row_alone(shape: str) -> None:
    model, batch = make(shape), collate(rows())
    assert llama.suits(model, batch.layout)
    torch.testing.assert_close(answer_logits(model, batch), stock_logits(model), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_rows_begin_with_alike_is_computed_once_and_nothing_else_changes(shape: str) -> None:
    model, batch = make(shape), collate(family())
    distinct = {row.ids[:length] for row in family() for length in range(1, len(row.ids) + 1)}
    assert len(batch.packed[0]) == batch.layout.tokens == len(distinct) < len(batch.ids[batch.ids >= 0])
    torch.testing.assert_close(answer_logits(model, batch), stock_logits(model, family()), atol=2e-5, rtol=1e-4)
    weights = torch.rand(len(batch.owner), 1, generator=torch.Generator().manual_seed(2))
    wanted = torch.autograd.grad((stock_logits(model, family()) * weights).square().mean(), list(model.parameters()))
    found = torch.autograd.grad((answer_logits(model, batch) * weights).square().mean(), list(model.parameters()))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_beginning_that_many_rows_share_is_asked_and_shown_once(shape: str) -> None:
    model, batch = make(shape), collate(crowd())
    shapes = batch.layout.rectangles
    assert sum(shape.start > 20 for shape in shapes) >= 3
    slots = sum(len(shape.rows) * shape.tail for shape in shapes)
    assert slots < 0.6 * batch.ids.numel()
    torch.testing.assert_close(answer_logits(model, batch), stock_logits(model, crowd()), atol=2e-5, rtol=1e-4)
    weights = torch.rand(len(batch.owner), 1, generator=torch.Generator().manual_seed(2))
    wanted = torch.autograd.grad((stock_logits(model, crowd()) * weights).square().mean(), list(model.parameters()))
    found = torch.autograd.grad((answer_logits(model, batch) * weights).square().mean(), list(model.parameters()))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=2e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=40), min_size=1, max_size=60))
def test_whatever_rows_share_each_token_is_asked_once_and_sees_what_stands_before_it(rows: list[list[int]]) -> None:
    layout = collate([Encoded(tuple(ids), start=1) for ids in rows]).layout
    nodes, every = layout.nodes, 4
    slots = layout.slots(layout.rectangles, heads=2, groups=1)
    assert slots.unfold[slots.fold].tolist() == list(range(layout.tokens * every))
    further, whose = slots.again
    assert slots.unfold[further].tolist() == whose.tolist() and not set(further.tolist()) & set(slots.fold.tolist())
    asked = slots.fold.view(layout.tokens, every)[:, :2].flatten()
    assert torch.equal(slots.back, asked) and slots.back.max() < slots.asked
    for shape in layout.rectangles:
        shown = {tuple(nodes[row, : shape.start].tolist()) for row in shape.rows}
        assert len(shown) == 1 and (shape.start == 0 or min(next(iter(shown))) >= 0)
    covered = {
        node
        for shape in layout.rectangles
        for row in shape.rows
        for node in nodes[row, shape.start : shape.width].tolist()
    }
    assert covered - {-1} == set(range(layout.tokens))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=20), min_size=1, max_size=30), st.randoms())
def test_in_a_last_layer_the_kept_alone_ask_and_see_all_that_stands_before_them(
    rows: list[list[int]], draw: random.Random
) -> None:
    layout = collate([Encoded(tuple(ids), start=1) for ids in rows]).layout
    kept = torch.tensor(sorted(draw.sample(range(layout.tokens), draw.randint(1, layout.tokens))))
    rectangles = layout.asking(kept)
    slots = layout.slots(rectangles, heads=2, groups=1, kept=kept)
    assert slots.every == 2 * len(kept) + 2 * layout.tokens
    assert slots.unfold[slots.fold].tolist() == list(range(slots.every)), "each head is somewhere"
    assert slots.unfold[slots.back].tolist() == list(range(2 * len(kept))) and slots.back.max() < slots.asked
    for shape, whole in zip(rectangles, layout.rectangles, strict=True):
        before = layout.nodes[list(shape.rows), shape.start : shape.first]
        assert not set(before.flatten().tolist()) & set(kept.tolist()), "who is wanted asks"
        assert (shape.rows, shape.start, shape.width) == (whole.rows, whole.start, whole.width)


@pytest.mark.parametrize("times", [1, 60], ids=["as they come", "with scores too large to be written as powers"])
@pytest.mark.parametrize("shape", SHAPES)
def test_where_nothing_is_learned_the_same_comes_out(shape: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, fallen = make(shape), []
    for layer in model.model.layers:
        layer.self_attn.q_proj.weight.data *= times * 30
    monkeypatch.setattr(attention, "attend", lambda *given, **named: fallen.append(1) or attend(*given, **named))
    with torch.inference_mode():
        for chosen in (rows(), family(), crowd()):
            batch = collate(chosen)
            wanted = torch.nn.functional.cross_entropy(stock_logits(model, chosen), batch.targets, reduction="none")
            torch.testing.assert_close(token_losses(model, batch), wanted, atol=2e-4, rtol=1e-3)
    assert bool(fallen) == (times > 1)


def test_batches_in_one_pass_give_what_each_gives_alone() -> None:
    model, parts = make("grouped"), (collate(rows()[:4]), collate(family()), collate(rows()[4:]))
    for found, part in zip(logits_of_each(model, *parts), parts, strict=True):
        torch.testing.assert_close(found, answer_logits(model, part), atol=2e-5, rtol=1e-4)
    assert [len(losses) for losses in losses_of_each(model, *parts)] == [len(part.owner) for part in parts]


@pytest.mark.parametrize("shape", SHAPES)
def test_packed_rows_give_the_gradients_of_each_row_alone(shape: str) -> None:
    model, batch = make(shape), collate(rows())
    token_losses(model, batch).mean().backward()
    packed = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(stock_logits(model), batch.targets).backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(packed[name], weight.grad, atol=2e-6, rtol=2e-3, msg=lambda text, n=name: n + text)


def _hook(model: Any) -> None:
    model.model.layers[1].mlp.register_forward_hook(lambda module, given, result: result * 0)


def _replace(model: Any) -> None:
    model.model.layers[0].self_attn.q_proj = torch.nn.Identity()


def _parametrize(model: Any) -> None:
    torch.nn.utils.parametrize.register_parametrization(
        model.model.layers[0].mlp.up_proj, "weight", torch.nn.Identity()
    )


def _halve(model: Any) -> None:
    model.to(torch.bfloat16)


@pytest.mark.parametrize("change", [_hook, _replace, _parametrize, _halve])
def test_a_model_that_was_changed_inside_is_left_to_its_own_code(change: Callable[[Any], None]) -> None:
    model = make("tied")
    change(model)
    assert not llama.suits(model, Layout(LENGTHS))


def test_very_long_rows_are_left_to_the_stock_attention() -> None:
    assert llama.suits(make("tied"), Layout((llama.WIDEST,)))
    assert not llama.suits(make("tied"), Layout((llama.WIDEST + 1, 3)))


def test_other_bodies_give_the_same_through_padding() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=4, n_positions=64)).eval()
    torch.testing.assert_close(answer_logits(model, collate(rows())), stock_logits(model), atol=2e-5, rtol=1e-4)


def test_frozen_weights_get_no_gradient_and_the_others_the_same() -> None:
    model, batch = make("tied"), collate(rows())
    token_losses(model, batch).mean().backward()
    all_grads = {name: weight.grad for name, weight in model.named_parameters()}
    again = make("tied")
    for name, weight in again.named_parameters():
        weight.requires_grad_("layers.2" in name)
    token_losses(again, batch).mean().backward()
    for name, weight in again.named_parameters():
        assert (weight.grad is None) is ("layers.2" not in name)
        if weight.grad is not None:
            torch.testing.assert_close(weight.grad, all_grads[name])
